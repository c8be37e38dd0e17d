// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the vision transformer and the conformer share: norm, attention over all rows,
// feed-forward. Rows [B, L, E] in, rows out. Norms and softmax are float32 whatever the
// dtype; under autocast the residual stream stays in the parameters' dtype.
#pragma once

#include <torch/nn.h>

#include <optional>
#include <vector>

#include "kernels/kernels.h"
#include "omni/core/linear_map.h"

namespace omni {

// RMSNorm over the last axis: one weight a channel.
class EncoderNormImpl : public torch::nn::Module {
 public:
  explicit EncoderNormImpl(int64_t width, double eps = 1e-6);
  at::Tensor forward(const at::Tensor& x);
  // {normed, sum} of residual + multiplier * branch.
  kernels::AddRmsNorm
  add(const at::Tensor& branch, const at::Tensor& residual, double multiplier = 1.0);
  void reset_parameters();

  at::Tensor weight; // [E]
  const double eps;
};
TORCH_MODULE(EncoderNorm);

// Frequencies theta^(-j / count) of positions, float64 [count] on the CPU.
[[nodiscard]] at::Tensor position_frequencies(double theta, int64_t count);

enum class Activation { Gelu, Silu };

// In the memory of `x`, which the caller gives up, where no gradient needs it: fresh
// memory costs as much as the function.
[[nodiscard]] at::Tensor activate(at::Tensor x, Activation activation);

// Where rows are. Either or neither may be set.
struct EncoderPositions {
  kernels::RotaryTables rotary; // [L, K / 2]
  at::Tensor relative; // sinusoids [2 L - 1, E] of distances L - 1 down to 1 - L
};

// softmax(scale q k^T + bias) v. q, k, v [B, L, H, K]; key_mask bool [B, 1, 1, L], true
// where a key may be seen; bias [B, H, L, L]. Returns [B, L, H * K].
[[nodiscard]] at::Tensor attend(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::optional<at::Tensor>& key_mask = std::nullopt,
    const std::optional<at::Tensor>& bias = std::nullopt);

struct EncoderAttentionOptions {
  int64_t width = 0; // E
  int64_t num_heads = 1;
  bool has_relative_positions = false; // learned maps of distances (Transformer-XL)
};

class EncoderAttentionImpl : public torch::nn::Module {
 public:
  explicit EncoderAttentionImpl(EncoderAttentionOptions options);
  // x [B, L, E] -> [B, L, E].
  at::Tensor forward(
      const at::Tensor& x,
      const EncoderPositions& positions,
      const std::optional<at::Tensor>& key_mask = std::nullopt);
  // `output_std` times 1 / sqrt(E) is the deviation of the output map.
  void reset_parameters(double output_std);
  // The maps whose weights may be stored in few bits.
  [[nodiscard]] std::vector<LinearMap> quantizable() const {
    return {qkv, output};
  }

  const EncoderAttentionOptions options;
  LinearMap qkv{nullptr};
  LinearMap output{nullptr};
  LinearMap position{nullptr}; // the rest: empty without relative positions
  at::Tensor content_bias; // [H, K], u of arXiv 1901.02860
  at::Tensor position_bias; // [H, K], v
};
TORCH_MODULE(EncoderAttention);

class EncoderFeedForwardImpl : public torch::nn::Module {
 public:
  EncoderFeedForwardImpl(int64_t width, int64_t inner_width, Activation activation);
  at::Tensor forward(const at::Tensor& x);
  void reset_parameters(double output_std);
  [[nodiscard]] std::vector<LinearMap> quantizable() const {
    return {up, down};
  }

  const Activation activation;
  LinearMap up{nullptr};
  LinearMap down{nullptr};
};
TORCH_MODULE(EncoderFeedForward);

// Before rows go through an encoder: the packed forms of its maps, where no gradient is
// wanted and they are worth having.
void prepare_encoder(const std::vector<LinearMap>& maps);

// Fills weight with a normal of deviation scale / sqrt(fan in), bias (if any) with 0.
void reset_map(at::Tensor& weight, at::Tensor& bias, double scale = 1.0);

} // namespace omni
