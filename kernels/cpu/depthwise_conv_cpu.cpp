// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Depthwise convolution over channels-last rows: one pass over memory each way,
// vectorised over channels. Bytes: x and y once, K taps of x out of cache. A task is an
// item of the batch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>

#include "kernels/backward_checks.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

struct Sizes {
  int64_t batch;
  int64_t time;
  int64_t channels;
  int64_t kernel;
};

// acc[c] += a[c] * b[c]
void multiply_add(float* acc, const float* a, const float* b, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) {
    acc[c] += a[c] * b[c];
  }
}

// Range of k for which row t + k - K / 2 exists.
std::pair<int64_t, int64_t> taps_inside(int64_t t, const Sizes& s) {
  const int64_t half = s.kernel / 2;
  return {std::max<int64_t>(0, half - t), std::min(s.kernel, s.time + half - t)};
}

at::Tensor convolve(
    const at::Tensor& x_BTC,
    const at::Tensor& weight_KC,
    const at::Tensor& bias_C,
    const Sizes& s) {
  at::Tensor y_BTC = at::empty_like(x_BTC);
  const float* x = x_BTC.const_data_ptr<float>();
  const float* weight = weight_KC.const_data_ptr<float>();
  const float* bias = bias_C.const_data_ptr<float>();
  float* y = y_BTC.mutable_data_ptr<float>();
  at::parallel_for(0, s.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * s.time; row < end * s.time; ++row) {
      float* out = y + row * s.channels;
      std::copy_n(bias, s.channels, out);
      const auto [first, last] = taps_inside(row % s.time, s);
      for (int64_t k = first; k < last; ++k) {
        multiply_add(
            out, x + (row + k - s.kernel / 2) * s.channels, weight + k * s.channels,
            s.channels);
      }
    }
  });
  return y_BTC;
}

// sum over b, t of g[b, t] * x[b, t + k - K / 2], added up item by item so that the
// order of the sum is the same for any number of threads.
at::Tensor
weight_gradient(const at::Tensor& x_BTC, const at::Tensor& grad_BTC, const Sizes& s) {
  at::Tensor sums_BKC = at::zeros({s.batch, s.kernel, s.channels}, grad_BTC.options());
  const float* x = x_BTC.const_data_ptr<float>();
  const float* grad = grad_BTC.const_data_ptr<float>();
  float* sums = sums_BKC.mutable_data_ptr<float>();
  at::parallel_for(0, s.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * s.time; row < end * s.time; ++row) {
      float* sum = sums + row / s.time * s.kernel * s.channels;
      const auto [first, last] = taps_inside(row % s.time, s);
      for (int64_t k = first; k < last; ++k) {
        multiply_add(
            sum + k * s.channels, x + (row + k - s.kernel / 2) * s.channels,
            grad + row * s.channels, s.channels);
      }
    }
  });
  return sums_BKC.sum(0);
}

Sizes sizes_of(const at::Tensor& x_BTC, const at::Tensor& weight_KC) {
  return {x_BTC.size(0), x_BTC.size(1), x_BTC.size(2), weight_KC.size(0)};
}

at::Tensor in_float(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).contiguous();
}

at::Tensor depthwise_conv1d_cpu(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  check_depthwise_conv1d(x, weight, bias);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({x, weight, bias})) {
    return reference::depthwise_conv1d(x, weight, bias);
  }
  return convolve(in_float(x), in_float(weight), in_float(bias), sizes_of(x, weight));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> depthwise_conv1d_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& x,
    const at::Tensor& weight) {
  const auto as_meta = weight.options().device(at::kMeta);
  check_depthwise_conv1d(x, weight, at::empty({x.size(-1)}, as_meta));
  check_gradient(grad, x.sizes(), "depthwise_conv1d_backward");
  const NoAutocast no_autocast;
  const at::Tensor grad_BTC = in_float(grad);
  const Sizes s = sizes_of(x, weight);
  // Correlation with the mirrored kernel gives the gradient of x.
  const at::Tensor grad_x = convolve(
      grad_BTC, in_float(weight).flip(0).contiguous(),
      at::zeros({s.channels}, grad_BTC.options()), s);
  return {
      grad_x.to(x.scalar_type()),
      weight_gradient(in_float(x), grad_BTC, s).to(weight.scalar_type()),
      grad_BTC.sum(at::IntArrayRef({0, 1}))};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("depthwise_conv1d", &depthwise_conv1d_cpu);
  m.impl("depthwise_conv1d_backward", &depthwise_conv1d_backward_cpu);
}

} // namespace omni::kernels
