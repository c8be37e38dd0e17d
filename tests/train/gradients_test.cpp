// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/gradients.h"

#include <ATen/ATen.h>

#include "tests/support/catch.h"

namespace omni {
namespace {

enum class Teaches { Something, Nothing, OnlyFrozenParts };

struct Lesson : Batch {
  Teaches teaches = Teaches::Something;
};

// The sum of six times the weights over two items, where there is something to learn.
class LessonObjective : public Objective {
 public:
  explicit LessonObjective(at::Tensor weights) : weights_(std::move(weights)) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>&,
      const std::vector<SampleAddress>&,
      const Progress&,
      bool) override {
    return std::make_unique<Lesson>();
  }

  Losses loss(const Batch& batch, const Progress&) override {
    Losses losses;
    switch (dynamic_cast<const Lesson&>(batch).teaches) {
      case Teaches::Something:
        losses.terms.push_back({"learned", (weights_ * 6.0).sum()});
        break;
      case Teaches::OnlyFrozenParts:
        losses.terms.push_back({"frozen", at::scalar_tensor(4.0)});
        break;
      case Teaches::Nothing:
        break;
    }
    return losses;
  }

  std::vector<std::string> trained_parts() const override {
    return {};
  }

 private:
  at::Tensor weights_;
};

StepBatches lessons(const std::vector<Teaches>& all) {
  StepBatches batches;
  for (const Teaches teaches : all) {
    auto lesson = std::make_unique<Lesson>();
    lesson->teaches = teaches;
    if (teaches == Teaches::Something) {
      lesson->counts["learned"] = 2.0;
    }
    batches.push_back(std::move(lesson));
  }
  return batches;
}

TEST_CASE("a micro-batch with nothing to learn adds nothing to a step") {
  WorkerThreads workers(GENERATE(int64_t{1}, int64_t{2}));
  const auto empty = GENERATE(Teaches::Nothing, Teaches::OnlyFrozenParts);
  const bool is_first = GENERATE(true, false);
  const at::Tensor weights = at::ones({3}).requires_grad_();
  LessonObjective objective(weights);
  const StepBatches batches = lessons(
      is_first ? std::vector{empty, Teaches::Something}
               : std::vector{Teaches::Something, empty});
  const StepLosses losses = differentiate(
      objective, batches, {0, 1}, TrainConfig(), {{"weights", weights}}, workers);
  CHECK(losses.num_without_gradient == 1);
  CHECK(losses.means.at("learned").item<double>() == Approx(9.0));
  REQUIRE(weights.grad().defined());
  CHECK(at::allclose(weights.grad(), at::full({3}, 3.0)));
}

TEST_CASE("a step of nothing but such micro-batches leaves no gradient") {
  WorkerThreads workers(1);
  const at::Tensor weights = at::ones({3}).requires_grad_();
  LessonObjective objective(weights);
  const StepBatches batches = lessons({Teaches::Nothing, Teaches::Nothing});
  const StepLosses losses = differentiate(
      objective, batches, {0, 1}, TrainConfig(), {{"weights", weights}}, workers);
  CHECK(losses.num_without_gradient == 2);
  CHECK(losses.means.empty());
  CHECK_FALSE(weights.grad().defined());
}

} // namespace
} // namespace omni
