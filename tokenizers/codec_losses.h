// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a training step of a codec or vocoder hands to the trainer: named loss terms to
// be added up, and plain figures to log.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace omni {

struct CodecLosses {
  // Each a scalar float32, already averaged and weighted: the loss is their sum.
  std::vector<std::pair<std::string, at::Tensor>> terms;
  std::vector<std::pair<std::string, at::Tensor>> figures; // detached scalars
};

} // namespace omni
