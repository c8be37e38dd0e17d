// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/families/name_table.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "omni/core/errors.h"

namespace omni {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The layer index where `pattern` has "*", -1 when it has none; none: no match.
std::optional<int64_t> match_layer(
    const std::string& name,
    const std::string& pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string::npos) {
    return name == pattern ? std::optional<int64_t>(-1) : std::nullopt;
  }
  size_t end = star;
  int64_t layer = 0;
  while (end < name.size() && end < star + 9 && is_digit(name[end])) {
    layer = 10 * layer + (name[end++] - '0');
  }
  const bool matches = end > star && name.compare(0, star, pattern, 0, star) == 0 &&
      name.compare(end, std::string::npos, pattern, star + 1, std::string::npos) == 0;
  return matches ? std::optional<int64_t>(layer) : std::nullopt;
}

std::string replaced(const std::string& text, char mark, int64_t index) {
  const auto at = std::find(text.begin(), text.end(), mark);
  return at == text.end() ? text
                          : std::string(text.begin(), at) + std::to_string(index) +
          std::string(at + 1, text.end());
}

// Rows of each tensor that, joined, are `rows` long: one has them all, two are halves
// (gate, up), three are queries, keys, values.
std::vector<int64_t> shares(size_t count, int64_t rows, const LayerConfig* layer) {
  if (count == 1) {
    return {rows};
  }
  if (count == 2) {
    return {rows / 2, rows / 2};
  }
  TORCH_INTERNAL_ASSERT(count == 3 && layer != nullptr);
  const int64_t kv = layer->num_kv_heads * layer->head_width;
  return {layer->num_heads * layer->head_width, kv, kv};
}

// Whether `text` fits a pattern in which "**" is any text and "*" any without a dot.
bool fits(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern.front() != '*') {
    return !text.empty() && text.front() == pattern.front() &&
        fits(text.substr(1), pattern.substr(1));
  }
  const bool crosses_dots = pattern.starts_with("**");
  const std::string_view rest = pattern.substr(crosses_dots ? 2 : 1);
  for (size_t taken = 0; taken <= text.size(); ++taken) {
    if (fits(text.substr(taken), rest)) {
      return true;
    }
    if (taken < text.size() && text[taken] == '.' && !crosses_dots) {
      return false;
    }
  }
  return false;
}

} // namespace

at::Tensor StoredPiece::of(const at::Tensor& parameter) const {
  const at::Tensor part = expert ? parameter.select(0, *expert) : parameter;
  return num_rows == part.size(0) ? part : part.narrow(0, first_row, num_rows);
}

NameTable::NameTable(std::vector<NamePattern> patterns, std::vector<std::string> unused)
    : patterns_(std::move(patterns)), unused_(std::move(unused)) {}

void NameTable::set(NamePattern pattern) {
  const auto same = std::find_if(
      patterns_.begin(), patterns_.end(),
      [&](const NamePattern& known) { return known.ours == pattern.ours; });
  if (same != patterns_.end()) {
    *same = std::move(pattern);
  } else {
    patterns_.push_back(std::move(pattern));
  }
}

void NameTable::add_unused(std::string pattern) {
  unused_.push_back(std::move(pattern));
}

StoredParameter NameTable::find(
    const std::string& name,
    at::IntArrayRef sizes,
    const TransformerConfig& config) const {
  for (const NamePattern& pattern : patterns_) {
    const std::optional<int64_t> index = match_layer(name, pattern.ours);
    if (!index) {
      continue;
    }
    const LayerConfig* layer =
        *index >= 0 ? &config.layers.at(static_cast<size_t>(*index)) : nullptr;
    StoredParameter stored;
    stored.is_zero_when_missing = pattern.is_zero_when_missing;
    for (const std::vector<std::string>& names : pattern.stored) {
      std::vector<StoredPiece> pieces;
      const std::string& first = names.front();
      const bool is_by_expert = std::count(first.begin(), first.end(), '#') > 0;
      const int64_t num_experts = is_by_expert ? sizes[0] : 1;
      // A parameter of all experts in one tensor has no rows to share out.
      const int64_t rows = sizes[is_by_expert ? 1 : 0];
      const std::vector<int64_t> row_counts = shares(names.size(), rows, layer);
      for (int64_t expert = 0; expert < num_experts; ++expert) {
        int64_t first_row = 0;
        for (size_t i = 0; i < names.size(); ++i) {
          const std::string stored_name =
              replaced(replaced(names[i], '*', *index), '#', expert);
          pieces.push_back(
              {stored_name,
               is_by_expert ? std::optional<int64_t>(expert) : std::nullopt, first_row,
               row_counts[i]});
          first_row += row_counts[i];
        }
      }
      stored.layouts.push_back(std::move(pieces));
    }
    return stored;
  }
  throw ValueError(
      "families",
      "expected a family that says where parameter \"" + name +
          "\" is stored, got none that does. This is a bug of the family's file.");
}

