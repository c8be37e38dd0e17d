// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The exponential moving average of trained parameters, which is what a run evaluates
// and leaves behind. Without a decay it holds nothing and does nothing.
#pragma once

#include "omni/core/safetensors.h"

namespace omni {

class MovingAverage {
 public:
  // `decay` 0: none. `parameters` stay the caller's; the average begins as a copy.
  MovingAverage(double decay, const NamedTensors& parameters);

  // After step number `num_steps` (from 1): a <- d a + (1 - d) p. A young average
  // follows quickly: d = min(decay, (1 + num_steps) / (10 + num_steps)).
  void update(int64_t num_steps);
  // The average in the parameters' place, and back.
  void swap();
  [[nodiscard]] const NamedTensors& tensors() const {
    return average_;
  }

 private:
  double decay_;
  NamedTensors parameters_;
  NamedTensors average_;
};

} // namespace omni
