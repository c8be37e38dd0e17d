// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/expert_router.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include "tests/support/catch.h"

namespace omni {
namespace {

ExpertsConfig make_experts(RouterScore score) {
  ExpertsConfig config;
  config.num_experts = 4;
  config.experts_per_token = 2;
  config.width = 8;
  config.score = score;
  config.has_normalized_weights = false;
  return config;
}

// A router whose logits are the row itself.
ExpertRouter make_router(const ExpertsConfig& config) {
  ExpertRouter router(config.num_experts, config);
  router->reset_parameters(1.0);
  const at::NoGradGuard no_grad;
  router->weight.copy_(at::eye(config.num_experts));
  return router;
}

// One row whose sigmoid scores are these.
at::Tensor row_of(const std::vector<float>& scores) {
  return torch::tensor(scores).logit().unsqueeze(0);
}

void check_choice(
    const ExpertChoice& choice,
    const std::vector<int64_t>& ids,
    const std::vector<float>& weights) {
  CHECK(at::equal(choice.ids[0], torch::tensor(ids)));
  CHECK(choice.weights.scalar_type() == at::kFloat);
  CHECK(at::allclose(choice.weights[0], torch::tensor(weights), 1e-5, 1e-6));
}

} // namespace

TEST_CASE("sigmoid scores are weights as they are, normalised, or scaled") {
  ExpertsConfig config = make_experts(RouterScore::Sigmoid);
  const at::Tensor x = row_of({0.2F, 0.6F, 0.1F, 0.9F});
  check_choice(make_router(config)->forward(x), {3, 1}, {0.9F, 0.6F});
  config.has_normalized_weights = true;
  check_choice(make_router(config)->forward(x), {3, 1}, {0.6F, 0.4F});
  config.weight_scale = 2.5;
  check_choice(make_router(config)->forward(x), {3, 1}, {1.5F, 1.0F});
}

TEST_CASE("softmax scores are taken over all experts before the best are chosen") {
  ExpertsConfig config = make_experts(RouterScore::Softmax);
  const at::Tensor x = torch::tensor({0.4F, 0.1F, 0.3F, 0.2F}).log().unsqueeze(0);
  check_choice(make_router(config)->forward(x), {0, 2}, {0.4F, 0.3F});
  config.has_normalized_weights = true;
  check_choice(make_router(config)->forward(x), {0, 2}, {0.4F / 0.7F, 0.3F / 0.7F});
}

TEST_CASE("the choice bias chooses but does not weigh") {
  ExpertsConfig config = make_experts(RouterScore::Sigmoid);
  config.has_choice_bias = true;
  ExpertRouter router = make_router(config);
  const at::Tensor x = row_of({0.9F, 0.1F, 0.6F, 0.5F});
  check_choice(router->forward(x), {0, 2}, {0.9F, 0.6F});
  router->choice_bias.copy_(torch::tensor({-1.0F, 0.6F, 0.0F, 0.0F}));
  check_choice(router->forward(x), {1, 2}, {0.1F, 0.6F});
  CHECK_FALSE(router->choice_bias.requires_grad());
}

TEST_CASE("experts come from the groups whose two best are best together") {
  ExpertsConfig config = make_experts(RouterScore::Sigmoid);
  config.num_groups = 2;
  // The best expert of all is in the group of the lower sum, 1.0 against 1.1.
  const at::Tensor x = row_of({0.9F, 0.1F, 0.5F, 0.6F});
  check_choice(make_router(config)->forward(x), {3, 2}, {0.6F, 0.5F});
  config.kept_groups = 2;
  check_choice(make_router(config)->forward(x), {0, 3}, {0.9F, 0.6F});

  SECTION("a bias moves groups too") {
    config.kept_groups = 1;
    config.has_choice_bias = true;
    ExpertRouter router = make_router(config);
    router->choice_bias.copy_(torch::tensor({0.0F, 0.3F, 0.0F, 0.0F}));
    check_choice(router->forward(x), {0, 1}, {0.9F, 0.1F});
  }
  SECTION("soft groups let others in where the kept are below 0") {
    config.kept_groups = 1;
    config.has_choice_bias = true;
    ExpertRouter router = make_router(config);
    router->choice_bias.copy_(torch::tensor({-0.95F, -0.05F, -0.8F, 0.2F}));
    // Choice -0.05, 0.05; -0.3, 0.8: the second group, whose first is below 0.
    CHECK(router->forward(x).ids[0].equal(torch::tensor({3, 2}, at::kLong)));
    config.has_soft_groups = true;
    ExpertRouter soft = make_router(config);
    soft->choice_bias.copy_(router->choice_bias);
    const at::Tensor ids = soft->forward(x).ids[0];
    CHECK(ids[0].item<int64_t>() == 3);
    CHECK(ids[1].item<int64_t>() < 2); // either, both count as 0
  }
  SECTION("a group of one is as good as its expert") {
    config.num_groups = 4;
    config.kept_groups = 2;
    check_choice(make_router(config)->forward(x), {0, 3}, {0.9F, 0.6F});
  }
}

TEST_CASE("a router is float32 whatever comes in and under autocast") {
  ExpertsConfig config = make_experts(RouterScore::Sigmoid);
  ExpertRouter router(16, config);
  torch::manual_seed(5);
  router->reset_parameters(0.3);
  router->to(at::kBFloat16);
  const at::Tensor x = at::randn({9, 16}).to(at::kBFloat16);
  const ExpertChoice low = router->forward(x);
  router->to(at::kFloat); // the weights stay rounded
  const at::Tensor wide = x.to(at::kFloat);
  const ExpertChoice plain = router->forward(wide);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const ExpertChoice cast = router->forward(wide);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  for (const ExpertChoice* choice : {&low, &cast}) {
    CHECK(at::equal(choice->ids, plain.ids));
    CHECK(at::equal(choice->weights, plain.weights));
  }
}

TEST_CASE("no rows have no experts") {
  ExpertsConfig config = make_experts(RouterScore::Sigmoid);
  config.num_groups = 2;
  const ExpertChoice choice = make_router(config)->forward(at::zeros({0, 4}));
  CHECK(choice.ids.sizes() == at::IntArrayRef({0, 2}));
  CHECK(choice.weights.sizes() == at::IntArrayRef({0, 2}));
}

} // namespace omni
