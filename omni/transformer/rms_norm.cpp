// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/rms_norm.h"

#include <ATen/ATen.h>

namespace omni {

RmsNormImpl::RmsNormImpl(const RmsNormConfig& config_in)
    : RmsNormImpl(config_in, "weight") {}

RmsNormImpl::RmsNormImpl(const RmsNormConfig& config_in, const char* weight_name)
    : config(config_in) {
  weight = register_parameter(weight_name, at::empty({config.width}));
}

at::Tensor RmsNormImpl::forward(const at::Tensor& x) {
  return kernels::rms_norm(
      x, weight, {.eps = config.eps, .weight_offset = config.weight_offset});
}

kernels::AddRmsNorm RmsNormImpl::add(
    const at::Tensor& branch,
    const at::Tensor& residual,
    double multiplier) {
  return kernels::add_rms_norm(
      branch, residual, weight,
      {.eps = config.eps,
       .weight_offset = config.weight_offset,
       .branch_multiplier = multiplier});
}

void RmsNormImpl::reset_parameters() {
  torch::nn::init::constant_(weight, 1.0 - config.weight_offset);
}

} // namespace omni
