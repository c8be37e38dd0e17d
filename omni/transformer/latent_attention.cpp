// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/latent_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

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
    q_up = map("q_up", latent.q_rank, heads * key_width, false);
  } else {
    q = map("q", width, heads * key_width, false);
  }
  kv_down =
      map("kv_down", width, latent.kv_rank + latent.rope_width, config.has_qkv_bias);
  kv_norm = norm("kv_norm", latent.kv_rank);
  kv_up = map(
      "kv_up", latent.kv_rank, heads * (latent.nope_width + latent.value_width), false);
  output = map("output", heads * latent.value_width, width, config.has_output_bias);
  scale_ = config.attention_scale > 0.0
      ? config.attention_scale
      : 1.0 / std::sqrt(static_cast<double>(key_width));
}

LatentAttentionImpl::Projected LatentAttentionImpl::project(
    const at::Tensor& x,
    const kernels::RotaryTables& rotary) {
  const int64_t nope = config.latent.nope_width, rope = config.latent.rope_width;
  const at::Tensor queries =
      q ? q->forward(x) : q_up->forward(q_norm->forward(q_down->forward(x)));
  // split, not narrow: its gradient is one concatenation.
  const std::vector<at::Tensor> of_q =
      queries.unflatten(1, {config.num_heads, nope + rope})
          .split_with_sizes({nope, rope}, 2);
  const std::vector<at::Tensor> of_kv =
      kv_down->forward(x).split_with_sizes({config.latent.kv_rank, rope}, 1);
  Projected projected{
      of_q[0], of_q[1], kv_norm->forward(of_kv[0]), of_kv[1].unsqueeze(1)};
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

at::Tensor LatentAttentionImpl::attend_spans(
    const Projected& projected,
    const std::vector<kernels::RowSpan>& spans) {
  const KeysAndValues of = expand(projected.latent, projected.k_rope);
  return kernels::causal_attention(
             join_parts(projected.q_nope, projected.q_rope), of.keys, of.values, spans,
             {scale_, config.sliding_window})
      .narrow(2, 0, config.latent.value_width);
}

// Note [Latent rows of a cache]
// A query meets a key as q_nope . (U c) + q_rope . k_rope, with c the latent and U the
// head's nope rows of kv_up. For one new row U is moved to the query, (q_nope U) . c,
// and the value rows of kv_up to the sum over c: all heads then read the same cache
// rows once, a single group of width kv_rank + rope whose values are its first kv_rank
// entries. For many new rows that costs more products than it saves, 2 kv_rank + rope
// for each pair of rows and head in place of nope + rope + value (1088 and 320 as
// published), so there the rows seen are expanded, once for all new ones.
at::Tensor LatentAttentionImpl::attend_cached(
    const Projected& projected,
    KvCache& cache) {
  const at::Tensor new_rows_LC =
      at::cat({projected.latent, projected.k_rope.squeeze(1)}, 1);
  const at::Tensor held_GLC = cache.append(layer, new_rows_LC.unsqueeze(0)).keys_GLK;
  const int64_t num_new = new_rows_LC.size(0), num_held = held_GLC.size(1);
  // The first new row sees window - 1 rows before it.
  const int64_t num_seen = config.sliding_window > 0
      ? std::min(config.sliding_window - 1 + num_new, num_held)
      : num_held;
  const at::Tensor seen_GLC = held_GLC.narrow(1, num_held - num_seen, num_seen)
                                  .to(projected.q_nope.scalar_type());
  if (num_new == 1) {
    return attend_latents(projected, seen_GLC);
  }
  const std::vector<at::Tensor> parts = seen_GLC.squeeze(0).split_with_sizes(
      {config.latent.kv_rank, config.latent.rope_width}, 1);
  const KeysAndValues of = expand(parts[0], parts[1].unsqueeze(1));
  return kernels::cached_causal_attention(
             join_parts(projected.q_nope, projected.q_rope), of.keys.transpose(0, 1),
             of.values.transpose(0, 1), {scale_, config.sliding_window})
      .narrow(2, 0, config.latent.value_width);
}

at::Tensor LatentAttentionImpl::attend_latents(
    const Projected& projected,
    const at::Tensor& rows) {
  const int64_t nope = config.latent.nope_width, value = config.latent.value_width;
  const at::Tensor maps_HKC =
      kv_up->weight.unflatten(0, {config.num_heads, nope + value});
  const at::Tensor q_latent_HLC =
      at::bmm(projected.q_nope.transpose(0, 1), maps_HKC.narrow(1, 0, nope));
  const at::Tensor q_HC =
      at::cat({q_latent_HLC, projected.q_rope.transpose(0, 1)}, 2).squeeze(1);
  const at::Tensor attended_HC = kernels::decode_attention(
      q_HC, rows, rows.narrow(2, 0, config.latent.kv_rank), scale_);
  return at::bmm(
             attended_HC.unsqueeze(1), maps_HKC.narrow(1, nope, value).transpose(1, 2))
      .transpose(0, 1);
}

at::Tensor LatentAttentionImpl::forward(
    const at::Tensor& x,
    const AttentionRows& rows) {
  const Projected projected = project(x, rows.rotary);
  const at::Tensor attended_LHK = rows.cache != nullptr
      ? attend_cached(projected, *rows.cache)
      : attend_spans(projected, rows.spans);
  return output->forward(attended_LHK.flatten(1));
}

void LatentAttentionImpl::reset_parameters(double input_std, double output_std) {
  for (LinearMap* map : {&q, &q_down, &q_up, &kv_down, &kv_up}) {
    if (*map) {
      (*map)->reset_parameters(input_std);
    }
  }
  output->reset_parameters(output_std);
  if (q_norm) {
    q_norm->reset_parameters();
  }
  kv_norm->reset_parameters();
}

} // namespace omni
