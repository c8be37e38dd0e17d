// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/rms_norm_cuda.h"

#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/cuda/column_sums_cuda.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

bool takes_norm_kernel(
    std::initializer_list<at::Tensor> tensors,
    const at::Tensor& weight) {
  return has_fused_dtypes(tensors) && weight.numel() <= kRmsNormMostWidth;
}

// What the kernel writes; undefined: not wanted.
struct NormOutputs {
  at::Tensor normed = {};
  at::Tensor sum = {};
  at::Tensor quantized = {};
  at::Tensor scales = {};
};

template <typename T, typename S, typename W>
void launch_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    const NormOutputs& outputs,
    const RmsNormOptions& options,
    Stream stream) {
  RmsNorm<T, S, W> args;
  args.x = entries<T>(x);
  args.residual = entries<S>(residual);
  args.weight = entries<W>(weight);
  args.normed = mutable_entries<T>(outputs.normed);
  args.sum = mutable_entries<S>(outputs.sum);
  args.quantized = mutable_entries<int8_t>(outputs.quantized);
  args.scales = mutable_entries<float>(outputs.scales);
  args.num_rows = num_rows(x);
  args.width = static_cast<int>(x.size(-1));
  args.eps = static_cast<float>(options.eps);
  args.weight_offset = static_cast<float>(options.weight_offset);
  args.branch_multiplier = static_cast<float>(options.branch_multiplier);
  launch_rms_norm(args, stream);
}

// `residual` may be undefined: then the sum is of x's dtype.
void norm_forward(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    const NormOutputs& outputs,
    const RmsNormOptions& options,
    Stream stream) {
  const at::Tensor branch = x.contiguous();
  const at::Tensor given = residual.defined() ? residual.contiguous() : residual;
  const at::ScalarType stream_dtype = (residual.defined() ? residual : x).scalar_type();
  for_dtype(x.scalar_type(), [&]<typename T>(Type<T>) {
    for_dtype(stream_dtype, [&]<typename S>(Type<S>) {
      if constexpr (std::is_same_v<T, Bf16> && std::is_same_v<S, Bf16>) {
        if (weight.scalar_type() == at::kBFloat16) {
          launch_norm<T, S, Bf16>(
              branch, given, weight.contiguous(), outputs, options, stream);
          return;
        }
      }
      launch_norm<T, S, float>(
          branch, given, in_float32(weight), outputs, options, stream);
    });
  });
}

at::Tensor rms_norm_cuda(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  check_rms_norm(x, std::nullopt, weight);
  const NoAutocast no_autocast;
  const OnDevice device("rms_norm", {x, weight});
  const RmsNormOptions options{eps, weight_offset};
  if (!takes_norm_kernel({x, weight}, weight)) {
    return reference::rms_norm(x, weight, options);
  }
  const at::Tensor normed = at::empty(x.sizes(), x.options());
  norm_forward(x, {}, weight, {.normed = normed}, options, device.stream());
  return normed;
}

