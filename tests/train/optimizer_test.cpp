// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Optimizers, rates and averages by hand.
#include "omni/train/optimizer.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include "omni/train/moving_average.h"
#include "omni/train/name_patterns.h"
#include "omni/train/running_means.h"
#include "omni/train/schedule.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

at::Tensor parameter(const at::Tensor& values) {
  return values.clone().set_requires_grad(true);
}

TEST_CASE("Newton-Schulz brings singular values near one") {
  torch::manual_seed(0);
  const auto sizes = GENERATE(std::pair(24, 24), std::pair(16, 40), std::pair(40, 16));
  // A matrix of known singular values, from 0.1 to 1.
  const int64_t rank = std::min(sizes.first, sizes.second);
  const at::Tensor left = std::get<0>(at::linalg_qr(at::randn({2, sizes.first, rank})));
  const at::Tensor right =
      std::get<0>(at::linalg_qr(at::randn({2, sizes.second, rank})));
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  const at::Tensor made =
      orthogonalize(
          at::matmul(left * at::linspace(0.1, 1.0, rank), right.transpose(1, 2)), dtype)
          .to(at::kFloat);
  const at::Tensor values = at::linalg_svdvals(made);
  CHECK(values.max().item<double>() < 1.35);
  CHECK(values.min().item<double>() > 0.4);
}

TEST_CASE("AdamW's first step is the learning rate in the gradient's direction") {
  at::Tensor weight = at::zeros({3}).set_requires_grad(true);
  OptimizerOptions options;
  options.learning_rate = 0.1;
  options.clip_norm = 0.0;
  Optimizer optimizer({{"w", weight}}, options);
  weight.mutable_grad() = at::tensor({2.0F, -3.0F, 0.5F});
  WorkerThreads alone(1);
  const at::Tensor norm = optimizer.step(1.0, alone);
  CHECK(norm.item<double>() == Approx(std::sqrt(4.0 + 9.0 + 0.25)));
  CHECK(at::allclose(weight.detach(), at::tensor({-0.1F, 0.1F, -0.1F}), 1e-4, 1e-5));
}

TEST_CASE("AdamW decays matrices only, by the rate, and follows the formula") {
  OptimizerOptions options;
  options.learning_rate = 0.1;
  options.weight_decay = 0.5;
  options.beta1 = 0.9;
  options.beta2 = 0.8;
  options.clip_norm = 0.0;
  const at::Tensor matrix = parameter(at::tensor({1.0F, -2.0F}).view({1, 2}));
  const at::Tensor vector = parameter(at::tensor({1.0F, -2.0F}));
  Optimizer optimizer({{"m", matrix}, {"v", vector}}, options);
  WorkerThreads alone(1);
  const double grads[] = {0.5, -1.5};
  double m = 0.0, v = 0.0, of_matrix = 1.0, of_vector = 1.0;
  for (int step = 1; step <= 2; ++step) {
    const double g = grads[step - 1];
    at::Tensor(matrix).mutable_grad() = at::full({1, 2}, g);
    at::Tensor(vector).mutable_grad() = at::full({2}, g);
    optimizer.step(0.5, alone);
    const double rate = 0.05; // half of the peak
    m = 0.9 * m + 0.1 * g;
    v = 0.8 * v + 0.2 * g * g;
    const double change = rate * (m / (1.0 - std::pow(0.9, step))) /
        (std::sqrt(v / (1.0 - std::pow(0.8, step))) + 1e-8);
    of_matrix = of_matrix * (1.0 - rate * 0.5) - change;
    of_vector -= change;
  }
  CHECK(matrix[0][0].item<double>() == Approx(of_matrix).epsilon(1e-5));
  CHECK(vector[0].item<double>() == Approx(of_vector).epsilon(1e-5));
}

TEST_CASE("AdamW minds the strides of a gradient") {
  OptimizerOptions options;
  options.weight_decay = 0.0;
  options.clip_norm = 0.0;
  at::manual_seed(3);
  const at::Tensor gradient = at::randn({16, 8, 3, 3});
  const at::Tensor plain = parameter(at::zeros({16, 8, 3, 3}));
  const at::Tensor strided = parameter(at::zeros({16, 8, 3, 3}));
  Optimizer optimizer({{"plain", plain}, {"strided", strided}}, options);
  WorkerThreads alone(1);
  for (int step = 0; step < 2; ++step) {
    at::Tensor(plain).mutable_grad() = gradient * (step + 1);
    at::Tensor(strided).mutable_grad() =
        (gradient * (step + 1)).contiguous(at::MemoryFormat::ChannelsLast);
    optimizer.step(1.0, alone);
  }
  CHECK(plain.abs().sum().item<double>() > 0.0);
  CHECK(at::equal(plain, strided));
}

