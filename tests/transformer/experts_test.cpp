// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/experts.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <set>

#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

constexpr int64_t kWidth = 16;

// Softmax without a shared expert, then sigmoid with everything.
ExpertsConfig make_experts(int variant) {
  ExpertsConfig config;
  config.num_experts = 6;
  config.experts_per_token = 3;
  config.width = 11;
  if (variant > 0) {
    config.score = RouterScore::Sigmoid;
    config.has_choice_bias = true;
    config.num_groups = 3;
    config.kept_groups = 2;
    config.weight_scale = 2.5;
    config.shared_width = 13;
    config.is_shared_gated = variant > 1;
  }
  return config;
}

std::shared_ptr<ExpertsFeedForwardImpl> make_module(const ExpertsConfig& config) {
  torch::manual_seed(7);
  auto module = std::make_shared<ExpertsFeedForwardImpl>(kWidth, config);
  module->reset_parameters(0.4, 0.4);
  if (config.has_choice_bias) {
    module->router->choice_bias.normal_(0.0, 0.2);
  }
  return module;
}

at::Tensor
swiglu_of(const at::Tensor& gate_up, const at::Tensor& down, const at::Tensor& x) {
  const std::vector<at::Tensor> halves = at::mv(gate_up, x).chunk(2);
  return at::mv(down, at::silu(halves[0]) * halves[1]);
}

// Row by row and expert by expert.
at::Tensor one_by_one(ExpertsFeedForwardImpl& module, const at::Tensor& x) {
  const ExpertChoice choice = module.router->forward(x);
  std::vector<at::Tensor> rows;
  for (int64_t i = 0; i < x.size(0); ++i) {
    at::Tensor sum = at::zeros({x.size(1)});
    for (int64_t slot = 0; slot < choice.ids.size(1); ++slot) {
      const int64_t expert = choice.ids[i][slot].item<int64_t>();
      sum = sum +
          swiglu_of(
              module.experts->gate_up->weight[expert],
              module.experts->down->weight[expert], x[i]) *
              choice.weights[i][slot];
    }
    if (module.shared) {
      at::Tensor shared =
          swiglu_of(module.shared->gate_up->weight, module.shared->down->weight, x[i]);
      if (module.shared_gate) {
        shared = shared * at::mv(module.shared_gate->weight, x[i]).sigmoid();
      }
      sum = sum + shared;
    }
    rows.push_back(sum);
  }
  return at::stack(rows);
}

} // namespace

TEST_CASE("pairs are sorted by expert and keep their order") {
  const at::Tensor ids =
      torch::tensor(std::vector<int64_t>{2, 0, 0, 3, 3, 2}).view({3, 2});
  const PairsByExpert pairs = sort_by_expert(ids, 5);
  CHECK(pairs.counts == std::vector<int64_t>{2, 0, 2, 2, 0});
  CHECK(at::equal(pairs.rows, torch::tensor(std::vector<int64_t>{0, 1, 0, 2, 1, 2})));
  CHECK(at::equal(pairs.places, torch::tensor(std::vector<int64_t>{2, 0, 1, 4, 5, 3})));
}

TEST_CASE("experts over sorted rows equal experts one by one") {
  const auto variant = GENERATE(0, 1, 2);
  const auto num_rows = GENERATE(int64_t{1}, int64_t{2}, int64_t{19});
  CAPTURE(variant, num_rows);
  const auto module = make_module(make_experts(variant));
  const at::Tensor x = at::randn({num_rows, kWidth}).set_requires_grad(true);
  const at::Tensor probe = at::randn({num_rows, kWidth});
  std::vector<at::Tensor> leaves = {x};
  for (const auto& item : module->named_parameters()) {
    if (item.value().requires_grad()) {
      leaves.push_back(item.value());
    }
  }
  const auto run = [&](const at::Tensor& y) {
    std::vector<at::Tensor> made = torch::autograd::grad({(y * probe).sum()}, leaves);
    made.push_back(y.detach());
    return made;
  };
  const auto ours = run(module->forward(x));
  const auto expected = run(one_by_one(*module, x));
  for (size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK(at::allclose(ours[i], expected[i], 1e-4, 1e-4));
  }
}

TEST_CASE("no rows come and go, and their gradient is zero") {
  const auto module = make_module(make_experts(2));
  const at::Tensor x = at::zeros({0, kWidth}).set_requires_grad(true);
  const at::Tensor y = module->forward(x);
  CHECK(y.sizes() == at::IntArrayRef({0, kWidth}));
  y.sum().backward();
  CHECK(module->experts->down->weight.grad().abs().sum().item<float>() == 0.0F);
}

TEST_CASE("experts in bfloat16 and under autocast stay close to float32") {
  const auto variant = GENERATE(0, 2);
  const auto module = make_module(make_experts(variant));
  module->to(at::kBFloat16);
  const at::Tensor x = at::randn({12, kWidth}).to(at::kBFloat16);
  const at::NoGradGuard no_grad;
  const at::Tensor low = module->forward(x);
  module->to(at::kFloat); // the weights stay rounded, and so does the choice
  const at::Tensor exact = module->forward(x.to(at::kFloat));
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor cast = module->forward(x.to(at::kFloat));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  const double size = exact.abs().max().item<double>();
  for (const at::Tensor& y : {low, cast}) {
    CHECK(y.scalar_type() == at::kBFloat16);
    CHECK(testing::largest_difference(y.to(at::kFloat), exact) < 0.03 * size);
  }
}

TEST_CASE("parameters have the names that checkpoints are mapped to") {
  const auto names = [](int variant) {
    std::set<std::string> made;
    for (const auto& item : make_module(make_experts(variant))->named_parameters()) {
      made.insert(item.key() + " " + c10::str(item.value().sizes()));
    }
    return made;
  };
  CHECK(
      names(0) ==
      std::set<std::string>{
          "router.weight [6, 16]", "experts.gate_up.weight [6, 22, 16]",
          "experts.down.weight [6, 16, 11]"});
  CHECK(
      names(2) ==
      std::set<std::string>{
          "router.weight [6, 16]", "router.choice_bias [6]",
          "experts.gate_up.weight [6, 22, 16]", "experts.down.weight [6, 16, 11]",
          "shared.gate_up.weight [26, 16]", "shared.down.weight [16, 13]",
          "shared_gate.weight [1, 16]"});
}

TEST_CASE("a transformer with experts decodes with a cache as it does without") {
  const at::NoGradGuard guard;
  TransformerConfig config = testing::make_config(NormPlacement::Pre, 0, true);
  config.layers[1].experts = make_experts(2);
  Transformer model = testing::make_transformer(config);
  REQUIRE(std::dynamic_pointer_cast<ExpertsFeedForwardImpl>(
      model->layers[1]->feed_forward));
  const testing::Inputs in = testing::make_inputs(12, 4);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 16, .slack_tokens = 4});
  std::vector<at::Tensor> pieces;
  for (int64_t begin = 0; begin < 12; begin += begin == 0 ? 9 : 1) {
    const int64_t size = begin == 0 ? 9 : 1;
    pieces.push_back(model->forward(
        TransformerInput{
            in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
        cache));
  }
  CHECK(testing::largest_difference(at::cat(pieces, 1), whole) < testing::kTolerance);
}

} // namespace omni
