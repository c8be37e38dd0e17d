// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/depthwise_conv.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>

#include "omni/core/shapes.h"

namespace omni {
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

class DepthwiseConv1d : public torch::autograd::Function<DepthwiseConv1d> {
 public:
  static at::Tensor forward(
      torch::autograd::AutogradContext* context,
      const at::Tensor& x_BTC,
      const at::Tensor& weight_KC,
      const at::Tensor& bias_C) {
    context->save_for_backward({x_BTC, weight_KC});
    return convolve(x_BTC, weight_KC, bias_C, sizes_of(x_BTC, weight_KC));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor grad_BTC = gradients[0].contiguous();
    const Sizes s = sizes_of(saved[0], saved[1]);
    // Correlation with the mirrored kernel gives the gradient of x.
    const at::Tensor grad_x = convolve(
        grad_BTC, saved[1].flip(0).contiguous(),
        at::zeros({s.channels}, grad_BTC.options()), s);
    return {grad_x, weight_gradient(saved[0], grad_BTC, s), grad_BTC.sum({0, 1})};
  }

 private:
  static Sizes sizes_of(const at::Tensor& x_BTC, const at::Tensor& weight_KC) {
    return {x_BTC.size(0), x_BTC.size(1), x_BTC.size(2), weight_KC.size(0)};
  }
};

} // namespace

at::Tensor depthwise_conv1d_reference(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  return at::conv1d(
             x.to(weight.scalar_type()).transpose(1, 2), weight.t().unsqueeze(1), bias,
             /*stride=*/1,
             /*padding=*/weight.size(0) / 2,
             /*dilation=*/1,
             /*groups=*/weight.size(1))
      .transpose(1, 2);
}

at::Tensor depthwise_conv1d(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  check_shape(x, {-1, -1, weight.size(1)}, "depthwise_conv1d", "x");
  TORCH_CHECK_VALUE(
      weight.size(0) % 2 == 1, "[depthwise_conv1d] expected a kernel of odd size, got ",
      weight.size(0), ".");
  if (!x.device().is_cpu() || weight.scalar_type() == at::kDouble) {
    return depthwise_conv1d_reference(x, weight, bias);
  }
  return DepthwiseConv1d::apply(
      x.to(at::kFloat).contiguous(), weight.to(at::kFloat).contiguous(),
      bias.to(at::kFloat).contiguous());
}

} // namespace omni
