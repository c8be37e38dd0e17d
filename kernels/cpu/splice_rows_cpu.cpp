// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = hidden, out[indices] = rows: copies alone. Bytes: hidden read and written once, rows
// likewise. One thread takes a run of rows.
#include <torch/library.h>

#include <cstring>

#include "kernels/cpu/rows.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

constexpr int64_t kTaskBytes = 1 << 18;

at::Tensor splice_rows_cpu(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  check_splice_rows(hidden, rows, indices);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({hidden, rows, indices})) {
    return reference::splice_rows(hidden, rows, indices);
  }
  const at::Tensor from = hidden.contiguous();
  const at::Tensor media = rows.to(hidden.scalar_type()).contiguous();
  const at::Tensor slots = indices.contiguous();
  const at::Tensor out = at::empty(hidden.sizes(), hidden.options());
  const size_t row_bytes = out.size(-1) * out.element_size();
  const auto* source = static_cast<const char*>(from.const_data_ptr());
  auto* target = static_cast<char*>(out.mutable_data_ptr());
  at::parallel_for(
      0, static_cast<int64_t>(out.nbytes()), kTaskBytes, [&](int64_t begin, int64_t end) {
        std::memcpy(target + begin, source + begin, end - begin);
      });
  const auto* media_rows = static_cast<const char*>(media.const_data_ptr());
  const auto* slot = slots.const_data_ptr<int64_t>();
  at::parallel_for(
      0,
      slots.size(0),
      cpu::rows_per_task(static_cast<int64_t>(row_bytes), kTaskBytes),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          std::memcpy(target + slot[i] * row_bytes, media_rows + i * row_bytes, row_bytes);
        }
      });
  return out;
}

std::tuple<at::Tensor, at::Tensor> splice_rows_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& indices) {
  const at::Tensor rows = grad.reshape({-1, grad.size(-1)}).index_select(0, indices);
  at::Tensor hidden = grad.clone(at::MemoryFormat::Contiguous);
  hidden.view({-1, grad.size(-1)}).index_fill_(0, indices, 0);
  return {hidden, rows};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("splice_rows", &splice_rows_cpu);
  m.impl("splice_rows_backward", &splice_rows_backward_cpu);
}

} // namespace omni::kernels
