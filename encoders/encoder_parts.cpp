// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/encoder_parts.h"

#include <ATen/ATen.h>

#include <cmath>

#include "omni/core/initial_values.h"

namespace omni {
namespace {

// Note [Attention of short bf16 rows]
// On CPU the flash kernel's backward pass in bf16 takes five times as long as plain
// matrix products when sequences are short (16 x 5 heads x 64 rows: 14 ms against
// 2.4 ms on one thread). Memory is no concern at these lengths.
constexpr int64_t kShortLength = 256;

bool is_plain_faster(const at::Tensor& q_BHLK) {
  return q_BHLK.is_cpu() && q_BHLK.scalar_type() == at::kBFloat16 &&
      q_BHLK.size(2) <= kShortLength && q_BHLK.requires_grad();
}

// The fused op has no gradient, and no mask.
bool is_full_attention_faster(
    const at::Tensor& q,
    const std::optional<at::Tensor>& key_mask) {
  return !key_mask && !at::GradMode::is_enabled() && q.is_cpu() &&
      q.scalar_type() == at::kBFloat16;
}

// From scores by distance [B, H, L, 2 L - 1] (L - 1 down to 1 - L) to scores by key
// [B, H, L, L]: row i begins at its distance i. The shift of arXiv 1901.02860, appendix
// B.
at::Tensor shift_to_keys(const at::Tensor& by_distance) {
  const int64_t batch = by_distance.size(0);
  const int64_t heads = by_distance.size(1);
  const int64_t length = by_distance.size(2);
  return at::constant_pad_nd(by_distance, {1, 0})
      .view({batch, heads, 2 * length, length})
      .narrow(2, 1, 2 * length - 1)
      .reshape({batch, heads, length, 2 * length - 1})
      .narrow(3, 0, length);
}

} // namespace

void prepare_encoder(const std::vector<LinearMap>& maps) {
  if (!at::GradMode::is_enabled()) {
    prepare_where_there_is_room(maps);
  }
}

void reset_map(at::Tensor& weight, at::Tensor& bias, double scale) {
  const auto fan_in = static_cast<double>(weight.numel() / weight.size(0));
  fill_normal(weight, scale / std::sqrt(fan_in));
  if (bias.defined()) {
    torch::nn::init::zeros_(bias);
  }
}

at::Tensor position_frequencies(double theta, int64_t count) {
  return at::pow(
      theta,
      at::arange(count, at::TensorOptions(at::kDouble))
          .div_(-static_cast<double>(count)));
}

EncoderNormImpl::EncoderNormImpl(int64_t width, double eps_in) : eps(eps_in) {
  weight = register_parameter("weight", at::ones({width}));
}

void EncoderNormImpl::reset_parameters() {
  torch::nn::init::ones_(weight);
}

at::Tensor EncoderNormImpl::forward(const at::Tensor& x) {
  return kernels::rms_norm(x, weight, {.eps = eps});
}

kernels::AddRmsNorm EncoderNormImpl::add(
    const at::Tensor& branch,
    const at::Tensor& residual,
    double multiplier) {
  return kernels::add_rms_norm(
      branch, residual, weight, {.eps = eps, .branch_multiplier = multiplier});
}

at::Tensor activate(at::Tensor x, Activation activation) {
  const bool is_gelu = activation == Activation::Gelu;
  if (x.requires_grad()) {
    return is_gelu ? at::gelu(x) : at::silu(x);
  }
  return is_gelu ? at::gelu_(x) : at::silu_(x);
}

at::Tensor attend(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::optional<at::Tensor>& key_mask,
    const std::optional<at::Tensor>& bias) {
  const at::Tensor q_BHLK = q.transpose(1, 2);
  const at::Tensor k_BHLK = k.transpose(1, 2);
  const at::Tensor v_BHLK = v.transpose(1, 2);
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
  at::Tensor mixed_BHLK;
  if (bias || is_plain_faster(q_BHLK)) {
    at::Tensor scores = at::matmul(q_BHLK * scale, k_BHLK.transpose(2, 3));
    if (bias) {
      scores = scores + *bias;
    }
    if (key_mask) {
      scores = scores.masked_fill(~*key_mask, -INFINITY);
    }
    const auto precise = at::promote_types(scores.scalar_type(), at::kFloat);
    mixed_BHLK =
        at::matmul(at::softmax(scores, -1, precise).to(v.scalar_type()), v_BHLK);
  } else if (is_full_attention_faster(q, key_mask)) {
    return kernels::full_attention(q, k, v, scale).flatten(2);
  } else {
    mixed_BHLK = at::scaled_dot_product_attention(q_BHLK, k_BHLK, v_BHLK, key_mask);
  }
  return mixed_BHLK.transpose(1, 2).flatten(2);
}

EncoderAttentionImpl::EncoderAttentionImpl(EncoderAttentionOptions options_in)
    : options(options_in) {
  const int64_t width = options.width;
  qkv = register_module("qkv", LinearMap(LinearMapOptions{width, 3 * width, true}));
  output = register_module("output", LinearMap(LinearMapOptions{width, width, true}));
  if (options.has_relative_positions) {
    position = register_module("position", LinearMap(LinearMapOptions{width, width}));
    const int64_t head_width = width / options.num_heads;
    content_bias =
        register_parameter("content_bias", at::zeros({options.num_heads, head_width}));
    position_bias =
        register_parameter("position_bias", at::zeros({options.num_heads, head_width}));
  }
}

void EncoderAttentionImpl::reset_parameters(double output_std) {
  reset_map(qkv->weight, qkv->bias);
  reset_map(output->weight, output->bias, output_std);
  if (position) {
    reset_map(position->weight, position->bias);
    torch::nn::init::zeros_(content_bias);
    torch::nn::init::zeros_(position_bias);
  }
}

at::Tensor EncoderAttentionImpl::forward(
    const at::Tensor& x,
    const EncoderPositions& positions,
    const std::optional<at::Tensor>& key_mask) {
  const int64_t batch = x.size(0);
  const int64_t length = x.size(1);
  const int64_t heads = options.num_heads;
  const int64_t head_width = options.width / heads;
  const at::Tensor qkv_BL3HK =
      qkv->forward(x).view({batch, length, 3, heads, head_width});
  at::Tensor q_BLHK = qkv_BL3HK.select(2, 0);
  at::Tensor k_BLHK = qkv_BL3HK.select(2, 1);
  const at::Tensor v_BLHK = qkv_BL3HK.select(2, 2);
  if (positions.rotary.cos.defined()) {
    auto turned = kernels::qk_norm_rope(q_BLHK, k_BLHK, positions.rotary);
    q_BLHK = turned.q;
    k_BLHK = turned.k;
  }
  std::optional<at::Tensor> bias;
  if (position) {
    const at::Tensor distances_HKJ =
        position->forward(positions.relative.to(x.scalar_type()))
            .view({2 * length - 1, heads, head_width})
            .permute({1, 2, 0});
    const double scale = 1.0 / std::sqrt(static_cast<double>(head_width));
    const at::Tensor query_BHLK = ((q_BLHK + position_bias) * scale).transpose(1, 2);
    bias = shift_to_keys(at::matmul(query_BHLK, distances_HKJ));
    q_BLHK = q_BLHK + content_bias;
  }
  const at::Tensor mixed_BLE = attend(q_BLHK, k_BLHK, v_BLHK, key_mask, bias);
  return output->forward(mixed_BLE);
}

EncoderFeedForwardImpl::EncoderFeedForwardImpl(
    int64_t width,
    int64_t inner_width,
    Activation activation_in)
    : activation(activation_in) {
  up = register_module("up", LinearMap(LinearMapOptions{width, inner_width, true}));
  down = register_module("down", LinearMap(LinearMapOptions{inner_width, width, true}));
}

void EncoderFeedForwardImpl::reset_parameters(double output_std) {
  reset_map(up->weight, up->bias);
  reset_map(down->weight, down->bias, output_std);
}

at::Tensor EncoderFeedForwardImpl::forward(const at::Tensor& x) {
  return down->forward(activate(up->forward(x), activation));
}

} // namespace omni
