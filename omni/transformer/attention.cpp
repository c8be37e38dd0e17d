// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/attention.h"

#include <ATen/ATen.h>

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

at::Tensor GroupedQueryAttentionImpl::attend_after(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    KvCache& cache) const {
  const KvView seen = cache.append(layer, k.transpose(0, 1), v.transpose(0, 1));
  const at::Tensor keys_GLK = seen.keys_GLK.to(q.scalar_type());
  const at::Tensor values_GLK = seen.values_GLK.to(q.scalar_type());
  if (q.size(0) == 1) {
    const int64_t num_keys = keys_GLK.size(1);
    const int64_t num_seen = config.sliding_window > 0
        ? std::min(config.sliding_window, num_keys)
        : num_keys;
    return kernels::decode_attention(
               q.squeeze(0), keys_GLK.narrow(1, num_keys - num_seen, num_seen),
               values_GLK.narrow(1, num_keys - num_seen, num_seen), scale_)
        .unsqueeze(0);
  }
  return kernels::cached_causal_attention(
      q, keys_GLK, values_GLK, {scale_, config.sliding_window});
}

at::Tensor GroupedQueryAttentionImpl::attend_cached(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<KvCache*>& caches) const {
  if (caches.size() == 1) {
    return attend_after(q, k, v, *caches.front());
  }
  std::vector<at::Tensor> attended;
  for (size_t i = 0; i < caches.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    attended.push_back(attend_after(
        q.narrow(0, row, 1), k.narrow(0, row, 1), v.narrow(0, row, 1), *caches[i]));
  }
  return at::cat(attended);
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
  at::Tensor q_LHK = split[0], k_LGK = split[1];
  const at::Tensor& v_LGK = split[2];
  if (q_norm || rows.rotary.cos.defined()) {
    kernels::QkNormRopeOptions options = qk_options_;
    if (q_norm) {
      options.q_weight = q_norm->weight;
      options.k_weight = k_norm->weight;
    }
    auto turned = kernels::qk_norm_rope(q_LHK, k_LGK, rows.rotary, options);
    q_LHK = turned.q;
    k_LGK = turned.k;
  }
  const at::Tensor attended_LHK = rows.caches.empty()
      ? kernels::causal_attention(
            q_LHK, k_LGK, v_LGK, rows.spans, {scale_, config.sliding_window})
      : attend_cached(q_LHK, k_LGK, v_LGK, rows.caches);
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
