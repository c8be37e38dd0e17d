// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "omni/core/random.h"

namespace omni {

double EvaluationMeans::total() const {
  double sum = 0.0;
  for (const auto& [name, loss] : losses) {
    sum += loss;
  }
  return sum;
}

EvaluationMeans evaluate_set(
    Objective& objective,
    const Dataset& dataset,
    int64_t num_samples,
    int64_t batch_size) {
  const at::NoGradGuard guard;
  const int64_t all = std::min(num_samples, dataset.size());
  std::map<std::string, Ratio> losses;
  std::map<std::string, Ratio> figures;
  for (int64_t begin = 0; begin < all; begin += batch_size) {
    std::vector<Sample> samples;
    std::vector<SampleAddress> addresses;
    for (int64_t i = begin; i < std::min(begin + batch_size, all); ++i) {
      samples.push_back(dataset.read(i));
      addresses.push_back({0, i, mix_seed(0, static_cast<uint64_t>(i))});
    }
    const auto batch = objective.load(samples, addresses, {1, 1}, false);
    const Evaluation evaluation = objective.evaluate(*batch);
    const auto size = static_cast<double>(samples.size());
    for (const LossTerm& term : evaluation.losses.terms) {
      const auto counted = batch->counts.find(term.name);
      losses[term.name] += counted == batch->counts.end()
          ? Ratio{term.sum.item<double>() * size, size}
          : Ratio{term.sum.item<double>(), counted->second};
    }
    for (const auto& [name, figure] : evaluation.losses.figures) {
      figures[name] += {figure.item<double>() * size, size};
    }
    for (const auto& [name, ratio] : evaluation.figures) {
      figures[name] += ratio;
    }
  }
  EvaluationMeans means;
  for (const auto& [name, ratio] : losses) {
    means.losses[name] = ratio.value();
  }
  for (const auto& [name, ratio] : figures) {
    if (ratio.count > 0) { // a share of nothing is not 0
      means.figures[name] = ratio.value();
    }
  }
  return means;
}

} // namespace omni
