// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The fused step when what it was made from changes, beside training and other threads,
// and with caches that are not its own.
#include <ATen/ATen.h>

#include <thread>

#include "tests/support/catch.h"
#include "tests/transformer/decoding_by_step.h"

namespace omni {
namespace {

using omni::testing::Contains;
using testing::grouped_attention;
using testing::has_fused_step;
using testing::Inputs;
using testing::inputs_of;
using testing::make_config;
using testing::make_rounded;
using testing::rows_of;
using testing::step_through;

// What a model with these parameters gives that has never seen others.
at::Tensor by_twin(
    Transformer& model,
    const std::function<at::Tensor(Transformer&)>& run) {
  Transformer twin(model->config);
  twin->to(at::kBFloat16);
  const auto parameters = model->named_parameters();
  for (const auto& item : twin->named_parameters()) {
    item.value().copy_(parameters[item.key()]);
  }
  return run(twin);
}

} // namespace

TEST_CASE("a step sees every parameter as it is, however it was changed") {
  const at::NoGradGuard guard;
  if (!has_fused_step()) {
    return;
  }
  TransformerConfig config = make_config(NormPlacement::Sandwich, 0, true);
  config.has_tied_head = false;
  for (LayerConfig& layer : config.layers) {
    layer.has_output_bias = layer.has_feed_forward_bias = true;
  }
  Transformer model = make_rounded(config);
  model->to(at::kBFloat16);
  const Inputs in = inputs_of(config, 5);
  const auto run = [&](Transformer& of) {
    KvCache cache(config, {.dtype = at::kBFloat16});
    of->forward(rows_of(in, 0, 3), cache);
    return of->logits(step_through(of, in, cache, 3, 5));
  };
  using Change = std::function<void(at::Tensor)>;
  const std::pair<const char*, Change> changes[] = {
      {"in place", [](at::Tensor x) { x.mul_(1.25).add_(0.125); }},
      {"replaced twice",
       [](at::Tensor x) {
         x.set_data(x.detach() * 1.25);
         x.set_data(x.detach() + 0.125);
       }},
      {"through float32 and back", [](at::Tensor x) {
         x.set_data(x.detach().to(at::kFloat) * 1.25);
         x.set_data(x.detach().to(at::kBFloat16));
       }}};
  const at::Tensor before = run(model);
  for (const auto& item : model->named_parameters()) {
    if (item.key() == "embed.weight") {
      continue; // rows come from without
    }
    const at::Tensor kept = item.value().clone();
    for (const auto& [name, change] : changes) {
      INFO(item.key() << " " << name);
      change(item.value());
      const at::Tensor got = run(model);
      CHECK_FALSE(at::equal(got, before));
      CHECK(at::equal(got, by_twin(model, run)));
      item.value().copy_(kept);
      CHECK(at::equal(run(model), before));
    }
  }
  // Another tensor in a member, which the module's list of parameters knows nothing of.
  at::Tensor& weight = grouped_attention(model, 1).output->weight;
  at::Tensor& norm = model->norm->weight;
  weight = weight * 2.0;
  const at::Tensor halved = run(model);
  CHECK_FALSE(at::equal(halved, before));
  norm = norm * 2.0;
  CHECK_FALSE(at::equal(run(model), halved));
}

TEST_CASE("gradients flow though the weights have packed forms") {
  if (!has_fused_step()) {
    return;
  }
  const TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
  Transformer model = make_rounded(config);
  model->to(at::kBFloat16);
  const Inputs in = inputs_of(config, 6);
  KvCache cache(config, {.dtype = at::kBFloat16});
  const at::Tensor hidden = step_through(model, in, cache, 0, 6);
  CHECK_FALSE(hidden.requires_grad());
  REQUIRE(grouped_attention(model, 0).qkv->packed() != nullptr);
  model->logits(model->forward(rows_of(in, 0, 6))).square().sum().backward();
  for (const auto& item : model->named_parameters()) {
    INFO(item.key());
    REQUIRE(item.value().grad().defined());
    CHECK(item.value().grad().abs().sum().item<double>() > 0.0);
  }
}

TEST_CASE("two threads step two sequences through one model") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(NormPlacement::Pre, 7, true);
  Transformer model = make_rounded(config);
  model->to(at::kBFloat16);
  const Inputs in[] = {inputs_of(config, 60), inputs_of(config, 60, 2)};
  at::Tensor got[2];
  const auto run = [&](size_t which) {
    KvCache cache(
        config, {.capacity_tokens = 4, .slack_tokens = 3, .dtype = at::kBFloat16});
    got[which] = step_through(model, in[which], cache, 0, 60);
  };
  std::thread other(run, 1); // the packed forms are made while both ask for them
  run(0);
  other.join();
  const at::Tensor together[] = {got[0], got[1]};
  for (const size_t which : {0, 1}) {
    run(which);
    CHECK(at::equal(got[which], together[which]));
  }
}

TEST_CASE("a cache of another model or dtype is refused before it is written") {
  const at::NoGradGuard guard;
  if (!has_fused_step()) {
    return;
  }
  const TransformerConfig config = make_config(NormPlacement::Pre, 7, true);
  Transformer model = make_rounded(config);
  model->to(at::kBFloat16);
  const Inputs in = inputs_of(config, 1);
  KvCache half(config, {.dtype = at::kHalf});
  CHECK_THROWS_WITH(
      model->forward(rows_of(in, 0, 1), half),
      Contains(
          "[packed_decoder] expected a cache of float32 or bfloat16 with 2 heads of "
          "12 entries in layer 0, got Half [2, "));
  CHECK(half.num_tokens() == 0);
  TransformerConfig narrow = config;
  narrow.layers[1].num_kv_heads = 1;
  KvCache other(narrow, {.dtype = at::kBFloat16});
  CHECK_THROWS_WITH(
      model->forward(rows_of(in, 0, 1), other),
      Contains("with 2 heads of 12 entries in layer 1, got BFloat16 [1, "));
  CHECK(other.num_tokens() == 0);
}

} // namespace omni
