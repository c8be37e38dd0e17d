// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One id at addresses that stay, run as it is and replayed, against
// Transformer::forward with a cache.
#include "omni/transformer/static_step.h"

#include "tests/support/catch.h"
#include "tests/support/recorded_calls.h"
#include "tests/transformer/decoding_by_step.h"

namespace omni {
namespace {

using testing::make_config;
using testing::make_rounded;
using testing::RecordedCalls;
using testing::relative_difference;

constexpr int64_t kPrompt = 5, kSteps = 40;

struct Case {
  const char* name;
  TransformerConfig config;
};

Case case_of(
    const char* name,
    const std::function<void(LayerConfig&)>& change,
    NormPlacement placement = NormPlacement::Pre,
    int64_t window = 0) {
  Case made{name, make_config(placement, window, true)};
  for (LayerConfig& layer : made.config.layers) {
    change(layer);
  }
  return made;
}

// Layer 0 turns halves over three axes, layer 1 pairs, both with q/k norm.
std::vector<Case> cases() {
  std::vector<Case> all = {
      case_of("two groups", [](LayerConfig&) {}),
      case_of(
          "one group, every bias, norms around",
          [](LayerConfig& layer) {
            layer.num_kv_heads = 1;
            layer.has_output_bias = layer.has_feed_forward_bias = true;
          },
          NormPlacement::Sandwich),
      case_of(
          "a head for each, no q/k norm, norm after",
          [](LayerConfig& layer) {
            layer.num_kv_heads = 4;
            layer.has_qk_norm = layer.has_qkv_bias = false;
            layer.attention_scale = 0.4;
          },
          NormPlacement::Post),
      case_of(
          "one axis, part of a head turns, a norm after the feed-forward",
          [](LayerConfig& layer) {
            layer.rotary.axis_layout = AxisLayout::OneAxis;
            layer.rotary.axis_sections.clear();
            layer.rotary.rotary_width = 6;
          },
          NormPlacement::PreWithFeedForwardPost),
      case_of(
          "interleaved axes",
          [](LayerConfig& layer) {
            layer.rotary.axis_layout = AxisLayout::Interleaved;
          }),
      case_of(
          "nothing turns",
          [](LayerConfig& layer) { layer.rotary.kind = RotaryKind::None; }),
      case_of(
          "gates behind norms",
          [](LayerConfig& layer) {
            layer.attention_norm_rank = layer.feed_forward_norm_rank = 3;
          }),
      // Its buffer is full, and moves to its front, within the steps.
      case_of(
          "a window", [](LayerConfig&) {}, NormPlacement::Pre, 7)};
  Case untied = all.front();
  untied.name = "a head of its own, multipliers";
  untied.config.has_tied_head = false;
  untied.config.logits_multiplier = 0.3;
  untied.config.norm_weight_offset = 1.0;
  all.push_back(untied);
  return all;
}

StaticStepParts parts_of(const Transformer& model) {
  return {
      model,
      [model](const at::Tensor& ids, const at::Tensor& /*positions*/) {
        return Transformer(model)->embed(ids);
      },
      model->parameters()};
}

int64_t id_at(int64_t index) {
  return (index * 7 + 3) % 50;
}

std::array<float, 3> position_at(int64_t index) {
  const auto t = static_cast<float>(index);
  return {t, t + static_cast<float>(index % 3), 0.5f * t};
}

TransformerInput rows_of(Transformer& model, int64_t begin, int64_t size) {
  std::vector<int64_t> ids;
  std::vector<float> positions;
  for (int64_t i = begin; i < begin + size; ++i) {
    ids.push_back(id_at(i));
    const std::array<float, 3> position = position_at(i);
    positions.insert(positions.end(), position.begin(), position.end());
  }
  return {
      model->embed(at::tensor(ids)).unsqueeze(0),
      at::tensor(positions).view({1, size, 3}),
      {}};
}

KvCacheOptions options_of(const Transformer& model, int64_t capacity = 8) {
  return {
      .capacity_tokens = capacity,
      .slack_tokens = 3,
      .dtype = model->table->weight.scalar_type()};
}

at::Tensor logits_of(Transformer& model, KvCache& cache, int64_t index) {
  return model->logits(model->forward(rows_of(model, index, 1), cache))
      .flatten()
      .to(at::kFloat);
}

// Logits [V] of a step, kept.
at::Tensor step_at(StaticStep& step, KvCache& cache, int64_t index) {
  return step.run(id_at(index), position_at(index), cache).clone();
}

// The step must give what the forward does, over so many ids that caches grow twice.
void check_steps(const Case& one, at::ScalarType dtype) {
  INFO(one.name << ", " << dtype);
  Transformer model = make_rounded(one.config);
  model->to(dtype);
  KvCache plain(one.config, options_of(model)), placed(one.config, options_of(model));
  model->forward(rows_of(model, 0, kPrompt), plain);
  model->forward(rows_of(model, 0, kPrompt), placed);
  StaticStep step(parts_of(model));
  for (int64_t i = kPrompt; i < kPrompt + kSteps; ++i) {
    const at::Tensor expected = logits_of(model, plain, i);
    const at::Tensor got = step_at(step, placed, i);
    REQUIRE(got.scalar_type() == at::kFloat);
    REQUIRE(got.sizes() == expected.sizes());
    // In bfloat16 the forward rounds less: it is the fused step.
    CHECK(relative_difference(got, expected) < (dtype == at::kFloat ? 1e-6 : 0.03));
  }
  CHECK(placed.num_tokens() == kPrompt + kSteps);
  // From 8 rows to 16, 32 and 64; a window that moves within its memory counts for
  // none.
  CHECK(step.num_recordings() == 4);
}

} // namespace

TEST_CASE("a static step gives the logits of a step with a cache") {
  const at::NoGradGuard guard;
  for (const Case& one : cases()) {
    check_steps(one, at::kFloat);
    check_steps(one, at::kBFloat16);
  }
}

TEST_CASE("a static step that is only replayed gives them too") {
  const at::NoGradGuard guard;
  const RecordedCalls graphs;
  for (const Case& one : cases()) {
    const auto before = graphs.counts();
    check_steps(one, at::kFloat);
    CHECK(graphs.counts().recordings - before.recordings == 4);
    CHECK(graphs.counts().replays - before.replays == kSteps);
    CHECK(graphs.counts().calls > 20);
  }
  check_steps(cases().front(), at::kBFloat16);
}

TEST_CASE("a static step reads and writes the same memory until its cache grows") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(NormPlacement::Pre, 4, true);
  Transformer model = make_rounded(config);
  KvCache cache(config, options_of(model, 16));
  const RecordedCalls graphs;
  StaticStep step(parts_of(model));
  const auto addresses = [&](KvCache& of) {
    std::vector<const void*> found;
    for (int64_t layer = 0; layer < 2; ++layer) {
      const KvCache::NewRow row = of.append_row(layer);
      found.push_back(row.keys_GLK.const_data_ptr());
      found.push_back(row.values_GLK.const_data_ptr());
    }
    of.truncate(of.num_tokens() - 1);
    return found;
  };
  const auto first = addresses(cache);
  const void* logits = step.run(id_at(0), position_at(0), cache).const_data_ptr();
  for (int64_t i = 1; i < 15; ++i) {
    CHECK(step.run(id_at(i), position_at(i), cache).const_data_ptr() == logits);
    CHECK(addresses(cache) == first);
  }
  CHECK(graphs.counts().recordings == 1);
  step.run(id_at(15), position_at(15), cache);
  CHECK(graphs.counts().recordings == 1);
  step.run(id_at(16), position_at(16), cache);
  CHECK(graphs.counts().recordings == 2);
  CHECK(addresses(cache) != first);
  // Cut back, it goes on in the same memory.
  REQUIRE(cache.truncate(14));
  KvCache fresh(config, options_of(model));
  model->forward(rows_of(model, 0, 14), fresh);
  const at::Tensor expected = logits_of(model, fresh, 14);
  CHECK(relative_difference(step_at(step, cache, 14), expected) < 1e-6);
  CHECK(graphs.counts().recordings == 2);
}