TEST_CASE("Muon's first step is the orthogonal factor at its scale") {
  torch::manual_seed(1);
  OptimizerOptions options;
  options.muon = {"*.weight"};
  options.muon_learning_rate = 0.1;
  options.weight_decay = 0.5;
  options.clip_norm = 0.0;
  const at::Tensor begin = at::randn({8, 2});
  const at::Tensor grad = at::randn({8, 2});
  const at::Tensor weight = parameter(begin);
  Optimizer optimizer({{"a.weight", weight}}, options);
  at::Tensor(weight).mutable_grad() = grad.clone();
  WorkerThreads alone(1);
  optimizer.step(1.0, alone);
  const at::Tensor factor = orthogonalize(grad.unsqueeze(0))[0];
  const at::Tensor wanted =
      begin * (1.0 - 0.1 * 0.5) - factor * 0.1 * std::sqrt(8.0 / 2.0);
  CHECK(at::allclose(weight.detach(), wanted, 1e-4, 1e-5));
}

TEST_CASE("gradients are clipped together and the norm before that is returned") {
  OptimizerOptions options;
  options.learning_rate = 1.0;
  options.beta1 = 0.0;
  options.beta2 = 0.0;
  options.eps = 1.0; // so that a step shows the size of its gradient: g / (|g| + 1)
  options.clip_norm = 1.0;
  const at::Tensor a = parameter(at::zeros({1}));
  const at::Tensor b = parameter(at::zeros({1}));
  Optimizer optimizer({{"a", a}, {"b", b}}, options);
  at::Tensor(a).mutable_grad() = at::tensor({3.0F});
  at::Tensor(b).mutable_grad() = at::tensor({4.0F});
  WorkerThreads alone(1);
  CHECK(optimizer.step(1.0, alone).item<double>() == Approx(5.0));
  CHECK(a.item<double>() == Approx(-0.6 / 1.6).epsilon(1e-4));
  CHECK(b.item<double>() == Approx(-0.8 / 1.8).epsilon(1e-4));
  // Below the limit nothing is scaled.
  const at::Tensor before = a.detach().clone();
  at::Tensor(a).mutable_grad() = at::tensor({0.5F});
  CHECK(optimizer.step(1.0, alone).item<double>() == Approx(0.5));
  CHECK((before - a).item<double>() == Approx(0.5 / 1.5).epsilon(1e-4));
}

TEST_CASE("groups scale the rates of AdamW and Muon") {
  torch::manual_seed(2);
  OptimizerOptions options;
  options.muon = {"*.muon"};
  options.clip_norm = 0.0;
  options.groups = {{"slow.*", 0.25}, {"slow*", 100.0}}; // the first match counts
  const at::Tensor begin = at::randn({4, 4});
  const at::Tensor grad = at::randn({4, 4});
  NamedTensors named;
  for (const char* name : {"slow.adam", "fast.adam", "slow.muon", "fast.muon"}) {
    named.emplace_back(name, parameter(begin));
    at::Tensor(named.back().second).mutable_grad() = grad.clone();
  }
  Optimizer optimizer(named, options);
  WorkerThreads alone(1);
  optimizer.step(1.0, alone);
  const auto moved = [&](size_t i) { return named[i].second.detach() - begin; };
  CHECK(at::allclose(moved(0), moved(1) * 0.25, 1e-3, 1e-6));
  CHECK(at::allclose(moved(2), moved(3) * 0.25, 1e-3, 1e-6));
  CHECK(moved(1).abs().max().item<double>() > 1e-4);
}

TEST_CASE("a parameter without a gradient is left alone, decay and all") {
  OptimizerOptions options;
  options.weight_decay = 0.5;
  options.muon = {"c"};
  const at::Tensor a = parameter(at::ones({2, 2}));
  const at::Tensor b = parameter(at::ones({2, 2}));
  const at::Tensor c = parameter(at::ones({2, 2}));
  Optimizer optimizer({{"a", a}, {"b", b}, {"c", c}}, options);
  at::Tensor(a).mutable_grad() = at::ones({2, 2});
  WorkerThreads alone(1);
  optimizer.step(1.0, alone);
  CHECK_FALSE(at::equal(a.detach(), at::ones({2, 2})));
  CHECK(at::equal(b.detach(), at::ones({2, 2})));
  CHECK(at::equal(c.detach(), at::ones({2, 2})));
}

