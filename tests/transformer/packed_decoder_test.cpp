// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One row at a time through the fused step, against whole passes in float32.
#include "omni/transformer/packed_decoder.h"

#include <ATen/Parallel.h>

#include <chrono>

#include "kernels/cpu/core_share.h"
#include "tests/support/busy_cores.h"
#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"
#include "tests/transformer/decoding_by_step.h"

namespace omni {
namespace {

using testing::decoder_of;
using testing::grouped_attention;
using testing::has_fused_step;
using testing::Inputs;
using testing::inputs_of;
using testing::make_config;
using testing::make_rounded;
using testing::relative_difference;
using testing::rows_of;
using testing::step_through;

struct Case {
  const char* name;
  TransformerConfig config;
  int64_t slack = 256;
  at::ScalarType cache_dtype = at::kBFloat16;
  int64_t prompt = 5; // rows that come before the steps
};

// `change` is applied to both layers.
Case case_of(
    const char* name,
    const std::function<void(LayerConfig&)>& change,
    NormPlacement placement = NormPlacement::Pre) {
  Case made{name, make_config(placement, 0, true)};
  for (LayerConfig& layer : made.config.layers) {
    change(layer);
  }
  return made;
}

void turn_one_axis(LayerConfig& layer, int64_t rotary_width) {
  layer.rotary.axis_layout = AxisLayout::OneAxis;
  layer.rotary.axis_sections.clear();
  layer.rotary.rotary_width = rotary_width;
}

// Layer 0 turns halves, layer 1 pairs, but where a case says otherwise.
std::vector<Case> cases() {
  std::vector<Case> all = {
      case_of("grouped heads, q/k norm, 12 to a head", [](LayerConfig&) {}),
      case_of(
          "norm after", [](LayerConfig&) {}, NormPlacement::Post),
      case_of(
          "norms around", [](LayerConfig&) {}, NormPlacement::Sandwich),
      case_of(
          "a norm after the feed-forward", [](LayerConfig&) {},
          NormPlacement::PreWithFeedForwardPost),
      case_of(
          "every bias, one key and value head",
          [](LayerConfig& layer) {
            layer.has_output_bias = layer.has_feed_forward_bias = true;
            layer.num_kv_heads = 1;
          },
          NormPlacement::Sandwich),
      case_of(
          "no bias, no q/k norm, a head for each, a scale",
          [](LayerConfig& layer) {
            layer.has_qkv_bias = layer.has_qk_norm = false;
            layer.num_kv_heads = 4;
            layer.attention_scale = 0.4;
          }),
      case_of(
          "odd widths",
          [](LayerConfig& layer) {
            layer.num_heads = 3;
            layer.num_kv_heads = 1;
            layer.head_width = 10;
            layer.feed_forward_width = 37;
            turn_one_axis(layer, 10);
          }),
      case_of(
          "part of a head turns", [](LayerConfig& layer) { turn_one_axis(layer, 6); }),
      case_of("nothing turns", [](LayerConfig& layer) {
        turn_one_axis(layer, 0);
        layer.rotary.kind = RotaryKind::None;
      })};
  Case untied = all.front();
  untied.name = "a head of its own, multipliers, weights stored less one";
  untied.config.has_tied_head = false;
  untied.config.logits_multiplier = 0.3;
  untied.config.norm_weight_offset = 1.0;
  untied.config.norm_eps = 1e-3;
  all.push_back(untied);
  Case wide = case_of("wider than two tiles", [](LayerConfig& layer) {
    layer.num_heads = 8;
    layer.head_width = 32;
    turn_one_axis(layer, 32);
    layer.feed_forward_width = 200;
  });
  wide.config.width = 160;
  all.push_back(wide);
  Case many =
      case_of("five heads of 64 to a key, more than one block", [](LayerConfig& layer) {
        layer.num_heads = 10;
        layer.head_width = 64;
        turn_one_axis(layer, 64);
      });
  many.prompt = 150;
  all.push_back(many);
  Case float32 = all.front();
  float32.name = "a float32 cache";
  float32.cache_dtype = at::kFloat;
  all.push_back(float32);
  // A window's buffer is full, and moves to its front, within the steps.
  for (const int64_t slack : {0, 3, 16}) {
    Case sliding{"a window", make_config(NormPlacement::Pre, 7, true), slack};
    all.push_back(sliding);
  }
  all.push_back({"a window of one row", make_config(NormPlacement::Pre, 1, true), 2});
  // More rows than one block of attention, and than the most blocks of the least rows.
  for (const int64_t prompt : {250, 2100}) {
    Case longer{"many rows", make_config(NormPlacement::Pre, 200, true), 3};
    longer.prompt = prompt;
    longer.config.max_positions = 4096;
    all.push_back(longer);
  }
  return all;
}

constexpr int64_t kSteps = 45;

} // namespace

TEST_CASE("the fused step is as near to float32 as a plain pass in bfloat16") {
  const at::NoGradGuard guard;
  if (!has_fused_step()) {
    return;
  }
  for (const Case& one : cases()) {
    INFO(one.name << ", slack " << one.slack << ", prompt " << one.prompt);
    Transformer model = make_rounded(one.config);
    const int64_t length = one.prompt + kSteps;
    const Inputs in = inputs_of(one.config, length);
    const auto last = [](const at::Tensor& rows) {
      return rows.narrow(1, rows.size(1) - kSteps, kSteps);
    };
    const at::Tensor expected = last(model->forward(rows_of(in, 0, length)));
    const at::Tensor expected_logits = model->logits(expected);
    model->to(at::kBFloat16);
    const at::Tensor plain = last(model->forward(rows_of(in, 0, length)));
    const at::Tensor plain_logits = model->logits(plain);
    REQUIRE(grouped_attention(model, 0).qkv->packed() == nullptr);
    REQUIRE(decoder_of(model) == nullptr);

    KvCache cache(
        one.config,
        {.capacity_tokens = 8, .slack_tokens = one.slack, .dtype = one.cache_dtype});
    model->forward(rows_of(in, 0, one.prompt), cache);
    const at::Tensor got = step_through(model, in, cache, one.prompt, length);
    CHECK(cache.num_tokens() == length);
    REQUIRE(decoder_of(model) != nullptr);
    CHECK(got.scalar_type() == at::kBFloat16);
    CHECK(got.sizes() == expected.sizes());
    const double plain_error = relative_difference(plain, expected);
    CHECK(plain_error < 0.02); // as transformer_precision_test.cpp has it
    CHECK(relative_difference(got, expected) < plain_error + 1e-3);
    CHECK(
        relative_difference(model->logits(got), expected_logits) <
        relative_difference(plain_logits, expected_logits) + 1e-3);

    // With its logits in one go: not rounded to bfloat16 on the way.
    KvCache other(
        one.config,
        {.capacity_tokens = 8, .slack_tokens = one.slack, .dtype = one.cache_dtype});
    std::vector<at::Tensor> logits = {
        model->last_logits(rows_of(in, 0, length - kSteps + 1), other)};
    CHECK(logits.front().scalar_type() == at::kBFloat16); // of many rows, a plain pass
    for (int64_t i = length - kSteps + 1; i < length; ++i) {
      logits.push_back(model->last_logits(rows_of(in, i, 1), other));
      CHECK(logits.back().scalar_type() == at::kFloat);
      CHECK(logits.back().sizes() == at::IntArrayRef({one.config.vocab_size}));
    }
    CHECK(other.num_tokens() == length);
    CHECK(
        relative_difference(at::stack(logits).unsqueeze(0), expected_logits) <
        relative_difference(plain_logits, expected_logits) + 1e-3);

    // Cut back and gone through again: the same rows, to the bit.
    const int64_t cut = std::min<int64_t>(one.slack, 20);
    REQUIRE(cache.truncate(length - cut));
    if (cut > 0) {
      CHECK(at::equal(
          step_through(model, in, cache, length - cut, length),
          got.narrow(1, kSteps - cut, cut)));
    }
  }
}

TEST_CASE("a transformer decodes by the fused step, whatever the number of threads") {
  const at::NoGradGuard guard;
  if (!has_fused_step()) {
    return;
  }
  const TransformerConfig config = make_config(NormPlacement::Sandwich, 7, true);
  Transformer model = make_rounded(config);
  model->to(at::kBFloat16);
  const Inputs in = inputs_of(config, 40);
  const auto new_cache = [&] {
    auto cache = std::make_unique<KvCache>(
        config, KvCacheOptions{.slack_tokens = 3, .dtype = at::kBFloat16});
    model->forward(rows_of(in, 0, 5), *cache);
    return cache;
  };
  const at::Tensor got = step_through(model, in, *new_cache(), 5, 40);
  const std::shared_ptr<PackedDecoder> decoder = decoder_of(model);
  REQUIRE(decoder != nullptr);
  std::vector<Rotary> rotaries;
  for (const LayerConfig& layer : config.layers) {
    rotaries.emplace_back(layer.rotary, rotary_head_width(layer));
  }
  for (const int num_threads : {1, 2}) {
    const test::TorchThreads threads(num_threads);
    const auto cache = new_cache();
    for (int64_t i = 5; i < 40; ++i) {
      const TransformerInput row = rows_of(in, i, 1);
      std::vector<kernels::RotaryTables> tables;
      for (const Rotary& rotary : rotaries) {
        tables.push_back(rotary.tables(row.positions[0]));
      }
      const at::Tensor hidden =
          row.hidden.flatten().to(at::kBFloat16) * config.embedding_multiplier;
      CHECK(at::equal(decoder->step(hidden, tables, *cache), got[0][i - 5]));
    }
    CHECK(at::equal(step_through(model, in, *new_cache(), 5, 40), got));
  }
  // With other programs on every core, threads come and go between tasks.
  const test::BusyCores others(kernels::cpu::available_threads());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end) {
    REQUIRE(at::equal(step_through(model, in, *new_cache(), 5, 40), got));
  }
}

TEST_CASE("layers that the fused step does not know go the plain way") {
  const at::NoGradGuard guard;
  const size_t which = GENERATE(size_t{0}, size_t{1});
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
      },
      [](LayerConfig& layer) { layer.attention_norm_rank = 3; },
      [](LayerConfig& layer) { layer.feed_forward_norm_rank = 3; }};
  for (const auto& change : changes) {
    TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
    change(config.layers[which]);
    Transformer model = make_rounded(config);
    const Inputs in = inputs_of(config, 20);
    const at::Tensor expected = model->forward(rows_of(in, 0, 20));
    model->to(at::kBFloat16);
    KvCache cache(config, {.dtype = at::kBFloat16});
    const at::Tensor got = step_through(model, in, cache, 0, 20);
    CHECK(decoder_of(model) == nullptr);
    CHECK(relative_difference(got, expected) < 0.02);
  }
}

} // namespace omni