TEST_CASE("a static step is recorded anew for another cache and for moved weights") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
  Transformer model = make_rounded(config);
  const RecordedCalls graphs;
  StaticStep step(parts_of(model));
  KvCache first(config, options_of(model, 64)), other(config, options_of(model, 64));
  const at::Tensor of_first = step_at(step, first, 0);
  step_at(step, first, 1);
  CHECK(graphs.counts().recordings == 1);
  CHECK(at::equal(step_at(step, other, 0), of_first));
  CHECK(graphs.counts().recordings == 2);

  // Written where they are: read by the same recording.
  model->norm->weight.mul_(2.0);
  CHECK_FALSE(at::equal(step_at(step, other, 1), of_first));
  CHECK(graphs.counts().recordings == 2);
  model->norm->weight.set_data(model->norm->weight / 2.0);
  REQUIRE(other.truncate(0));
  CHECK(at::equal(step_at(step, other, 0), of_first));
  CHECK(graphs.counts().recordings == 3);
}

TEST_CASE("a static step asks for no value that is on a device") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(NormPlacement::Sandwich, 4, true);
  Transformer model = make_rounded(config);
  KvCache cache(config, options_of(model));
  StaticStep step(parts_of(model));
  CHECK(testing::waiting_operators([&] {
          step.run(id_at(0), position_at(0), cache);
        }) == std::set<std::string>());
  CHECK(
      testing::waiting_operators([] { at::ones({1}).item(); }).contains("aten::item"));
}

