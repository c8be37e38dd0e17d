// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Means of named scalars between two lines of the log, kept as tensors so that a step
// waits for nothing.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <utility>

namespace omni {

// Running means of named scalars; reading them is the only synchronisation.
class RunningMeans {
 public:
  void add(const std::string& name, const at::Tensor& value) {
    auto& [sum, count] = sums_[name];
    sum = sum.defined() ? sum + value.detach() : value.detach();
    ++count;
  }
  std::map<std::string, double> take() {
    std::map<std::string, double> means;
    for (const auto& [name, entry] : sums_) {
      means[name] = entry.first.item<double>() / static_cast<double>(entry.second);
    }
    sums_.clear();
    return means;
  }

 private:
  std::map<std::string, std::pair<at::Tensor, int64_t>> sums_;
};

} // namespace omni
