// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/convnext.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/kernels.h"
#include "omni/core/initial_values.h"

namespace omni {
namespace {

// In float32, or in bfloat16 under autocast.
at::Tensor linear_of(torch::nn::Linear& linear, const at::Tensor& x) {
  return at::linear(x, linear->weight.to(at::kFloat), linear->bias.to(at::kFloat));
}

} // namespace

DepthwiseConv1dImpl::DepthwiseConv1dImpl(int64_t channels, int64_t kernel_size) {
  TORCH_CHECK_VALUE(
      kernel_size > 0 && kernel_size % 2 == 1,
      "[convnext] expected an odd kernel size, got ", kernel_size, ".");
  weight = register_parameter("weight", at::zeros({kernel_size, channels}));
  bias = register_parameter("bias", at::zeros({channels}));
}

at::Tensor DepthwiseConv1dImpl::forward(const at::Tensor& x) {
  return kernels::depthwise_conv1d(x, weight, bias);
}

torch::nn::LayerNorm channel_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

ConvNextImpl::ConvNextImpl(ConvNextOptions options_in) : options(options_in) {
  depthwise =
      register_module("depthwise", DepthwiseConv1d(options.width, options.kernel_size));
  norm = register_module("norm", channel_norm(options.width));
  expand =
      register_module("expand", torch::nn::Linear(options.width, options.inner_width));
  project =
      register_module("project", torch::nn::Linear(options.inner_width, options.width));
  scale = register_parameter("scale", at::ones({options.width}));
  reset_parameters();
}

void ConvNextImpl::reset_parameters() {
  const torch::NoGradGuard no_grad;
  const double kernel = static_cast<double>(options.kernel_size);
  fill_normal(depthwise->weight, 0.5 / std::sqrt(kernel));
  depthwise->weight[options.kernel_size / 2].add_(0.5);
  depthwise->bias.zero_();
  norm->reset_parameters();
  reset_linear(expand);
  reset_linear(project);
  scale.fill_(options.branch_scale);
}

at::Tensor ConvNextImpl::forward(const at::Tensor& hidden) {
  const at::Tensor normed = float_norm(norm, depthwise(hidden));
  const at::Tensor inner = at::gelu(linear_of(expand, normed), "tanh");
  const at::Tensor branch = float_linear(project, inner);
  return at::addcmul(hidden.to(at::kFloat), branch, scale.to(at::kFloat));
}

int64_t ConvNextImpl::context_frames() const {
  return options.kernel_size / 2;
}

at::Tensor run_blocks(
    torch::nn::ModuleList& blocks,
    at::Tensor hidden,
    const std::optional<at::Tensor>& mask) {
  for (const auto& block : *blocks) {
    hidden = block->as<ConvNext>()->forward(mask ? hidden * *mask : hidden);
  }
  return hidden;
}

torch::nn::ModuleList make_convnext_blocks(
    int64_t num_blocks,
    const ConvNextOptions& options) {
  torch::nn::ModuleList blocks;
  for (int64_t i = 0; i < num_blocks; ++i) {
    blocks->push_back(ConvNext(options));
  }
  return blocks;
}

void reset_linear(torch::nn::Linear& linear, double gain) {
  const torch::NoGradGuard no_grad;
  const double fan_in = static_cast<double>(linear->weight.size(1));
  fill_normal(linear->weight, gain / std::sqrt(fan_in));
  linear->bias.zero_();
}

at::Tensor float_linear(torch::nn::Linear& linear, const at::Tensor& x) {
  return linear_of(linear, x).to(at::kFloat);
}

at::Tensor float_norm(torch::nn::LayerNorm& norm, const at::Tensor& x) {
  return at::layer_norm(
      x.to(at::kFloat), norm->options.normalized_shape(), norm->weight.to(at::kFloat),
      norm->bias.to(at::kFloat), norm->options.eps());
}

} // namespace omni
