// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Numbers that look random, by a formula of a name: the twins in
// tests/golden/make_encoder_golden.py use the same.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn.h>

#include <cmath>
#include <string>

namespace omni::testing {

// float64 in [-0.5, 0.5), rounded to float32.
inline at::Tensor filled(const std::string& name, at::IntArrayRef shape) {
  int64_t seed = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    seed += static_cast<int64_t>(i + 1) * static_cast<unsigned char>(name[i]);
  }
  seed %= 997;
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double x =
        std::sin(static_cast<double>(i) * 12.9898 + static_cast<double>(seed)) *
        43758.5453;
    data[i] = static_cast<float>(x - std::floor(x) - 0.5);
  }
  return values;
}

// Every parameter by its name: maps spread over their inputs, norm weights near one.
inline void fill_parameters(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& entry : module.named_parameters()) {
    const std::string& name = entry.key();
    at::Tensor& parameter = entry.value();
    at::Tensor values = filled(name, parameter.sizes());
    if (parameter.dim() == 1) {
      const bool is_norm = name.size() >= 11 && name.ends_with("norm.weight");
      values = values * 0.5 + (is_norm ? 1.0 : 0.0);
    } else {
      const auto fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
      values = values * 3.0 / std::sqrt(fan_in);
    }
    parameter.copy_(values);
  }
}

} // namespace omni::testing
