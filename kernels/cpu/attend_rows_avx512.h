// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// attend_block() of attend_rows.h for bfloat16 caches with AVX-512: scores by dpbf16
// (queries rounded to bfloat16), values for up to four heads at once from one
// conversion. No torch.
#pragma once

#include "kernels/cpu/attend_rows.h"

namespace omni::kernels::cpu {

// Whether attend_block_avx512() takes such rows in this build on this processor.
[[nodiscard]] bool has_attend_avx512(const AttendShape& shape);

// As attend_block(), keys and values as bfloat16 bits.
void attend_block_avx512(
    const AttendShape& shape,
    const float* queries,
    const uint16_t* keys,
    const uint16_t* values,
    int64_t num_rows,
    float* scores,
    float* partial);

} // namespace omni::kernels::cpu
