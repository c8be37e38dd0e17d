// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/image_codec.h"

#include <torch/torch.h>

#include <cmath>

#include "omni/core/initial_values.h"
#include "omni/core/shapes.h"
#include "tokenizers/fsq.h"

namespace omni {
namespace {

namespace nn = torch::nn;

constexpr std::string_view kComponent = "image_codec";
constexpr int64_t kStem = 4; // pixels a side that space-to-depth gathers
constexpr double kEdgeWeight = 0.5;
// Weaker, and L1 paints the ground alone for the first thousand steps: its median.
constexpr double kSquareWeight = 4.0;
constexpr int64_t kDetailWindow = 5; // pixels a side over which edges are gathered

nn::Conv2d conv(int64_t from, int64_t to, int64_t kernel) {
  return nn::Conv2d(nn::Conv2dOptions(from, to, kernel).padding(kernel / 2));
}

nn::Conv2d halving_conv(int64_t from, int64_t to) {
  return nn::Conv2d(nn::Conv2dOptions(from, to, 2).stride(2));
}

// LayerNorm over the channels of [B, C, Y, X]. In channels-last memory, which all of
// the codec works in, the two permutations are views.
class ChannelNormImpl : public nn::Module {
 public:
  explicit ChannelNormImpl(int64_t width) {
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})));
  }
  at::Tensor forward(const at::Tensor& x) {
    return norm(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
  }

  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(ChannelNorm);

// x + second(gelu(first(gelu(norm(x))))): a kernel × kernel and a 1 × 1 convolution.
class ResidualBlockImpl : public nn::Module {
 public:
  ResidualBlockImpl(int64_t width, int64_t kernel) {
    norm = register_module("norm", ChannelNorm(width));
    first = register_module("first", conv(width, width, kernel));
    second = register_module("second", conv(width, width, 1));
  }
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor inner = first(at::gelu(norm(x), "tanh"));
    return x + second(at::gelu(inner, "tanh"));
  }

  ChannelNorm norm{nullptr};
  nn::Conv2d first{nullptr};
  nn::Conv2d second{nullptr};
};
TORCH_MODULE(ResidualBlock);

void push_blocks(
    nn::Sequential& path,
    int64_t num_blocks,
    int64_t width,
    int64_t kernel) {
  for (int64_t i = 0; i < num_blocks; ++i) {
    path->push_back(ResidualBlock(width, kernel));
  }
}

// A path in the dtype of its parameters, its result in float32.
at::Tensor run(nn::Sequential& path, const at::Tensor& x) {
  const at::ScalarType dtype = path->parameters().front().scalar_type();
  return path->forward(x.to(dtype).contiguous(at::MemoryFormat::ChannelsLast))
      .to(at::kFloat);
}

// Steps from pixel to pixel: downwards [B, 3, Y - 1, X], rightwards [B, 3, Y, X - 1].
struct Edges {
  at::Tensor down;
  at::Tensor right;
};

Edges edges_of(const at::Tensor& pixels) {
  return {pixels.diff(1, 2), pixels.diff(1, 3)};
}

// [B, 1, Y, X] of mean 1: pixels with edges around them weigh up to 1 + detail_weight
// times as much as even ground, so that thin strokes count beside large areas.
at::Tensor detail_weights(const Edges& edges, double detail_weight) {
  const at::Tensor down = edges.down.abs().mean(1, /*keepdim=*/true);
  const at::Tensor right = edges.right.abs().mean(1, /*keepdim=*/true);
  const at::Tensor strength = at::constant_pad_nd(down, {0, 0, 1, 0}) +
      at::constant_pad_nd(right, {1, 0, 0, 0});
  const at::Tensor around = at::avg_pool2d(
      strength, {kDetailWindow, kDetailWindow}, {1, 1},
      {kDetailWindow / 2, kDetailWindow / 2});
  const at::Tensor weights = 1.0 + detail_weight * (2.0 * around).clamp_max(1.0);
  return weights / weights.mean();
}

} // namespace

int64_t ImageCodecOptions::num_codes() const {
  return num_fsq_codes(levels, kComponent);
}

