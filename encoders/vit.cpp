// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/vit.h"

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <utility>

#include "omni/core/shapes.h"

namespace omni {
namespace {

constexpr int64_t kColours = 3;

// A grid [rows, columns, E] as patches in model order [P, E]: merged cells row by row,
// patches of a cell row by row.
at::Tensor in_model_order(const at::Tensor& grid, int64_t merge) {
  const int64_t rows = grid.size(0);
  const int64_t columns = grid.size(1);
  return grid.reshape({rows / merge, merge, columns / merge, merge, -1})
      .transpose(1, 2)
      .reshape({rows * columns, -1});
}

// Angles of the patches of a grid in model order, float32 [P, K / 2]: the first half
// turns by row, the second by column, each by frequencies theta^(-j / (K / 4)).
kernels::RotaryTables grid_angles(
    int64_t rows,
    int64_t columns,
    const VitOptions& options,
    const at::Device& device) {
  const at::Tensor frequencies =
      position_frequencies(options.rotary_theta, options.width / options.num_heads / 4);
  const auto as_double = at::TensorOptions(at::kDouble);
  const auto turned = [&](const at::Tensor& grid) {
    return in_model_order(grid.expand({rows, columns}).unsqueeze(-1), options.merge) *
        frequencies;
  };
  const at::Tensor angles = at::cat(
      {turned(at::arange(rows, as_double).unsqueeze(1)),
       turned(at::arange(columns, as_double).unsqueeze(0))},
      1);
  return {angles.cos().to(device, at::kFloat), angles.sin().to(device, at::kFloat)};
}

// Sines and cosines of the row, then of the column, float64 [side, side, width]: what a
// table of places begins with.
at::Tensor sine_places(int64_t side, int64_t width, double theta) {
  const at::Tensor angles =
      at::arange(side, at::TensorOptions(at::kDouble)).unsqueeze(1) *
      position_frequencies(theta, width / 4);
  const at::Tensor waves = at::cat({angles.sin(), angles.cos()}, 1); // [S, E / 2]
  return at::cat(
      {waves.unsqueeze(1).expand({side, side, -1}),
       waves.unsqueeze(0).expand({side, side, -1})},
      2);
}

using Sides = std::pair<int64_t, int64_t>; // rows and columns of one frame

// One entry a frame; throws unless grids and patches agree.
std::vector<Sides>
frames_of(const std::vector<PatchGrid>& grids, int64_t num_patches, int64_t merge) {
  std::vector<Sides> frames;
  int64_t total = 0;
  for (const PatchGrid& grid : grids) {
    TORCH_CHECK_VALUE(
        grid.frames > 0 && grid.rows > 0 && grid.columns > 0 &&
            grid.rows % merge == 0 && grid.columns % merge == 0,
        "[vit] expected grids of a positive multiple of merge = ", merge,
        " patches a side, got ", grid.frames, " frames of ", grid.rows, " x ",
        grid.columns, ".");
    frames.insert(
        frames.end(), static_cast<size_t>(grid.frames), {grid.rows, grid.columns});
    total += grid.num_patches();
  }
  TORCH_CHECK_VALUE(
      total == num_patches, "[vit] expected as many patches as the ", grids.size(),
      " grids hold, ", total, ", got ", num_patches, ".");
  return frames;
}

} // namespace

VitLayerImpl::VitLayerImpl(const VitOptions& options) {
  attention_norm =
      register_module("attention_norm", EncoderNorm(options.width, options.norm_eps));
  attention = register_module(
      "attention",
      EncoderAttention(EncoderAttentionOptions{options.width, options.num_heads}));
  feed_forward_norm = register_module(
      "feed_forward_norm", EncoderNorm(options.width, options.norm_eps));
  feed_forward = register_module(
      "feed_forward",
      EncoderFeedForward(options.width, options.feed_forward_width, Activation::Gelu));
}

VitImpl::VitImpl(VitOptions options_in) : options(options_in) {
  TORCH_CHECK_VALUE(
      options.patch_size > 0 && options.width > 0 && options.num_layers > 0 &&
          options.num_heads > 0 && options.feed_forward_width > 0 && options.merge > 0,
      "[vit] expected positive sizes, got patch_size ", options.patch_size, ", width ",
      options.width, ", num_layers ", options.num_layers, ", num_heads ",
      options.num_heads, ", feed_forward_width ", options.feed_forward_width,
      ", merge ", options.merge, ".");
  TORCH_CHECK_VALUE(
      options.width % (4 * options.num_heads) == 0,
      "[vit] expected width to be a multiple of 4 * num_heads = ",
      4 * options.num_heads, ", so that a head turns by row and by column, got ",
      options.width, ".");
  TORCH_CHECK_VALUE(
      options.position_grid >= 0,
      "[vit] expected position_grid to be the side of a table, or 0 for none, got ",
      options.position_grid, ".");
  patch_embed = register_module(
      "patch_embed",
      LinearMap(LinearMapOptions{
          options.patch_size * options.patch_size * kColours, options.width, true}));
  if (const int64_t side = options.position_grid; side > 0) {
    position_embed =
        register_parameter("position_embed", at::empty({side, side, options.width}));
  }
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.num_layers; ++i) {
    layers.push_back(VitLayer(options));
    list->push_back(layers.back());
  }
  register_module("layers", list);
  norm = register_module("norm", EncoderNorm(options.width, options.norm_eps));
  reset_parameters();
}

