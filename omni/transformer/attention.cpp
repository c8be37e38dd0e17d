// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "omni/transformer/latent_attention.h"

namespace omni {

GroupedQueryAttentionImpl::GroupedQueryAttentionImpl(
    const TransformerConfig& model,
    int64_t layer_in)
    : layer(layer_in), config(model.layers[static_cast<size_t>(layer_in)]) {
  const int64_t width = model.width, head_width = config.head_width;
  const int64_t q_width = config.num_heads * head_width;
  const int64_t kv_width = config.num_kv_heads * head_width;
  qkv = register_module(
      "qkv",
      LinearMap(LinearMapOptions{width, q_width + 2 * kv_width, config.has_qkv_bias}));
  output = register_module(
      "output", LinearMap(LinearMapOptions{q_width, width, config.has_output_bias}));
  if (config.has_qk_norm) {
    const RmsNormConfig norm{head_width, model.norm_eps, model.norm_weight_offset};
    q_norm = register_module("q_norm", RmsNorm(norm));
    k_norm = register_module("k_norm", RmsNorm(norm));
  }
  qk_options_.eps = model.norm_eps;
  qk_options_.weight_offset = model.norm_weight_offset;
  qk_options_.is_interleaved = config.rotary.kind == RotaryKind::InterleavedPairs;
  scale_ = config.attention_scale > 0.0
      ? config.attention_scale
      : 1.0 / std::sqrt(static_cast<double>(head_width));
}

kernels::QkNormRopeOptions GroupedQueryAttentionImpl::qk_options() const {
  kernels::QkNormRopeOptions options = qk_options_;
  if (q_norm) {
    options.q_weight = q_norm->weight;
    options.k_weight = k_norm->weight;
  }
  return options;
}

at::Tensor GroupedQueryAttentionImpl::attend_after(
    const Projected& projected,
    KvCache& cache) const {
  const KvView seen = cache.append(
      layer, projected.k_LGK.transpose(0, 1), projected.v_LGK.transpose(0, 1));
  const at::ScalarType dtype = projected.q_LHK.scalar_type();
  return kernels::cached_causal_attention(
      projected.q_LHK, seen.keys_GLK.to(dtype), seen.values_GLK.to(dtype),
      {scale_, config.sliding_window});
}

at::Tensor GroupedQueryAttentionImpl::attend_each(
    const Projected& projected,
    const AttentionRows& rows) const {
  const auto narrow = [](const at::Tensor& x, int64_t row) {
    return x.defined() ? x.narrow(0, row, 1) : x;
  };
  const kernels::QkNormRopeOptions options = qk_options();
  std::vector<at::Tensor> attended;
  for (size_t i = 0; i < rows.caches.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const KvCache::NewRow held = rows.caches[i]->append_row(layer);
    const at::Tensor q_LHK = kernels::qk_norm_rope_to_cache(
        narrow(projected.q_LHK, row), narrow(projected.k_LGK, row),
        narrow(projected.v_LGK, row),
        {narrow(rows.rotary.cos, row), narrow(rows.rotary.sin, row)},
        {held.keys_GLK, held.values_GLK, held.num_rows - 1}, options);
    const int64_t num_seen = config.sliding_window > 0
        ? std::min(config.sliding_window, held.num_rows)
        : held.num_rows;
    const auto seen = [&](const at::Tensor& rows_GLK) {
      return rows_GLK.narrow(1, held.num_rows - num_seen, num_seen)
          .to(q_LHK.scalar_type());
    };
    attended.push_back(
        kernels::decode_attention(
            q_LHK.squeeze(0), seen(held.keys_GLK), seen(held.values_GLK), scale_)
            .unsqueeze(0));
  }
  return attended.size() == 1 ? attended.front() : at::cat(attended);
}

at::Tensor GroupedQueryAttentionImpl::attend_placed(
    const Projected& projected,
    const AttentionRows& rows) const {
  const PlacedRow& placed = rows.placed[static_cast<size_t>(layer)];
  const at::Tensor q_LHK = kernels::qk_norm_rope_to_cache(
      projected.q_LHK, projected.k_LGK, projected.v_LGK, rows.rotary,
      {.keys = placed.keys_GLK, .values = placed.values_GLK, .rows = placed.index},
      qk_options());
  const at::ScalarType dtype = q_LHK.scalar_type();
  return kernels::decode_attention(
             q_LHK.squeeze(0), placed.keys_GLK.to(dtype), placed.values_GLK.to(dtype),
             scale_, {placed.index, config.sliding_window})
      .unsqueeze(0);
}

at::Tensor GroupedQueryAttentionImpl::forward(
    const at::Tensor& x,
    const AttentionRows& rows) {
  const int64_t heads = config.num_heads, groups = config.num_kv_heads;
  // split, not narrow: its gradient is one concatenation.
  const std::vector<at::Tensor> split =
      qkv->forward(x)
          .unflatten(1, {heads + 2 * groups, config.head_width})
          .split_with_sizes({heads, groups, groups}, 1);
  Projected projected{split[0], split[1], split[2]};
  if (!rows.placed.empty()) {
    return output->forward(attend_placed(projected, rows).flatten(1));
  }
  if (static_cast<int64_t>(rows.caches.size()) == x.size(0) && !rows.caches.empty()) {
    return output->forward(attend_each(projected, rows).flatten(1));
  }
  if (q_norm || rows.rotary.cos.defined()) {
    auto turned = kernels::qk_norm_rope(
        projected.q_LHK, projected.k_LGK, rows.rotary, qk_options());
    projected.q_LHK = turned.q;
    projected.k_LGK = turned.k;
  }
  const at::Tensor attended_LHK = rows.caches.empty()
      ? kernels::causal_attention(
            projected.q_LHK, projected.k_LGK, projected.v_LGK, rows.spans,
            {scale_, config.sliding_window})
      : attend_after(projected, *rows.caches.front());
  return output->forward(attended_LHK.flatten(1));
}

void GroupedQueryAttentionImpl::reset_parameters(double input_std, double output_std) {
  qkv->reset_parameters(input_std);
  output->reset_parameters(output_std);
  if (q_norm) {
    q_norm->reset_parameters();
    k_norm->reset_parameters();
  }
}

int64_t rotary_head_width(const LayerConfig& layer) {
  return layer.attention == AttentionKind::Latent ? layer.latent.rope_width
                                                  : layer.head_width;
}

std::shared_ptr<AttentionImpl> make_attention(
    const TransformerConfig& config,
    int64_t layer) {
  if (config.layers[static_cast<size_t>(layer)].attention == AttentionKind::Latent) {
    return std::make_shared<LatentAttentionImpl>(config, layer);
  }
  return std::make_shared<GroupedQueryAttentionImpl>(config, layer);
}

} // namespace omni
