// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Convolution in time of every channel by itself, over channels-last rows. On CPU in
// float32 it runs its own loops (one pass over memory each way, vectorised over
// channels); elsewhere it is at::conv1d with groups.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni {

// y[b, t, c] = bias[c] + sum_k weight[k, c] * x[b, t + k - K / 2, c], zeros outside. x
// [B, T, C] in any float dtype, weight [K, C] with K odd, bias [C]; returns float32
// [B, T, C]. Differentiable in all three. Results do not depend on the number of
// threads.
[[nodiscard]] at::Tensor
depthwise_conv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// The same by at::conv1d, on any device.
[[nodiscard]] at::Tensor depthwise_conv1d_reference(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias);

} // namespace omni
