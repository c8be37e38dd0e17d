// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// RMSNorm that weighs its own output: y = norm(x) gives y * sigmoid(up(silu(down(y)))),
// with maps of low rank. Rows [..., D] in and out, as any norm. The sigmoid is float32
// whatever the dtype.
#pragma once

#include "omni/core/linear_map.h"
#include "omni/transformer/rms_norm.h"

namespace omni {

// x * sigmoid(logits), both of one shape, in x's dtype.
[[nodiscard]] at::Tensor gated(const at::Tensor& x, const at::Tensor& logits);

class GatedRmsNormImpl : public RmsNormImpl {
 public:
  // The weight's name is "norm_weight": checkpoints store it elsewhere than a plain
  // norm's.
  GatedRmsNormImpl(const RmsNormConfig& config, int64_t rank);
  at::Tensor forward(const at::Tensor& x) override;
  kernels::AddRmsNorm
  add(const at::Tensor& branch, const at::Tensor& residual, double multiplier) override;
  // The norm as any, the maps normal with deviation 0.5 / sqrt(width).
  void reset_parameters() override;

  LinearMap gate_down{nullptr}; // [rank, width]
  LinearMap gate_up{nullptr}; // [width, rank]

 private:
  at::Tensor weigh(const at::Tensor& normed);
};

// With a gate of `rank`, or without one for 0.
[[nodiscard]] RmsNorm make_norm(const RmsNormConfig& config, int64_t rank);

} // namespace omni
