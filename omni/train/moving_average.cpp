// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/moving_average.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace omni {

MovingAverage::MovingAverage(double decay, const NamedTensors& parameters)
    : decay_(decay) {
  if (decay > 0.0) {
    parameters_ = parameters;
    for (const auto& [name, parameter] : parameters) {
      average_.emplace_back(name, parameter.detach().clone());
    }
  }
}

void MovingAverage::update(int64_t num_steps) {
  const auto n = static_cast<double>(num_steps);
  const double decay = std::min(decay_, (1.0 + n) / (10.0 + n));
  const at::NoGradGuard guard;
  for (size_t i = 0; i < average_.size(); ++i) {
    average_[i].second.lerp_(parameters_[i].second, 1.0 - decay);
  }
}

void MovingAverage::swap() {
  const at::NoGradGuard guard;
  for (size_t i = 0; i < average_.size(); ++i) {
    const at::Tensor trained = parameters_[i].second.detach().clone();
    parameters_[i].second.copy_(average_[i].second);
    average_[i].second.copy_(trained);
  }
}

} // namespace omni
