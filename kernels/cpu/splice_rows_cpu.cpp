// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = hidden, out[indices] = rows: copies alone. Bytes: hidden read and written once,
// rows likewise. One thread takes a run of rows.
#include <torch/library.h>

#include <cstring>

#include "kernels/backward_checks.h"
#include "kernels/cpu/rows.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

constexpr int64_t kTaskBytes = 1 << 18;

// Rows of a tensor as bytes.
struct SplicedRows {
  char* data;
  int64_t bytes; // of one row
};

SplicedRows rows_of(const at::Tensor& tensor) {
  return {
      static_cast<char*>(const_cast<void*>(tensor.const_data_ptr())),
      static_cast<int64_t>(tensor.size(-1) * tensor.element_size())};
}

void copy_all(const at::Tensor& from, const at::Tensor& to) {
  const char* source = rows_of(from).data;
  char* target = rows_of(to).data;
  at::parallel_for(
      0, static_cast<int64_t>(to.nbytes()), kTaskBytes,
      [&](int64_t begin, int64_t end) {
        std::memcpy(target + begin, source + begin, end - begin);
      });
}

// Calls `move(i, slot of i)` for every index.
template <typename Move>
void over_slots(const at::Tensor& indices, int64_t row_bytes, const Move& move) {
  const at::Tensor dense = indices.contiguous();
  const auto* slots = dense.const_data_ptr<int64_t>();
  at::parallel_for(
      0, dense.size(0), cpu::rows_per_task(row_bytes, kTaskBytes),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          move(i, slots[i]);
        }
      });
}

at::Tensor splice_rows_cpu(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  check_splice_rows(hidden, rows, indices);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({hidden, rows, indices})) {
    return reference::splice_rows(hidden, rows, indices);
  }
  const at::Tensor media = rows.to(hidden.scalar_type()).contiguous();
  const at::Tensor out = at::empty(hidden.sizes(), hidden.options());
  copy_all(hidden.contiguous(), out);
  const SplicedRows from = rows_of(media), to = rows_of(out);
  over_slots(indices, to.bytes, [&](int64_t i, int64_t slot) {
    std::memcpy(to.data + slot * to.bytes, from.data + i * to.bytes, to.bytes);
  });
  return out;
}

// Gradients of hidden (zero where written over) and of rows.
std::tuple<at::Tensor, at::Tensor> splice_rows_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& indices) {
  check_splice_rows_backward(grad, indices);
  const at::Tensor dy = grad.contiguous();
  const at::Tensor hidden = at::empty(dy.sizes(), dy.options());
  const at::Tensor rows = at::empty({indices.size(0), dy.size(-1)}, dy.options());
  copy_all(dy, hidden);
  const SplicedRows left = rows_of(hidden), taken = rows_of(rows);
  over_slots(indices, left.bytes, [&](int64_t i, int64_t slot) {
    char* row = left.data + slot * left.bytes;
    std::memcpy(taken.data + i * left.bytes, row, left.bytes);
    std::memset(row, 0, left.bytes); // zero bits are zero in both dtypes
  });
  return {hidden, rows};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("splice_rows", &splice_rows_cpu);
  m.impl("splice_rows_backward", &splice_rows_backward_cpu);
}

} // namespace omni::kernels
