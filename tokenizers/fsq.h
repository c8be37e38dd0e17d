// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Finite scalar quantisation (Mentzer et al. 2023, arXiv 2309.15505) as the codecs use
// it: a few bounded numbers, each rounded to one of `levels[i]` values, make a code.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

namespace omni {

// Product of the levels. ValueError "[component] …" unless there is at least one level,
// each is >= 2 and the product fits int32.
[[nodiscard]] int64_t num_fsq_codes(
    const std::vector<int64_t>& levels,
    std::string_view component);

// latent [.., dims] → quantised float32 [.., dims] in [-1, 1] with straight-through
// gradient.
[[nodiscard]] at::Tensor fsq_quantize_latent(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels);

// latent [.., dims] → codes int64 [..]. No gradient.
[[nodiscard]] at::Tensor fsq_latent_to_codes(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels);

// codes int64 [..] → float32 [.., dims]. IndexError "[component] …" for a code outside
// [0, num_fsq_codes), TypeError for another dtype.
[[nodiscard]] at::Tensor fsq_codes_to_latent(
    const at::Tensor& codes,
    const std::vector<int64_t>& levels,
    std::string_view component);

// Mean over dimensions of mean^2 + (deviation - 1)^2 of latent [.., dims] over its
// rows: a scalar to be added to a loss with kFsqLatentWeight. It keeps the latent where
// it meets every level; without it the first steps drive tanh into saturation, where a
// code hardly ever changes again.
[[nodiscard]] at::Tensor fsq_latent_loss(const at::Tensor& latent);
inline constexpr double kFsqLatentWeight = 0.1;

// Share in [0, 1] of the codes that occur in `latent` [.., dims], as a float32 scalar.
[[nodiscard]] at::Tensor fsq_share_used(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels);

} // namespace omni
