// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/projector.h"

#include <ATen/ATen.h>

#include <cmath>

#include "omni/core/initial_values.h"
#include "omni/core/shapes.h"

namespace omni {

ProjectorImpl::ProjectorImpl(ProjectorOptions options_in)
    : options(std::move(options_in)) {
  TORCH_CHECK_VALUE(
      options.input_width > 0 && options.output_width > 0 && options.merge > 0 &&
          options.hidden_width >= 0,
      "[projector] expected positive widths and merge, got input_width ",
      options.input_width, ", output_width ", options.output_width, ", merge ",
      options.merge, ", hidden_width ", options.hidden_width, ".");
  const int64_t joined_width = options.input_width * options.merge;
  if (options.has_norm) {
    norm = register_module(
        "norm",
        torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.input_width})));
  }
  if (options.hidden_width > 0) {
    hidden = register_module(
        "hidden",
        LinearMap(LinearMapOptions{joined_width, options.hidden_width, true}));
  }
  output = register_module(
      "output",
      LinearMap(LinearMapOptions{
          options.hidden_width > 0 ? options.hidden_width : joined_width,
          options.output_width, true}));
  if (options.has_output_norm) {
    output_norm = register_module("output_norm", EncoderNorm(options.output_width));
  }
  reset_parameters();
}

// | parameter      | values                       |
// |----------------|------------------------------|
// | norms (weight) | 1                            |
// | *.weight       | normal, std 1 / sqrt(fan in) |
// | *.bias         | 0                            |
void ProjectorImpl::reset_parameters() {
  if (norm) {
    torch::nn::init::ones_(norm->weight);
    torch::nn::init::zeros_(norm->bias);
  }
  if (output_norm) {
    output_norm->reset_parameters();
  }
  for (LinearMap* map : {&hidden, &output}) {
    if (*map) {
      const auto fan_in = static_cast<double>((*map)->weight.size(1));
      fill_normal((*map)->weight, 1.0 / std::sqrt(fan_in));
      torch::nn::init::zeros_((*map)->bias);
    }
  }
}

at::Tensor ProjectorImpl::forward(const at::Tensor& rows) {
  check_shape(rows, {-1, options.input_width}, "projector", "rows");
  at::Tensor rows_RE = rows.to(output->weight.scalar_type());
  if (norm) {
    rows_RE = at::layer_norm(
        rows_RE, {options.input_width}, norm->weight, norm->bias, norm->options.eps());
  }
  if (options.merge > 1) {
    const int64_t partial = rows_RE.size(0) % options.merge;
    if (partial > 0) {
      rows_RE = at::constant_pad_nd(rows_RE, {0, 0, 0, options.merge - partial});
    }
    rows_RE = rows_RE.reshape(
        {rows_RE.size(0) / options.merge, options.merge * options.input_width});
  }
  if (hidden) {
    rows_RE = activate(hidden->forward(rows_RE), Activation::Gelu);
  }
  const at::Tensor rows_RD = output->forward(rows_RE);
  return output_norm ? output_norm->forward(rows_RD) : rows_RD;
}

} // namespace omni
