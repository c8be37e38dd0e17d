// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Brings encoder rows to the transformer's width: optional norm, optional joining of
// `merge` consecutive rows, then a linear map or a two-layer MLP with GELU, and an
// optional norm of what comes out. Trained from nothing, that last norm matters: the
// transformer normalises what it reads, so nothing else keeps the maps from growing
// until a few directions of huge rows drown the rest.
#pragma once

#include <torch/nn.h>

#include "encoders/encoder_parts.h"

namespace omni {

struct ProjectorOptions {
  int64_t input_width = 0; // of one row before joining
  int64_t output_width = 0; // D
  int64_t merge = 1; // consecutive rows joined; a last partial group is zero-padded
  int64_t hidden_width = 0; // 0: one linear map
  bool has_norm = true; // LayerNorm over input_width first
  bool has_output_norm = false; // RMSNorm over output_width last
};

class ProjectorImpl : public torch::nn::Module {
 public:
  explicit ProjectorImpl(ProjectorOptions options);
  // rows [R, input_width] of one item → [ceil(R / merge), output_width].
  at::Tensor forward(const at::Tensor& rows);
  void reset_parameters();

  const ProjectorOptions options;
  torch::nn::LayerNorm norm{nullptr}; // empty without has_norm
  LinearMap hidden{nullptr}; // empty when the map is linear
  LinearMap output{nullptr};
  EncoderNorm output_norm{nullptr}; // empty without has_output_norm
};
TORCH_MODULE(Projector);

} // namespace omni
