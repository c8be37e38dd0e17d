// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Means of named scalars between two lines of the log, and counts, kept as tensors so
// that a step waits for nothing.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <utility>

namespace omni {

// A sum and how much it counts.
struct Ratio {
  double sum = 0.0;
  double count = 0.0;

  Ratio& operator+=(const Ratio& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
  [[nodiscard]] double value() const {
    return count > 0.0 ? sum / count : 0.0;
  }
};

// Running means of named scalars; reading them is the only synchronisation.
class RunningMeans {
 public:
  void add(const std::string& name, const at::Tensor& value) {
    auto& [sum, count] = sums_[name];
    const at::Tensor single = value.detach().to(at::kFloat);
    sum = sum.defined() ? sum + single : single;
    ++count;
  }
  // Of what is counted rather than averaged: read as the sum.
  void add_count(const std::string& name, int64_t number) {
    auto& [sum, count] = sums_[name];
    const at::Tensor single =
        at::scalar_tensor(static_cast<double>(number), at::kFloat);
    sum = sum.defined() ? sum + single : single;
    count = 1;
  }
  std::map<std::string, double> take() {
    std::map<std::string, double> means;
    for (const auto& [name, ratio] : state()) {
      means[name] = ratio.value();
    }
    sums_.clear();
    return means;
  }
  // What a checkpoint keeps, so that a resumed run logs what the other would have.
  [[nodiscard]] std::map<std::string, Ratio> state() const {
    std::map<std::string, Ratio> ratios;
    for (const auto& [name, entry] : sums_) {
      ratios[name] = {entry.first.item<double>(), static_cast<double>(entry.second)};
    }
    return ratios;
  }
  void load_state(const std::map<std::string, Ratio>& ratios) {
    sums_.clear();
    for (const auto& [name, ratio] : ratios) {
      sums_[name] = {
          at::scalar_tensor(ratio.sum, at::kFloat), static_cast<int64_t>(ratio.count)};
    }
  }

 private:
  std::map<std::string, std::pair<at::Tensor, int64_t>> sums_; // float32 []
};

} // namespace omni
