// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = x W^T + b with W packed. Bytes: the panels once for every 8 rows of x (4 for the
// integer formats), from memory once while three panels fit the caches. A task is a few
// panels for all rows; the team hands them out.
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <vector>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/thread_team.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
to_floats(const T* __restrict x, int64_t size, float* __restrict out) {
  for (int64_t i = 0; i < size; ++i) {
    out[i] = cpu::to_float(x[i]);
  }
}

// `sums` [.., width] of one row, with its bias where there is one.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void finish_row(
    const float* __restrict sums,
    const float* __restrict bias,
    int64_t width,
    T* __restrict out) {
  if (bias == nullptr) {
    for (int64_t i = 0; i < width; ++i) {
      out[i] = cpu::from_float<T>(sums[i]);
    }
    return;
  }
  for (int64_t i = 0; i < width; ++i) {
    out[i] = cpu::from_float<T>(sums[i] + bias[i]);
  }
}

template <typename T>
struct Product {
  cpu::PackedMatrix weight;
  const T* x; // [M, I]
  int64_t num_rows; // M
  const float* bias; // [O] or null
  T* out; // [M, O]
};

// Rows of bfloat16 without padding are what a Bfloat16 product reads.
template <typename T>
bool reads_in_place(const Product<T>& product) {
  return sizeof(T) == 2 && product.weight.format == WeightFormat::Bfloat16 &&
      product.weight.num_columns % cpu::kGroupColumns == 0;
}

template <typename T>
void set_rows(
    const Product<T>& product,
    cpu::ProductInputBuffer& buffer,
    cpu::ThreadTeam::Member& member) {
  const int64_t columns = product.weight.num_columns;
  const int64_t step = cpu::rows_per_task(columns, 16384);
  std::vector<float> row(columns);
  for (int64_t task = 0;
       (task = member.next_task((product.num_rows + step - 1) / step)) >= 0;) {
    const int64_t end = std::min((task + 1) * step, product.num_rows);
    for (int64_t m = task * step; m < end; ++m) {
      to_floats<T>(product.x + m * columns, columns, row.data());
      buffer.set_row(m, row.data());
    }
  }
  member.end_tasks();
}

template <typename T>
void multiply(
    const Product<T>& product,
    const cpu::ProductInput& input,
    cpu::ThreadTeam::Member& member) {
  const int64_t panels = cpu::num_panels(product.weight.num_rows);
  const int64_t step = cpu::panels_per_task(product.num_rows);
  const int64_t stride = step * cpu::kPanelRows, out_width = product.weight.num_rows;
  std::vector<float> sums(product.num_rows * stride);
  for (int64_t task = 0; (task = member.next_task((panels + step - 1) / step)) >= 0;) {
    const int64_t begin = task * step, end = std::min(begin + step, panels);
    cpu::multiply_packed(
        product.weight, input, {product.num_rows, begin, end}, sums.data(), stride);
    const int64_t first = begin * cpu::kPanelRows;
    const int64_t width = std::min(end * cpu::kPanelRows, out_width) - first;
    for (int64_t m = 0; m < product.num_rows; ++m) {
      finish_row<T>(
          sums.data() + m * stride,
          product.bias == nullptr ? nullptr : product.bias + first, width,
          product.out + m * out_width + first);
    }
  }
  member.end_tasks();
}

template <typename T>
void run(const Product<T>& product) {
  const cpu::ThreadTeam team;
  cpu::ProductInputBuffer buffer;
  const bool is_in_place = reads_in_place(product);
  if (!is_in_place) {
    buffer.prepare(
        cpu::row_form(product.weight.format), product.num_rows,
        product.weight.num_columns);
  }
  team.run([&](cpu::ThreadTeam::Member& member) {
    if (is_in_place) {
      multiply(
          product, {.values = reinterpret_cast<const uint16_t*>(product.x)}, member);
      return;
    }
    set_rows(product, buffer, member);
    multiply(product, buffer.input(), member);
  });
}

at::Tensor packed_linear_cpu(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  check_packed_linear(x, panels, bias, format, num_rows);
  const NoAutocast no_autocast;
  const auto of = static_cast<WeightFormat>(format);
  if (!takes_cpu_path({x, panels})) {
    return reference::packed_linear(x, {of, num_rows, x.size(-1), panels}, bias);
  }
  const at::Tensor in = x.contiguous();
  const at::Tensor used_bias = bias ? bias->to(at::kFloat).contiguous() : at::Tensor();
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = num_rows;
  const at::Tensor out = cpu::empty(sizes, in.options());
  const int64_t rows = in.numel() / in.size(-1);
  if (rows == 0) {
    return out;
  }
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    run<T>(
        {{of, num_rows, in.size(-1),
          reinterpret_cast<const std::byte*>(panels.const_data_ptr<uint8_t>())},
         in.const_data_ptr<T>(),
         rows,
         used_bias.defined() ? used_bias.const_data_ptr<float>() : nullptr,
         out.mutable_data_ptr<T>()});
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("packed_linear", &packed_linear_cpu);
}

} // namespace omni::kernels
