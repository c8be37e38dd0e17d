// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// The average is what a run evaluates and leaves behind, and disturbs nothing.
#include "omni/train/moving_average.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>

#include "omni/train/evaluation.h"
#include "omni/train/objectives/objectives.h"
#include "tests/support/catch.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

using testing::TinyRun;
using Weights = std::map<std::string, at::Tensor>;

constexpr int64_t kSteps = 8;
constexpr double kDecay = 0.9;

Weights read_weights(const std::filesystem::path& path) {
  Weights weights;
  const SafetensorsReader reader(path);
  for (const auto& [name, entry] : reader.tensors()) {
    weights[name] = reader.read(name);
  }
  return weights;
}

Weights weights_after(const TinyRun& run, int64_t step) {
  return read_weights(
      run.checkpoints() / ("step-0000000" + std::to_string(step)) /
      "weights.safetensors");
}

// Trains to the end, saving every step; the losses of evaluation by step.
std::map<int64_t, double> train_and_evaluate(TinyRun& run, double ema_decay) {
  run.config.ema_decay = ema_decay;
  run.config.schedule = {ScheduleKind::Constant, 0, 0.25, 0.1};
  run.config.optimizer.learning_rate = 0.01;
  run.config.evaluate_every = 2;
  run.config.checkpoint_every_seconds = 0.0;
  run.config.keep_checkpoints = kSteps;
  std::map<int64_t, double> losses;
  REQUIRE(train(
      run.config,
      {[&](const TrainEvent& event) {
         if (event.kind == TrainEvent::Kind::Evaluated) {
           for (const auto& [name, loss] : event.losses) {
             losses[event.step] += loss;
           }
         }
       },
       {}}));
  return losses;
}

// What a model with these weights is evaluated at.
double evaluated_loss(OmniModel& model, const Weights& weights, const TinyRun& run) {
  const at::NoGradGuard guard;
  for (const auto& item : model->named_parameters()) {
    const auto found = weights.find(item.key());
    if (found != weights.end()) {
      at::Tensor(item.value()).copy_(found->second);
    }
  }
  model->eval();
  const auto objective = make_objective(run.config, model);
  return evaluate_set(
             *objective, Dataset(run.config.evaluate[0].data),
             run.config.evaluate_samples, run.config.batch_size)
      .total();
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST_CASE("a run evaluates and saves the average of its steps, and trains as without") {
  TinyRun averaged("image_codec");
  TinyRun plain("image_codec"); // the twin whose steps are averaged here
  const auto evaluated = train_and_evaluate(averaged, kDecay);
  train_and_evaluate(plain, 0.0);
  REQUIRE(evaluated.size() == 4);

  torch::manual_seed(static_cast<uint64_t>(plain.config.seed));
  OmniModel model = build_model(plain.config); // as both began
  Weights average;
  for (const auto& [name, unused] : weights_after(plain, 1)) {
    average[name] = model->named_parameters()[name].detach().clone();
  }
  for (int64_t step = 1; step <= kSteps; ++step) {
    CAPTURE(step);
    const Weights trained = weights_after(plain, step);
    const Weights same = weights_after(averaged, step);
    REQUIRE(trained.size() == same.size());
    const auto n = static_cast<double>(step);
    const double decay = std::min(kDecay, (1.0 + n) / (10.0 + n));
    bool is_equal = true;
    for (const auto& [name, tensor] : trained) {
      is_equal = is_equal && at::equal(tensor, same.at(name));
      average[name] = average[name] * decay + tensor * (1.0 - decay);
    }
    CHECK(is_equal); // evaluation gave the parameters back
    if (evaluated.contains(step)) {
      const double loss = evaluated.at(step);
      CHECK(evaluated_loss(model, average, plain) == Approx(loss).epsilon(1e-5));
      CHECK(evaluated_loss(model, trained, plain) != Approx(loss).epsilon(1e-4));
    }
  }

  const Weights last = weights_after(plain, kSteps);
  const Weights saved = read_weights(averaged.folder / "out/model");
  const Weights saved_plain = read_weights(plain.folder / "out/model");
  double from_last = 0.0;
  for (const auto& [name, tensor] : average) {
    INFO(name);
    CHECK(largest_difference(saved.at(name), tensor) < 1e-5);
    CHECK(at::equal(saved_plain.at(name), last.at(name)));
    from_last = std::max(from_last, largest_difference(tensor, last.at(name)));
  }
  CHECK(from_last > 1e-3);
}

} // namespace
} // namespace omni
