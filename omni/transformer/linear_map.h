// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = x W^T + b. Unlike torch::nn::Linear it leaves its parameters unset when built, so
// that loading a checkpoint never pays for random numbers it then overwrites.
#pragma once

#include <torch/nn.h>

namespace omni {

struct LinearMapOptions {
  int64_t input_width = 0;
  int64_t output_width = 0;
  bool has_bias = false;
};

class LinearMapImpl : public torch::nn::Module {
 public:
  explicit LinearMapImpl(const LinearMapOptions& options);
  // x [..., input_width] -> [..., output_width].
  at::Tensor forward(const at::Tensor& x);
  // Weight normal with deviation `weight_std`, bias 0.
  void reset_parameters(double weight_std);

  at::Tensor weight; // [output_width, input_width]
  at::Tensor bias; // [output_width] or undefined
};
TORCH_MODULE(LinearMap);

} // namespace omni
