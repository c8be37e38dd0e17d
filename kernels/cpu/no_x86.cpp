// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// In place of the files with AVX-512 and AVX2 where the compiler is not for x86-64.
#include "kernels/cpu/attend_rows_avx512.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/cpu/softmax_avx512.h"

namespace omni::kernels::cpu {

const PackedProducts* avx512_products() {
  return nullptr;
}

const PackedProducts* avx2_products() {
  return nullptr;
}

bool has_attend_avx512(const AttendShape&) {
  return false;
}

void attend_block_avx512(
    const AttendShape&,
    const float*,
    const uint16_t*,
    const uint16_t*,
    int64_t,
    float*,
    float*) {}

float softmax_weights_avx512(float, int64_t, const float*, uint16_t*) {
  return 0.0f;
}

} // namespace omni::kernels::cpu
