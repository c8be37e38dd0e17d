// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The rows of a mixture of experts. Their gradients are the reference's, by ATen.
#include "kernels/cuda/permute_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

std::tuple<at::Tensor, at::Tensor, at::Tensor> sort_pairs_cuda(
    const at::Tensor& ids,
    int64_t num_experts) {
  check_sort_pairs(ids, num_experts);
  const OnDevice device("sort_pairs", {ids});
  const at::Tensor in = ids.contiguous();
  const auto in_int64 = ids.options().dtype(at::kLong);
  const at::Tensor rows = at::empty({ids.numel()}, in_int64);
  const at::Tensor places = at::empty({ids.numel()}, in_int64);
  const at::Tensor counts = at::empty({num_experts}, in_int64);
  const auto run = [&]<typename I>(I /*id*/) {
    launch_sort_pairs<I>(
        {entries<I>(in), mutable_entries<int64_t>(rows),
         mutable_entries<int64_t>(places), mutable_entries<int64_t>(counts),
         ids.numel(), static_cast<int>(ids.size(1)), static_cast<int>(num_experts)},
        device.stream());
  };
  if (ids.scalar_type() == at::kInt) {
    run(int32_t());
  } else {
    run(int64_t());
  }
  return {rows, places, counts};
}

at::Tensor gather_rows_cuda(const at::Tensor& x, const at::Tensor& rows) {
  check_gather_rows(x, rows);
  const OnDevice device("gather_rows", {x, rows});
  if (!has_fused_dtypes({x})) {
    return reference::gather_rows(x, rows);
  }
  const at::Tensor in = x.contiguous(), indices = rows.contiguous();
  const at::Tensor out = at::empty({rows.size(0), x.size(1)}, x.options());
  for_dtype(x.scalar_type(), [&]<typename T>(Type<T>) {
    launch_gather_rows<T>(
        {entries<T>(in), entries<int64_t>(indices), mutable_entries<T>(out),
         rows.size(0), x.size(0), static_cast<int>(x.size(1))},
        device.stream());
  });
  return out;
}

at::Tensor combine_rows_cuda(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  check_combine_rows(y, places, weights);
  const NoAutocast no_autocast;
  const OnDevice device("combine_rows", {y, places, weights});
  if (!has_fused_dtypes({y, weights})) {
    return reference::combine_rows(y, places, weights);
  }
  const at::Tensor in = y.contiguous(), indices = places.contiguous();
  const at::Tensor factors = in_float32(weights);
  const at::Tensor out = at::empty({weights.size(0), y.size(1)}, y.options());
  for_dtype(y.scalar_type(), [&]<typename T>(Type<T>) {
    launch_combine_rows<T>(
        {entries<T>(in), entries<int64_t>(indices), entries<float>(factors),
         mutable_entries<T>(out), weights.size(0), static_cast<int>(weights.size(1)),
         static_cast<int>(y.size(1))},
        device.stream());
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("sort_pairs", &sort_pairs_cuda);
  m.impl("gather_rows", &gather_rows_cuda);
  m.impl("combine_rows", &combine_rows_cuda);
}

} // namespace omni::kernels::cuda
