// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/linear_map.h"

#include <ATen/ATen.h>

#include "omni/core/initial_values.h"

namespace omni {

LinearMapImpl::LinearMapImpl(const LinearMapOptions& options) {
  weight = register_parameter(
      "weight", at::empty({options.output_width, options.input_width}));
  bias = register_parameter(
      "bias", options.has_bias ? at::empty({options.output_width}) : at::Tensor(),
      /*requires_grad=*/options.has_bias);
}

at::Tensor LinearMapImpl::forward(const at::Tensor& x) {
  return at::linear(x, weight, bias);
}

void LinearMapImpl::reset_parameters(double weight_std) {
  fill_normal(weight, weight_std);
  if (bias.defined()) {
    torch::nn::init::zeros_(bias);
  }
}

} // namespace omni
