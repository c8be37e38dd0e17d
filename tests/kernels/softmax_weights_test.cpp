// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/softmax_avx512.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels::cpu {

decltype(softmax_weights_avx512) emulated_softmax_weights_avx512; // avx512_emulation.h

TEST_CASE("AVX-512 makes weights of scores, rounded once, and writes no more") {
  constexpr uint16_t kUntouched = 0x1234;
  for (const int64_t size : {1, 15, 16, 17, 32, 333}) {
    INFO(size << " scores");
    at::Tensor scores = kernels::testing::normal({size}, at::kFloat, 1) * 20;
    if (size > 2) {
      scores[2] = -std::numeric_limits<float>::infinity(); // hidden
    }
    std::vector<uint16_t> got(static_cast<size_t>(size + 1), kUntouched);
    const float sum = emulated_softmax_weights_avx512(
        0.25f, size, scores.const_data_ptr<float>(), got.data());
    const at::Tensor scaled = scores.to(at::kDouble) * 0.25;
    const at::Tensor expected = (scaled - scaled.max()).exp();
    CHECK(std::abs(sum / expected.sum().item<double>() - 1.0) < 1e-5);
    const at::Tensor weights =
        at::from_blob(got.data(), {size}, at::kBFloat16).to(at::kDouble);
    CHECK(at::allclose(weights, expected, 1.0 / 256, 1e-30));
    CHECK(got.back() == kUntouched);
  }
}

} // namespace omni::kernels::cpu