TEST_CASE("a static step runs on tensors without values") {
  // Whatever read one, or brought it to the host, would fail.
  const at::NoGradGuard guard;
  const Case one = case_of(
      "one axis",
      [](LayerConfig& layer) {
        layer.rotary.axis_layout = AxisLayout::OneAxis;
        layer.rotary.axis_sections.clear();
      },
      NormPlacement::Sandwich, 4);
  Transformer model = make_rounded(one.config);
  for (const auto& module : model->modules()) {
    if (auto* map = dynamic_cast<LinearMapImpl*>(module.get())) {
      map->weight = map->weight.to(at::kMeta);
      map->bias = map->bias.defined() ? map->bias.to(at::kMeta) : map->bias;
    } else if (auto* norm = dynamic_cast<RmsNormImpl*>(module.get())) {
      norm->weight = norm->weight.to(at::kMeta);
    }
  }
  KvCacheOptions options = options_of(model);
  options.device = at::kMeta;
  KvCache nowhere(one.config, options);
  // Looking up a row has no kernel for such tensors in C++.
  StaticStep of_nothing(
      {model,
       [&](const at::Tensor& /*ids*/, const at::Tensor& positions) {
         return at::zeros({1, 1, one.config.width}, positions.options());
       },
       {}});
  for (int64_t i = 0; i < 20; ++i) {
    CHECK(of_nothing.run(id_at(i), position_at(i), nowhere).is_meta());
  }
  CHECK(nowhere.num_tokens() == 20);
}

TEST_CASE("layers that wait for the device have no static step") {
  const std::function<void(LayerConfig&)> changes[] = {
      [](LayerConfig& layer) {
        layer.attention = AttentionKind::Latent;
        layer.latent = {10, 14, 8, 4, 6, 1e-5, false, {}};
        layer.has_qk_norm = false;
        layer.rotary = {};
      },
      [](LayerConfig& layer) {
        layer.experts.num_experts = layer.experts.experts_per_token = 3;
        layer.experts.width = 16;
      }};
  for (const auto& change : changes) {
    TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
    change(config.layers[1]);
    Transformer model = make_rounded(config);
    CHECK_FALSE(model->takes_placed_rows());
    CHECK_THROWS_WITH(
        StaticStep(parts_of(model)),
        testing::Contains("[static_step] expected layers of grouped-query attention"));
    CHECK_THROWS_AS(
        model->forward_placed(rows_of(model, 0, 1), {}), c10::NotImplementedError);
  }
}

TEST_CASE("a static step that fails leaves the cache as it was") {
  const at::NoGradGuard guard;
  TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
  config.max_positions = 3;
  Transformer model = make_rounded(config);
  KvCache cache(config, options_of(model)), twin(config, options_of(model));
  bool fails = true;
  StaticStepParts parts = parts_of(model);
  const RecordedCalls graphs;
  StaticStep step(
      {model,
       [&](const at::Tensor& ids, const at::Tensor& positions) {
         TORCH_CHECK_VALUE(!fails, "out of order");
         return parts.embed(ids, positions);
       },
       parts.weights});
  CHECK_THROWS_AS(step.run(id_at(0), position_at(0), cache), c10::ValueError);
  CHECK(cache.num_tokens() == 0);
  fails = false;
  CHECK(relative_difference(step_at(step, cache, 0), logits_of(model, twin, 0)) < 1e-6);
  step_at(step, cache, 1);
  step_at(step, cache, 2);
  CHECK_THROWS_WITH(
      step.run(id_at(3), position_at(3), cache),
      testing::Contains("[kv_cache] expected at most max_positions = 3 rows, got 4."));
  CHECK(cache.num_tokens() == 3);
}

} // namespace omni