ImageCodecImpl::ImageCodecImpl(ImageCodecOptions options_in)
    : options(std::move(options_in)) {
  const auto& o = options;
  TORCH_CHECK_VALUE(
      o.downsample == 2 * kStem && o.image_size > 0 && o.image_size % o.downsample == 0,
      "[image_codec] expected downsample ", 2 * kStem,
      " and a multiple of it for image_size, got ", o.downsample, " and ", o.image_size,
      ".");
  TORCH_CHECK_VALUE(
      o.width > 0 && o.deep_width > 0 && o.num_blocks >= 0 && o.detail_weight >= 0.0,
      "[image_codec] expected positive widths and no negative num_blocks or "
      "detail_weight, got ",
      o.width, ", ", o.deep_width, ", ", o.num_blocks, " and ", o.detail_weight, ".");
  (void)o.num_codes();
  const auto num_dims = static_cast<int64_t>(o.levels.size());
  const int64_t stem_width = 3 * kStem * kStem;

  encoder->push_back(nn::PixelUnshuffle(kStem));
  encoder->push_back(conv(stem_width, o.width, 1));
  push_blocks(encoder, o.num_blocks, o.width, 1);
  encoder->push_back(halving_conv(o.width, o.deep_width));
  push_blocks(encoder, o.num_blocks, o.deep_width, 1);
  encoder->push_back(ChannelNorm(o.deep_width));
  encoder->push_back(conv(o.deep_width, num_dims, 1));

  decoder->push_back(conv(num_dims, o.deep_width, 3));
  push_blocks(decoder, o.num_blocks, o.deep_width, 3);
  decoder->push_back(conv(o.deep_width, 4 * o.width, 1));
  decoder->push_back(nn::PixelShuffle(2));
  push_blocks(decoder, o.num_blocks, o.width, 3);
  decoder->push_back(ChannelNorm(o.width));
  decoder->push_back(nn::GELU());
  decoder->push_back(conv(o.width, stem_width, 3));
  decoder->push_back(nn::PixelShuffle(kStem));

  register_module("encoder", encoder);
  register_module("decoder", decoder);
  reset_parameters();
}

void ImageCodecImpl::reset_parameters() {
  const at::NoGradGuard no_grad;
  for (const auto& item : named_parameters()) {
    at::Tensor parameter = item.value();
    const std::string& name = item.key();
    if (parameter.dim() == 4) {
      const auto fan_in = static_cast<double>(parameter[0].numel());
      const double gain = name.ends_with("first.weight") ? std::sqrt(2.0)
          : name.ends_with("second.weight")              ? 0.3
                                                         : std::sqrt(1.0 / 3.0);
      fill_normal(parameter, gain / std::sqrt(fan_in));
    } else {
      parameter.fill_(name.ends_with("norm.weight") ? 1.0 : 0.0);
    }
  }
}

at::Tensor ImageCodecImpl::encode(const at::Tensor& pixels) {
  const int64_t size = options.image_size;
  check_shape(pixels, {-1, 3, size, size}, kComponent, "pixels");
  const at::NoGradGuard no_grad;
  if (pixels.size(0) == 0) {
    const int64_t grid = options.grid_size();
    return at::zeros({0, grid * grid}, pixels.options().dtype(at::kLong));
  }
  const at::Tensor latent = run(encoder, pixels).permute({0, 2, 3, 1});
  return fsq_latent_to_codes(latent, options.levels).flatten(1);
}

at::Tensor ImageCodecImpl::decode(const at::Tensor& codes) {
  const int64_t grid = options.grid_size();
  check_shape(codes, {-1, grid * grid}, kComponent, "codes");
  const at::NoGradGuard no_grad;
  const at::Tensor latent =
      fsq_codes_to_latent(codes, options.levels, kComponent)
          .reshape({-1, grid, grid, static_cast<int64_t>(options.levels.size())});
  if (codes.size(0) == 0) {
    return at::zeros({0, 3, options.image_size, options.image_size}, latent.options());
  }
  return run(decoder, latent.permute({0, 3, 1, 2})).clamp(-1.0, 1.0).contiguous();
}

CodecLosses ImageCodecImpl::losses(const at::Tensor& pixels) {
  const int64_t size = options.image_size;
  check_shape(pixels, {-1, 3, size, size}, kComponent, "pixels");
  TORCH_CHECK_VALUE(
      pixels.size(0) > 0, "[image_codec] expected at least one picture, got none.");
  const at::Tensor target =
      pixels.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor latent = run(encoder, target).permute({0, 2, 3, 1});
  const at::Tensor quantised = fsq_quantize_latent(latent, options.levels);
  const at::Tensor output = run(decoder, quantised.permute({0, 3, 1, 2}));

  const at::Tensor difference = output - target;
  const Edges wrong = edges_of(difference);
  const at::Tensor weights = detail_weights(edges_of(target), options.detail_weight);
  const at::Tensor l1 = (difference.abs() * weights).mean();
  const at::Tensor edge_l1 = wrong.down.abs().mean() + wrong.right.abs().mean();
  const at::Tensor mse = (difference.square() * weights).mean();
  // Pixels span 2, so that the square of the peak is 4.
  const at::Tensor psnr =
      10.0 * (4.0 / difference.detach().square().mean().clamp_min(1e-10)).log10();
  return {
      .terms =
          {{"l1", l1},
           {"edge_l1", kEdgeWeight * edge_l1},
           {"mse", kSquareWeight * mse},
           {"latent", kFsqLatentWeight * fsq_latent_loss(latent)}},
      .figures = {
          {"psnr", psnr},
          {"codes_used", fsq_share_used(latent.detach(), options.levels)}}};
}

} // namespace omni
