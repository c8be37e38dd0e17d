// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/fsq_cuda.h"

#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

FsqGrid grid_of(at::IntArrayRef levels) {
  return fsq_grid(levels.data(), static_cast<int>(levels.size()));
}

at::Tensor encode_cuda(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  const NoAutocast no_autocast;
  const OnDevice device("fsq_encode", {values});
  if (!has_fused_dtypes({values})) {
    return reference::fsq_encode(values, levels);
  }
  const at::Tensor in = values.contiguous();
  const at::Tensor codes =
      at::empty(in.sizes().slice(0, in.dim() - 1), in.options().dtype(at::kLong));
  for_dtype(in.scalar_type(), [&]<typename T>(Type<T>) {
    launch_fsq_encode(
        entries<T>(in), mutable_entries<int64_t>(codes), codes.numel(), grid_of(levels),
        device.stream());
  });
  return codes;
}

at::Tensor decode_cuda(const at::Tensor& codes, at::IntArrayRef levels) {
  check_fsq_codes(codes, levels);
  const OnDevice device("fsq_decode", {codes});
  const at::Tensor in = codes.contiguous();
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.push_back(static_cast<int64_t>(levels.size()));
  const at::Tensor values = at::empty(sizes, in.options().dtype(at::kFloat));
  launch_fsq_decode(
      entries<int64_t>(in), mutable_entries<float>(values), in.numel(), grid_of(levels),
      device.stream());
  return values;
}

at::Tensor quantize_cuda(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  const NoAutocast no_autocast;
  const OnDevice device("fsq_quantize", {values});
  if (!has_fused_dtypes({values})) {
    return reference::fsq_quantize(values, levels);
  }
  const at::Tensor in = values.contiguous();
  const at::Tensor out = at::empty(in.sizes(), in.options());
  for_dtype(in.scalar_type(), [&]<typename T>(Type<T>) {
    launch_fsq_quantize(
        entries<T>(in), mutable_entries<T>(out), num_rows(in), grid_of(levels),
        device.stream());
  });
  return out;
}

at::Tensor quantize_backward_cuda(
    const at::Tensor& grad,
    const at::Tensor& values,
    at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  check_gradient_like(grad, values, "fsq_quantize_backward");
  const OnDevice device("fsq_quantize_backward", {grad, values});
  const at::Tensor in = values.contiguous(), dy = grad.contiguous();
  const at::Tensor out = at::empty(in.sizes(), in.options());
  for_dtype(in.scalar_type(), [&]<typename T>(Type<T>) {
    launch_fsq_quantize_backward(
        entries<T>(dy), entries<T>(in), mutable_entries<T>(out), num_rows(in),
        grid_of(levels), device.stream());
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("fsq_encode", &encode_cuda);
  m.impl("fsq_decode", &decode_cuda);
  m.impl("fsq_quantize", &quantize_cuda);
  m.impl("fsq_quantize_backward", &quantize_backward_cuda);
}

} // namespace omni::kernels::cuda
