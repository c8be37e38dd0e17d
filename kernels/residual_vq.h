// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Residual vector quantisation (arXiv 2107.03312): rows as a code of each of Q stages,
// and back. No gradient. Thread-safe. Errors as in kernels.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni::kernels {

// values [.., C], codebooks [Q, N, C] -> codes int64 [.., Q] in [0, N). Stage by stage
// the codeword nearest to what is left, the first of equals, which is then taken off.
// Distances are sums of squared differences in float32 (float64 for float64 values):
// |c|^2 - 2 r c would lose what tells near codewords apart. Rows with NaN take code 0.
at::Tensor residual_vq_encode(const at::Tensor& values, const at::Tensor& codebooks);

// codes int64 [.., Q] -> the sum of their codewords, [.., C] in the codebooks' dtype,
// rounded once.
at::Tensor residual_vq_decode(const at::Tensor& codes, const at::Tensor& codebooks);

} // namespace omni::kernels
