// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/splice_rows_cuda.h"

#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

template <typename T, typename S>
void launch_splice(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices,
    Stream stream) {
  launch_splice_rows<T, S>(
      {mutable_entries<T>(hidden), entries<S>(rows), entries<int64_t>(indices),
       rows.size(0), num_rows(hidden), static_cast<int>(rows.size(1))},
      stream);
}

at::Tensor splice_rows_cuda(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  check_splice_rows(hidden, rows, indices);
  const NoAutocast no_autocast;
  const OnDevice device("splice_rows", {hidden, rows, indices});
  if (!has_fused_dtypes({hidden, rows})) {
    return reference::splice_rows(hidden, rows, indices);
  }
  const at::Tensor out = hidden.clone(at::MemoryFormat::Contiguous);
  const at::Tensor from = rows.contiguous(), slots = indices.contiguous();
  if (hidden.scalar_type() == at::kFloat) {
    launch_splice<float, float>(out, from.to(at::kFloat), slots, device.stream());
  } else if (rows.scalar_type() == at::kFloat) {
    launch_splice<Bf16, float>(out, from, slots, device.stream());
  } else {
    launch_splice<Bf16, Bf16>(out, from, slots, device.stream());
  }
  return out;
}

// Gradients of hidden (zero where written over) and of rows: ATen has kernels for both.
std::tuple<at::Tensor, at::Tensor> splice_rows_backward_cuda(
    const at::Tensor& grad,
    const at::Tensor& indices) {
  check_splice_rows_backward(grad, indices);
  const OnDevice device("splice_rows_backward", {grad, indices});
  const at::Tensor rows = as_rows(grad).index_select(0, indices);
  const at::Tensor hidden = grad.clone(at::MemoryFormat::Contiguous);
  hidden.view({num_rows(grad), grad.size(-1)}).index_fill_(0, indices, 0);
  return {hidden, rows};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("splice_rows", &splice_rows_cuda);
  m.impl("splice_rows_backward", &splice_rows_backward_cuda);
}

} // namespace omni::kernels::cuda