std::tuple<at::Tensor, at::Tensor> add_rms_norm_cuda(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  const OnDevice device("add_rms_norm", {x, residual, weight});
  const RmsNormOptions options{eps, weight_offset, branch_multiplier};
  if (!takes_norm_kernel({x, residual, weight}, weight)) {
    auto [normed, sum] = reference::add_rms_norm(x, residual, weight, options);
    return {normed, sum};
  }
  const at::Tensor normed = at::empty(x.sizes(), x.options());
  const at::Tensor sum = at::empty(x.sizes(), residual.options());
  norm_forward(
      x, residual, weight, {.normed = normed, .sum = sum}, options, device.stream());
  return {normed, sum};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> quantized_add_rms_norm_cuda(
    const at::Tensor& x,
    const OptionalTensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  const at::Tensor given = or_undefined(residual);
  const OnDevice device("quantized_add_rms_norm", {x, given, weight});
  const RmsNormOptions options{eps, weight_offset, branch_multiplier};
  if (!takes_norm_kernel({x, given, weight}, weight)) {
    auto [quantized, scales, sum] =
        reference::quantized_add_rms_norm(x, residual, weight, options);
    return {quantized, scales, sum};
  }
  const at::Tensor quantized = at::empty(x.sizes(), x.options().dtype(at::kChar));
  const at::Tensor scales =
      at::empty(x.sizes().slice(0, x.dim() - 1), x.options().dtype(at::kFloat));
  const at::Tensor sum = at::empty(x.sizes(), residual.value_or(x).options());
  if (x.numel() == 0) { // rows of no entries have scales too
    return {quantized, scales.zero_(), sum};
  }
  norm_forward(
      x, given, weight, {.sum = sum, .quantized = quantized, .scales = scales}, options,
      device.stream());
  return {quantized, scales, sum};
}

// The gradient of weight in its dtype, from the sums that the blocks have left.
at::Tensor
norm_weight_gradient(const at::Tensor& sums, const at::Tensor& weight, Stream stream) {
  const at::Tensor gradient = at::empty(weight.sizes(), weight.options());
  for_dtype(weight.scalar_type(), [&]<typename W>(Type<W>) {
    launch_column_sums<W>(
        {entries<float>(sums), mutable_entries<W>(gradient), sums.size(0), sums.size(1),
         sums.size(1)},
        stream);
  });
  return gradient;
}

// Of any width: the kernel keeps no row in shared memory that does not fit.
std::tuple<at::Tensor, at::Tensor, at::Tensor> add_rms_norm_backward_cuda(
    const at::Tensor& grad_normed,
    const OptionalTensor& grad_sum,
    const at::Tensor& sum,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_add_rms_norm_backward(grad_normed, grad_sum, sum, weight);
  const NoAutocast no_autocast;
  const at::Tensor grad = grad_normed.contiguous(), rows = sum.contiguous();
  const at::Tensor extra = grad_sum.has_value() ? grad_sum->contiguous() : at::Tensor();
  const OnDevice device("add_rms_norm_backward", {grad, extra, rows, weight});
  const at::Tensor used_weight = in_float32(weight);
  const bool is_same =
      branch_multiplier == 1.0 && grad.scalar_type() == sum.scalar_type();
  const at::Tensor grad_stream = at::empty(sum.sizes(), sum.options());
  const at::Tensor grad_branch =
      at::empty(is_same ? at::IntArrayRef({0}) : sum.sizes(), grad.options());
  const at::Tensor weight_sums = at::empty(
      {rms_norm_backward_parts(num_rows(sum)), weight.numel()}, used_weight.options());
  for_dtype(grad.scalar_type(), [&]<typename T>(Type<T>) {
    for_dtype(sum.scalar_type(), [&]<typename S>(Type<S>) {
      RmsNormBackward<T, S> args;
      args.grad_normed = entries<T>(grad);
      args.grad_sum = entries<S>(extra);
      args.sum = entries<S>(rows);
      args.weight = entries<float>(used_weight);
      args.grad_stream = mutable_entries<S>(grad_stream);
      args.grad_branch = is_same ? nullptr : mutable_entries<T>(grad_branch);
      args.weight_sums = mutable_entries<float>(weight_sums);
      args.num_rows = num_rows(sum);
      args.width = static_cast<int>(weight.numel());
      args.eps = static_cast<float>(eps);
      args.weight_offset = static_cast<float>(weight_offset);
      args.branch_multiplier = static_cast<float>(branch_multiplier);
      launch_rms_norm_backward(args, device.stream());
    });
  });
  return {
      grad_stream, grad_branch,
      norm_weight_gradient(weight_sums, weight, device.stream())};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("rms_norm", &rms_norm_cuda);
  m.impl("add_rms_norm", &add_rms_norm_cuda);
  m.impl("quantized_add_rms_norm", &quantized_add_rms_norm_cuda);
  m.impl("add_rms_norm_backward", &add_rms_norm_backward_cuda);
}

} // namespace omni::kernels::cuda