TEST_CASE("the moving average follows by hand, and swaps there and back") {
  const at::Tensor weight = parameter(at::tensor({1.0F}));
  MovingAverage average(0.5, {{"w", weight}});
  double wanted = 1.0;
  for (int step = 1; step <= 12; ++step) {
    const at::NoGradGuard guard;
    weight.fill_(static_cast<double>(step) * 2.0);
    average.update(step);
    const double decay = std::min(0.5, (1.0 + step) / (10.0 + step)); // 2/11, 3/12, ...
    wanted = decay * wanted + (1.0 - decay) * step * 2.0;
  }
  CHECK(average.tensors()[0].second.item<double>() == Approx(wanted).epsilon(1e-6));
  average.swap();
  CHECK(weight.item<double>() == Approx(wanted).epsilon(1e-6));
  CHECK(average.tensors()[0].second.item<double>() == 24.0);
  average.swap();
  CHECK(weight.item<double>() == 24.0);

  MovingAverage none(0.0, {{"w", weight}});
  none.update(1);
  none.swap();
  CHECK(none.tensors().empty());
  CHECK(weight.item<double>() == 24.0);
}

TEST_CASE("running means go on from what a checkpoint kept, bit for bit") {
  RunningMeans whole;
  RunningMeans first;
  RunningMeans second;
  for (int i = 0; i < 7; ++i) {
    const at::Tensor value = at::scalar_tensor(0.1 * i + 1.0 / 3.0, at::kFloat);
    whole.add("a", value);
    (i < 4 ? first : second).add("a", value);
    if (i == 3) {
      second.load_state(first.state());
    }
  }
  CHECK(second.take().at("a") == whole.take().at("a"));
  CHECK(second.take().empty());
}

TEST_CASE("warm-up, plateau and linear decay have these values") {
  ScheduleOptions options;
  options.warmup_steps = 10;
  options.decay_fraction = 0.5;
  options.final_fraction = 0.1;
  const auto share = [&](int64_t step) {
    return learning_rate_share(options, step, 100);
  };
  CHECK(share(0) == Approx(0.1));
  CHECK(share(4) == Approx(0.5));
  CHECK(share(9) == Approx(1.0));
  CHECK(share(10) == Approx(1.0));
  CHECK(share(50) == Approx(1.0));
  CHECK(share(60) == Approx(1.0 - 0.9 * 0.2));
  CHECK(share(75) == Approx(0.55));
  CHECK(share(99) == Approx(1.0 - 0.9 * 0.98));
  CHECK(share(100) == Approx(0.1));
  options.decay_fraction = 0.0;
  CHECK(share(99) == Approx(1.0));
}

TEST_CASE("half a cosine has these values, and a constant rate stays") {
  ScheduleOptions options;
  options.kind = ScheduleKind::Cosine;
  options.warmup_steps = 20;
  options.final_fraction = 0.2;
  const auto share = [&](int64_t step) {
    return learning_rate_share(options, step, 100);
  };
  CHECK(share(9) == Approx(0.5));
  CHECK(share(20) == Approx(1.0));
  CHECK(share(40) == Approx(0.2 + 0.8 * 0.5 * (1.0 + std::cos(M_PI / 4.0))));
  CHECK(share(60) == Approx(0.6));
  CHECK(share(100) == Approx(0.2));
  options.kind = ScheduleKind::Constant;
  options.warmup_steps = 0;
  CHECK(share(0) == 1.0);
  CHECK(share(99) == 1.0);
}

TEST_CASE("names match patterns with stars") {
  CHECK(matches_pattern("vit.layers.0.weight", "vit.*.weight"));
  CHECK(matches_pattern("abc", "*"));
  CHECK(matches_pattern("aXbXc", "a*X*c"));
  CHECK_FALSE(matches_pattern("vit.layers.0.bias", "vit.*.weight"));
  CHECK_FALSE(matches_pattern("abc", "ab"));
}

TEST_CASE("the nearest names are those with the fewest edits") {
  const std::vector<std::string> names = {
      "vit.layers.0.mlp.weight", "vit.layers.1.mlp.weight", "vit.norm.weight",
      "conformer.layers.0.mlp.weight", "transformer.embed.weight"};
  CHECK(
      nearest_names("vit.layer.*.weight", names, 2) ==
      std::vector<std::string>{"vit.layers.*.mlp.weight", "vit.norm.weight"});
  CHECK(
      nearest_names("transformer.embd.weight", names, 1) ==
      std::vector<std::string>{"transformer.embed.weight"});
  CHECK(nearest_names("x", {}, 3).empty());
  CHECK_THROWS_WITH(
      check_patterns({"vit.*", "vitt.*"}, names, "freeze", "parameters"),
      omni::testing::Contains("`freeze` to name parameters, got \"vitt.*\""));
}

} // namespace
} // namespace omni