// | parameter                            | values                                     |
// |--------------------------------------|--------------------------------------------|
// | patch_embed, attention.qkv,          | normal, std 1 / sqrt(fan in)               |
// |   feed_forward.up (weight)           |                                            |
// | attention.output,                    | the same / sqrt(2 num_layers): the sum of  |
// |   feed_forward.down (weight)         |   all branches is as large as one          |
// | position_embed                       | sines and cosines of row and column        |
// | norms (weight)                       | 1                                          |
// | biases                               | 0                                          |
void VitImpl::reset_parameters() {
  reset_map(patch_embed->weight, patch_embed->bias);
  if (position_embed.defined()) {
    const at::NoGradGuard no_grad;
    position_embed.copy_(
        sine_places(options.position_grid, options.width, options.rotary_theta));
  }
  const double output_std =
      1.0 / std::sqrt(2.0 * static_cast<double>(options.num_layers));
  for (auto& layer : layers) {
    layer->attention_norm->reset_parameters();
    layer->attention->reset_parameters(output_std);
    layer->feed_forward_norm->reset_parameters();
    layer->feed_forward->reset_parameters(output_std);
  }
  norm->reset_parameters();
}

std::vector<LinearMap> VitImpl::quantizable() const {
  std::vector<LinearMap> all;
  for (const VitLayer& layer : layers) {
    for (const auto& maps :
         {layer->attention->quantizable(), layer->feed_forward->quantizable()}) {
      all.insert(all.end(), maps.begin(), maps.end());
    }
  }
  return all;
}

at::Tensor VitImpl::places(int64_t rows, int64_t columns) const {
  at::Tensor grid = position_embed;
  if (rows != options.position_grid || columns != options.position_grid) {
    const at::Tensor image = grid.permute({2, 0, 1}).unsqueeze(0);
    grid = at::upsample_bilinear2d(image, {rows, columns}, /*align_corners=*/true)
               .squeeze(0)
               .permute({1, 2, 0});
  }
  return in_model_order(grid, options.merge);
}

at::Tensor
VitImpl::encode_equal(const at::Tensor& patches, int64_t rows, int64_t columns) {
  EncoderPositions positions;
  positions.rotary = grid_angles(rows, columns, options, patches.device());
  const auto dtype = patch_embed->weight.scalar_type();
  at::Tensor hidden_IPE = patch_embed->forward(patches.to(dtype)).to(dtype);
  if (position_embed.defined()) {
    hidden_IPE = hidden_IPE + places(rows, columns);
  }
  at::Tensor normed_IPE = layers.front()->attention_norm->forward(hidden_IPE);
  for (size_t i = 0; i < layers.size(); ++i) {
    auto& layer = layers[i];
    auto attended = layer->feed_forward_norm->add(
        layer->attention->forward(normed_IPE, positions), hidden_IPE);
    auto& next_norm = i + 1 < layers.size() ? layers[i + 1]->attention_norm : norm;
    auto fed =
        next_norm->add(layer->feed_forward->forward(attended.normed), attended.sum);
    normed_IPE = fed.normed;
    hidden_IPE = fed.sum;
  }
  // Patches of a merged cell are neighbours already.
  return normed_IPE.reshape(
      {patches.size(0), rows * columns / (options.merge * options.merge),
       options.output_width()});
}

at::Tensor VitImpl::forward(
    const at::Tensor& patches,
    const std::vector<PatchGrid>& grids) {
  const int64_t patch_width = options.patch_size * options.patch_size * kColours;
  check_shape(patches, {-1, patch_width}, "vit", "patches");
  const std::vector<Sides> frames = frames_of(grids, patches.size(0), options.merge);
  if (frames.empty()) {
    return at::empty(
        {0, options.output_width()},
        patches.options().dtype(patch_embed->weight.dtype()));
  }

  prepare_encoder(quantizable());
  std::map<Sides, std::vector<size_t>> groups; // frames of one size, one batch
  std::vector<int64_t> begins(frames.size()); // first patch of each frame
  int64_t begin = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    groups[frames[i]].push_back(i);
    begins[i] = begin;
    begin += frames[i].first * frames[i].second;
  }
  if (groups.size() == 1) {
    const auto [rows, columns] = frames.front();
    return encode_equal(
               patches.reshape({-1, rows * columns, patch_width}), rows, columns)
        .flatten(0, 1);
  }
  std::vector<at::Tensor> rows_of_frame(frames.size());
  for (const auto& [sides, members] : groups) {
    const auto [rows, columns] = sides;
    std::vector<at::Tensor> batch;
    for (const size_t i : members) {
      batch.push_back(patches.narrow(0, begins[i], rows * columns));
    }
    const at::Tensor encoded_IRE = encode_equal(at::stack(batch), rows, columns);
    for (size_t n = 0; n < members.size(); ++n) {
      rows_of_frame[members[n]] = encoded_IRE[static_cast<int64_t>(n)];
    }
  }
  return at::cat(rows_of_frame);
}

} // namespace omni
