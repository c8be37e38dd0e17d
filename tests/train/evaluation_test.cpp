// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/evaluation.h"

#include <ATen/ATen.h>

#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

// Sample number n counts n + 1 items, each with a loss of n and right when n is even.
class NumberObjective : public Objective {
 public:
  struct Numbers : Batch {
    std::vector<double> numbers;
  };

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress& progress,
      bool is_training) override {
    CHECK_FALSE(is_training);
    CHECK(progress.share() == 1.0);
    auto batch = std::make_unique<Numbers>();
    for (size_t i = 0; i < samples.size(); ++i) {
      CHECK(samples[i].kind == std::to_string(addresses[i].index));
      batch->numbers.push_back(static_cast<double>(addresses[i].index));
      batch->counts["number"] += batch->numbers.back() + 1.0;
    }
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    ++num_passes;
    double sum = 0.0;
    double largest = 0.0;
    for (const double n : dynamic_cast<const Numbers&>(batch).numbers) {
      sum += n * (n + 1.0);
      largest = std::max(largest, n);
    }
    return {
        {{"number", at::scalar_tensor(sum)}, {"mean", at::scalar_tensor(largest)}},
        {},
        {{"largest", at::scalar_tensor(largest)}}};
  }

  Evaluation evaluate(const Batch& batch) override {
    Evaluation evaluation = Objective::evaluate(batch);
    for (const double n : dynamic_cast<const Numbers&>(batch).numbers) {
      const bool is_even = static_cast<int>(n) % 2 == 0;
      evaluation.figures["accuracy"] += {is_even ? n + 1.0 : 0.0, n + 1.0};
    }
    return evaluation;
  }

  std::vector<std::string> trained_parts() const override {
    return {};
  }

  int num_passes = 0;
};

TEST_CASE("evaluation weighs by what is counted, however samples fall into batches") {
  const test::TemporaryFolder folder;
  for (int i = 0; i < 7; ++i) {
    const std::string name = std::to_string(i);
    std::string json = "{\"messages\": [], \"kind\": \"";
    json += name + "\"}";
    write_file(folder / (name + ".json"), json);
  }
  const Dataset dataset(folder.path);
  for (const int64_t batch_size : {1, 4, 5, 100}) {
    NumberObjective objective;
    const EvaluationMeans means = evaluate_set(objective, dataset, 5, batch_size);
    CHECK(objective.num_passes == (5 + batch_size - 1) / batch_size);
    // Of 0 to 4: sum of n (n + 1) over sum of n + 1.
    CHECK(means.losses.at("number") == Approx(40.0 / 15.0));
    CHECK(means.figures.at("accuracy") == Approx((1.0 + 3.0 + 5.0) / 15.0));
    if (batch_size == 4) { // what is a mean already, by the samples it is of
      CHECK(means.losses.at("mean") == Approx((4.0 * 3.0 + 1.0 * 4.0) / 5.0));
      CHECK(means.figures.at("largest") == Approx((4.0 * 3.0 + 1.0 * 4.0) / 5.0));
    }
    CHECK(means.total() == Approx(means.losses.at("number") + means.losses.at("mean")));
  }
}

} // namespace
} // namespace omni
