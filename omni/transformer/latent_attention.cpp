// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/latent_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "omni/transformer/gated_rms_norm.h"

namespace omni {
namespace {

// [L, H, nope] and [L, H, rope] -> [L, H, nope + rope].
at::Tensor join_parts(const at::Tensor& nope_LHK, const at::Tensor& rope_LHK) {
  return at::cat({nope_LHK, rope_LHK}, 2);
}

} // namespace

LatentAttentionImpl::LatentAttentionImpl(
    const TransformerConfig& model,
    int64_t layer_in)
    : layer(layer_in), config(model.layers[static_cast<size_t>(layer_in)]) {
  const LatentConfig& latent = config.latent;
  const int64_t width = model.width, heads = config.num_heads;
  const int64_t key_width = latent.nope_width + latent.rope_width;
  const auto map = [&](const char* name, int64_t in, int64_t out, bool has_bias) {
    return register_module(name, LinearMap(LinearMapOptions{in, out, has_bias}));
  };
  const auto norm = [&](const char* name, int64_t rank) {
    const RmsNormConfig options{rank, latent.norm_eps, model.norm_weight_offset};
    return register_module(name, RmsNorm(options));
  };
  if (latent.q_rank > 0) {
    q_down = map("q_down", width, latent.q_rank, config.has_qkv_bias);
    q_norm = norm("q_norm", latent.q_rank);
    q_up = latent.has_output_gate
        ? map("q_up", 2 * latent.q_rank, heads * (key_width + latent.value_width),
              false)
        : map("q_up", latent.q_rank, heads * key_width, false);
  } else {
    q = map("q", width, heads * key_width, false);
  }
  kv_down =
      map("kv_down", width, latent.kv_rank + latent.rope_width, config.has_qkv_bias);
  kv_norm = norm("kv_norm", latent.kv_rank);
  kv_up = map(
      "kv_up", latent.kv_rank, heads * (latent.nope_width + latent.value_width), false);
  if (latent.index.kept_rows > 0) {
    index = register_module("index", SparseIndex(width, latent));
  }
  output = map("output", heads * latent.value_width, width, config.has_output_bias);
  scale_ = config.attention_scale > 0.0
      ? config.attention_scale
      : 1.0 / std::sqrt(static_cast<double>(key_width));
}

LatentAttentionImpl::Projected LatentAttentionImpl::project(
    const at::Tensor& x,
    const kernels::RotaryTables& rotary) {
  const LatentConfig& latent = config.latent;
  Projected projected;
  at::Tensor queries;
  if (q) {
    queries = q->forward(x);
  } else {
    const at::Tensor raw = q_down->forward(x);
    const at::Tensor normed = q_norm->forward(raw);
    queries =
        q_up->forward(latent.has_output_gate ? at::cat({normed, raw}, 1) : normed);
    if (index) {
      projected.index = index->project(x, normed, rotary);
    }
  }
  // split, not narrow: its gradient is one concatenation.
  std::vector<int64_t> widths = {latent.nope_width, latent.rope_width};
  if (latent.has_output_gate) {
    widths.push_back(latent.value_width);
  }
  const std::vector<at::Tensor> of_q =
      queries.unflatten(1, {config.num_heads, -1}).split_with_sizes(widths, 2);
  const std::vector<at::Tensor> of_kv =
      kv_down->forward(x).split_with_sizes({latent.kv_rank, latent.rope_width}, 1);
  projected.q_nope = of_q[0];
  projected.q_rope = of_q[1];
  projected.gate = latent.has_output_gate ? of_q[2] : at::Tensor();
  projected.latent = kv_norm->forward(of_kv[0]);
  projected.k_rope = of_kv[1].unsqueeze(1);
  if (rotary.cos.defined()) {
    kernels::QkNormRopeOptions options;
    options.is_interleaved = config.rotary.kind == RotaryKind::InterleavedPairs;
    auto turned =
        kernels::qk_norm_rope(projected.q_rope, projected.k_rope, rotary, options);
    projected.q_rope = turned.q;
    projected.k_rope = turned.k;
  }
  return projected;
}

LatentAttentionImpl::KeysAndValues LatentAttentionImpl::expand(
    const at::Tensor& latent,
    const at::Tensor& k_rope) {
  const int64_t heads = config.num_heads, nope = config.latent.nope_width;
  const int64_t rope = config.latent.rope_width, value = config.latent.value_width;
  const std::vector<at::Tensor> parts = kv_up->forward(latent)
                                            .unflatten(1, {heads, nope + value})
                                            .split_with_sizes({nope, value}, 2);
  // Values as wide as keys are what the attention of many rows takes.
  const int64_t missing = nope + rope - value;
  return {
      join_parts(parts[0], k_rope.expand({-1, heads, -1})),
      missing > 0 ? at::constant_pad_nd(parts[1], {0, missing}) : parts[1]};
}

bool LatentAttentionImpl::is_sparse(int64_t num_rows) const {
  return index && num_rows > config.latent.index.kept_rows;
}

at::Tensor LatentAttentionImpl::attend_spans(
    const Projected& projected,
    const std::vector<kernels::RowSpan>& spans) {
  const KeysAndValues of = expand(projected.latent, projected.k_rope);
  const at::Tensor q_LHK = join_parts(projected.q_nope, projected.q_rope);
  const bool has_sparse = std::any_of(
      spans.begin(), spans.end(),
      [&](const kernels::RowSpan& span) { return is_sparse(span.length); });
  const at::Tensor attended_LHK = has_sparse
      ? index->attend_spans({q_LHK, of.keys, of.values}, projected.index, spans, scale_)
      : kernels::causal_attention(
            q_LHK, of.keys, of.values, spans, {scale_, config.sliding_window});
  return attended_LHK.narrow(2, 0, config.latent.value_width);
}

KvView LatentAttentionImpl::append(
    const Projected& projected,
    int64_t begin,
    int64_t size,
    KvCache& cache) const {
  const at::Tensor rows_LC = at::cat(
      {projected.latent.narrow(0, begin, size),
       projected.k_rope.narrow(0, begin, size).squeeze(1)},
      1);
  const at::Tensor index_keys_GLK =
      index ? projected.index.k.narrow(0, begin, size).unsqueeze(0) : at::Tensor();
  return cache.append(layer, rows_LC.unsqueeze(0), index_keys_GLK);
}

// Note [Latent rows of a cache]
// A query meets a key as q_nope . (U c) + q_rope . k_rope, with c the latent and U the
// head's nope rows of kv_up. For one new row U is moved to the query, (q_nope U) . c,
// and the value rows of kv_up to the sum over c: all heads then read the same cache
// rows once, a single group of width kv_rank + rope whose values are its first kv_rank
// entries; and of those rows only the ones that an index chooses. For many new rows
// that costs more products than it saves, 2 kv_rank + rope for each pair of rows and
// head in place of nope + rope + value (1088 and 320 as published), so there the rows
// seen are expanded, once for all new ones.
at::Tensor LatentAttentionImpl::attend_after(
    const Projected& projected,
    KvCache& cache) {
  const int64_t num_new = projected.latent.size(0);
  const KvView held = append(projected, 0, num_new, cache);
  const int64_t num_held = held.keys_GLK.size(1);
  // The first new row sees window - 1 rows before it.
  const int64_t num_seen = config.sliding_window > 0
      ? std::min(config.sliding_window - 1 + num_new, num_held)
      : num_held;
  const std::vector<at::Tensor> parts =
      held.keys_GLK.squeeze(0)
          .narrow(0, num_held - num_seen, num_seen)
          .to(projected.latent.scalar_type())
          .split_with_sizes({config.latent.kv_rank, config.latent.rope_width}, 1);
  const KeysAndValues of = expand(parts[0], parts[1].unsqueeze(1));
  const at::Tensor q_LHK = join_parts(projected.q_nope, projected.q_rope);
  const at::Tensor attended_LHK = is_sparse(num_seen)
      ? index->attend(
            {q_LHK, of.keys, of.values}, projected.index, held.values_GLK.squeeze(0),
            scale_)
      : kernels::cached_causal_attention(
            q_LHK, of.keys.transpose(0, 1), of.values.transpose(0, 1),
            {scale_, config.sliding_window});
  return attended_LHK.narrow(2, 0, config.latent.value_width);
}

at::Tensor LatentAttentionImpl::attend_latents(
    const Projected& projected,
    const std::vector<KvCache*>& caches) {
  const int64_t nope = config.latent.nope_width, value = config.latent.value_width;
  const at::Tensor maps_HKC =
      kv_up->weight.unflatten(0, {config.num_heads, nope + value});
  const at::Tensor q_latent_HLC =
      at::bmm(projected.q_nope.transpose(0, 1), maps_HKC.narrow(1, 0, nope));
  const at::Tensor q_HLC = at::cat({q_latent_HLC, projected.q_rope.transpose(0, 1)}, 2);
  std::vector<at::Tensor> attended;
  for (size_t i = 0; i < caches.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const at::Tensor seen_GLC = seen_by(projected, row, *caches[i]);
    attended.push_back(kernels::decode_attention(
        q_HLC.select(1, row), seen_GLC, seen_GLC.narrow(2, 0, config.latent.kv_rank),
        scale_));
  }
  const at::Tensor attended_HLC = at::stack(attended, 1);
  return at::bmm(attended_HLC, maps_HKC.narrow(1, nope, value).transpose(1, 2))
      .transpose(0, 1);
}

at::Tensor LatentAttentionImpl::seen_by(
    const Projected& projected,
    int64_t row,
    KvCache& cache) const {
  const KvView held = append(projected, row, 1, cache);
  const int64_t num_held = held.keys_GLK.size(1);
  at::Tensor seen_GLC = held.keys_GLK;
  if (is_sparse(num_held)) {
    const at::Tensor is_chosen_LS =
        index->choose(projected.index.narrow(row, 1), held.values_GLK.squeeze(0));
    seen_GLC = seen_GLC.index_select(1, is_chosen_LS.squeeze(0).nonzero().squeeze(1));
  } else if (config.sliding_window > 0) {
    const int64_t num_seen = std::min(config.sliding_window, num_held);
    seen_GLC = seen_GLC.narrow(1, num_held - num_seen, num_seen);
  }
  return seen_GLC.to(projected.latent.scalar_type());
}

at::Tensor LatentAttentionImpl::forward(
    const at::Tensor& x,
    const AttentionRows& rows) {
  const Projected projected = project(x, rows.rotary);
  at::Tensor attended_LHK;
  if (rows.caches.empty()) {
    attended_LHK = attend_spans(projected, rows.spans);
  } else if (static_cast<int64_t>(rows.caches.size()) == x.size(0)) {
    attended_LHK = attend_latents(projected, rows.caches);
  } else {
    attended_LHK = attend_after(projected, *rows.caches.front());
  }
  if (projected.gate.defined()) {
    attended_LHK = gated(attended_LHK, projected.gate);
  }
  return output->forward(attended_LHK.flatten(1));
}

void LatentAttentionImpl::reset_parameters(double input_std, double output_std) {
  for (LinearMap* map : {&q, &q_down, &q_up, &kv_down, &kv_up}) {
    if (*map) {
      (*map)->reset_parameters(input_std);
    }
  }
  output->reset_parameters(output_std);
  if (index) {
    index->reset_parameters(input_std);
  }
  if (q_norm) {
    q_norm->reset_parameters();
  }
  kv_norm->reset_parameters();
}

std::vector<LinearMap> LatentAttentionImpl::quantizable() const {
  std::vector<LinearMap> maps;
  for (const LinearMap& map : {q, q_down, q_up, kv_down, output}) {
    if (map) {
      maps.push_back(map);
    }
  }
  return maps;
}

} // namespace omni
