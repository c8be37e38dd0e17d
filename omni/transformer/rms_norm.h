// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// RMSNorm with one weight a channel, stored as w and used as w + weight_offset. The sum
// of squares is float32 whatever the dtype. gated_rms_norm.h has the same with a gate.
#pragma once

#include <torch/nn.h>

#include "kernels/kernels.h"

namespace omni {

struct RmsNormConfig {
  int64_t width = 0;
  double eps = 1e-6;
  double weight_offset = 0.0;
};

class RmsNormImpl : public torch::nn::Module {
 public:
  explicit RmsNormImpl(const RmsNormConfig& config);
  // x [..., width] -> the same shape and dtype.
  virtual at::Tensor forward(const at::Tensor& x);
  // sum = residual + multiplier * branch in the residual's dtype, and its norm in the
  // branch's.
  virtual kernels::AddRmsNorm
  add(const at::Tensor& branch, const at::Tensor& residual, double multiplier);
  // So that the weight used is 1.
  virtual void reset_parameters();

  const RmsNormConfig config;
  at::Tensor weight; // [width]

 protected:
  RmsNormImpl(const RmsNormConfig& config, const char* weight_name);
};
TORCH_MODULE(RmsNorm);

} // namespace omni