bool NameTable::is_unused(const std::string& stored_name) const {
  return std::any_of(unused_.begin(), unused_.end(), [&](const std::string& pattern) {
    return fits(stored_name, pattern);
  });
}

NameTable common_names() {
  const std::string layer = "model.layers.*.";
  const std::string q = layer + "self_attn.q_proj.";
  const std::string k = layer + "self_attn.k_proj.";
  const std::string v = layer + "self_attn.v_proj.";
  const std::string o = layer + "self_attn.o_proj.";
  const std::string mlp = layer + "mlp.";
  return NameTable(
      {
          {"embed.weight", {{"model.embed_tokens.weight"}}},
          {"norm.weight", {{"model.norm.weight"}}},
          {"head.weight", {{"lm_head.weight"}}},
          {"layers.*.attention_norm.weight", {{layer + "input_layernorm.weight"}}},
          {"layers.*.attention.qkv.weight",
           {{q + "weight", k + "weight", v + "weight"}}},
          {"layers.*.attention.qkv.bias", {{q + "bias", k + "bias", v + "bias"}}},
          {"layers.*.attention.output.weight", {{o + "weight"}}},
          {"layers.*.attention.output.bias", {{o + "bias"}}},
          {"layers.*.attention.q_norm.weight", {{layer + "self_attn.q_norm.weight"}}},
          {"layers.*.attention.k_norm.weight", {{layer + "self_attn.k_norm.weight"}}},
          {"layers.*.feed_forward_norm.weight",
           {{layer + "post_attention_layernorm.weight"}}},
          {"layers.*.feed_forward.gate_up.weight",
           {{mlp + "gate_proj.weight", mlp + "up_proj.weight"}}},
          {"layers.*.feed_forward.gate_up.bias",
           {{mlp + "gate_proj.bias", mlp + "up_proj.bias"}}},
          {"layers.*.feed_forward.down.weight", {{mlp + "down_proj.weight"}}},
          {"layers.*.feed_forward.down.bias", {{mlp + "down_proj.bias"}}},
      },
      {"**rotary_emb.inv_freq"});
}

NameTable common_expert_names() {
  const std::string mlp = "model.layers.*.mlp.";
  const std::string experts = mlp + "experts.";
  const std::string shared = mlp + "shared_experts.";
  NameTable names = common_names();
  names.set({"layers.*.feed_forward.router.weight", {{mlp + "gate.weight"}}});
  names.set(
      {"layers.*.feed_forward.router.choice_bias",
       {{mlp + "gate.e_score_correction_bias"}, {mlp + "e_score_correction_bias"}}});
  // By expert as published; in one tensor as newer transformers write it.
  names.set(
      {"layers.*.feed_forward.experts.gate_up.weight",
       {{experts + "#.gate_proj.weight", experts + "#.up_proj.weight"},
        {experts + "gate_up_proj"}}});
  names.set(
      {"layers.*.feed_forward.experts.down.weight",
       {{experts + "#.down_proj.weight"}, {experts + "down_proj"}}});
  names.set(
      {"layers.*.feed_forward.shared.gate_up.weight",
       {{shared + "gate_proj.weight", shared + "up_proj.weight"}}});
  names.set(
      {"layers.*.feed_forward.shared.down.weight", {{shared + "down_proj.weight"}}});
  return names;
}

void set_latent_names(NameTable& names) {
  const std::string attention = "model.layers.*.self_attn.";
  const auto set = [&](const std::string& ours, const std::string& theirs) {
    names.set({"layers.*.attention." + ours, {{attention + theirs}}});
  };
  set("q.weight", "q_proj.weight");
  set("q_down.weight", "q_a_proj.weight");
  set("q_down.bias", "q_a_proj.bias");
  set("q_norm.weight", "q_a_layernorm.weight");
  set("q_up.weight", "q_b_proj.weight");
  set("kv_down.weight", "kv_a_proj_with_mqa.weight");
  set("kv_down.bias", "kv_a_proj_with_mqa.bias");
  set("kv_norm.weight", "kv_a_layernorm.weight");
  set("kv_up.weight", "kv_b_proj.weight");
}

void add_unused_predictors(NameTable& names, size_t num_layers) {
  names.add_unused("mtp.**");
  names.add_unused("model.mtp.**");
  constexpr size_t kMostPredictors = 8;
  for (size_t i = 0; i < kMostPredictors; ++i) {
    names.add_unused("model.layers." + std::to_string(num_layers + i) + ".**");
  }
}

} // namespace omni
