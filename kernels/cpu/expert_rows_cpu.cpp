// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// sort_pairs counts and places in two passes over the ids. gather_rows copies: 2
// entries moved for each of the result. combine_rows adds k rows in float32: k + 1
// entries moved. Backward passes likewise. One thread takes whole rows, and each sum is
// one thread's, in an order that does not depend on their number. See Note [Row loops]
// in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/backward_checks.h"
#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

constexpr int64_t kMovedEntries = 16384;

// out += weight * row.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
add_row(const T* __restrict row, float weight, int64_t width, float* __restrict out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    out[i] += weight * to_float(row[i]);
  }
}

// out = weight * row.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
scale_row(const T* __restrict row, float weight, int64_t width, T* __restrict out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    out[i] = from_float<T>(weight * to_float(row[i]));
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
round_row(const float* __restrict row, int64_t width, T* __restrict out) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    out[i] = from_float<T>(row[i]);
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float
dot_rows(const T* a, const T* b, int64_t width) {
  return cpu::dot(a, b, width);
}

struct Sorted {
  std::vector<int64_t> places; // where each pair goes
  std::vector<int64_t> ends; // of each key among the sorted
};

// Pairs by key, those of one key in their order.
Sorted sort_by_key(const int64_t* keys, int64_t num_pairs, int64_t num_keys) {
  Sorted sorted{std::vector<int64_t>(num_pairs), std::vector<int64_t>(num_keys)};
  std::vector<int64_t> counts(num_keys, 0);
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    ++counts[keys[pair]];
  }
  std::exclusive_scan(counts.begin(), counts.end(), sorted.ends.begin(), int64_t{0});
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    sorted.places[pair] = sorted.ends[keys[pair]]++;
  }
  return sorted;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> sort_pairs_cpu(
    const at::Tensor& ids,
    int64_t num_experts) {
  check_sort_pairs(ids, num_experts);
  const at::Tensor experts = ids.to(at::kLong).contiguous();
  const int64_t num_pairs = experts.numel(), per_row = experts.size(1);
  const auto [pair_places, ends] =
      sort_by_key(experts.const_data_ptr<int64_t>(), num_pairs, num_experts);
  const at::Tensor rows = at::empty({num_pairs}, experts.options());
  const at::Tensor places = at::empty({num_pairs}, experts.options());
  const at::Tensor counts = at::empty({num_experts}, experts.options());
  int64_t* row = rows.mutable_data_ptr<int64_t>();
  int64_t* place = places.mutable_data_ptr<int64_t>();
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    place[pair] = pair_places[pair];
    row[place[pair]] = pair / per_row;
  }
  std::adjacent_difference(
      ends.begin(), ends.end(), counts.mutable_data_ptr<int64_t>());
  return {rows, places, counts};
}

at::Tensor gather_rows_cpu(const at::Tensor& x, const at::Tensor& rows) {
  check_gather_rows(x, rows);
  if (!takes_cpu_path({x})) {
    return reference::gather_rows(x, rows);
  }
  const at::Tensor in = cpu::with_dense_rows(x), indices = rows.contiguous();
  const at::Tensor out = cpu::empty({rows.size(0), x.size(1)}, x.options());
  const size_t bytes = static_cast<size_t>(x.size(1)) * x.element_size();
  const auto step = in.stride(0) * static_cast<int64_t>(x.element_size());
  const auto* from = static_cast<const std::byte*>(in.const_data_ptr());
  auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
  const int64_t* row = indices.const_data_ptr<int64_t>();
  at::parallel_for(
      0, rows.size(0), cpu::rows_per_task(x.size(1), kMovedEntries),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          std::memcpy(to + i * bytes, from + row[i] * step, bytes);
        }
      });
  return out;
}

at::Tensor gather_rows_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& rows,
    int64_t num_rows) {
  check_gradient(grad, {rows.numel(), grad.size(-1)}, "gather_rows_backward");
  const auto as_meta = grad.options().device(at::kMeta);
  check_gather_rows(at::empty({num_rows, grad.size(-1)}, as_meta), rows);
  const at::Tensor dy = grad.contiguous(), indices = rows.contiguous();
  const int64_t width = grad.size(1), num_terms = rows.size(0);
  const at::Tensor out = cpu::empty({num_rows, width}, grad.options());
  const auto [places, ends] =
      sort_by_key(indices.const_data_ptr<int64_t>(), num_terms, num_rows);
  std::vector<int64_t> terms(num_terms); // by row
  for (int64_t i = 0; i < num_terms; ++i) {
    terms[places[i]] = i;
  }
  cpu::for_dtype(grad.scalar_type(), [&]<typename T>(T) {
    const T* from = dy.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width, kMovedEntries),
        [&](int64_t begin, int64_t end) {
          std::vector<float> sum(width);
          for (int64_t row = begin; row < end; ++row) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            for (int64_t i = row == 0 ? 0 : ends[row - 1]; i < ends[row]; ++i) {
              add_row<T>(from + terms[i] * width, 1.0f, width, sum.data());
            }
            round_row<T>(sum.data(), width, to + row * width);
          }
        });
  });
  return out;
}

at::Tensor combine_rows_cpu(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  check_combine_rows(y, places, weights);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({y, weights})) {
    return reference::combine_rows(y, places, weights);
  }
  const at::Tensor in = y.contiguous(), indices = places.contiguous();
  const at::Tensor factors = weights.to(at::kFloat).contiguous();
  const int64_t num_rows = weights.size(0), per_row = weights.size(1);
  const int64_t width = y.size(1);
  const at::Tensor out = cpu::empty({num_rows, width}, y.options());
  const int64_t* place = indices.const_data_ptr<int64_t>();
  const float* factor = factors.const_data_ptr<float>();
  cpu::for_dtype(y.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width * per_row, kMovedEntries),
        [&](int64_t begin, int64_t end) {
          std::vector<float> sum(width);
          for (int64_t row = begin; row < end; ++row) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            for (int64_t pair = row * per_row; pair < (row + 1) * per_row; ++pair) {
              add_row<T>(from + place[pair] * width, factor[pair], width, sum.data());
            }
            round_row<T>(sum.data(), width, to + row * width);
          }
        });
  });
  return out;
}

// d y[place] = weight grad[row], d weight = grad[row] . y[place].
std::tuple<at::Tensor, at::Tensor> combine_rows_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  check_combine_rows(y, places, weights);
  check_gradient(grad, {weights.size(0), y.size(1)}, "combine_rows_backward");
  const at::Tensor dy = grad.contiguous(), in = y.contiguous();
  const at::Tensor indices = places.contiguous();
  const at::Tensor factors = weights.to(at::kFloat).contiguous();
  const int64_t per_row = weights.size(1), width = y.size(1);
  const at::Tensor grad_y = cpu::empty(y.sizes(), y.options());
  const at::Tensor grad_factors = at::empty(weights.sizes(), factors.options());
  const int64_t* place = indices.const_data_ptr<int64_t>();
  const float* factor = factors.const_data_ptr<float>();
  float* grad_factor = grad_factors.mutable_data_ptr<float>();
  cpu::for_dtype(y.scalar_type(), [&]<typename T>(T) {
    const T* grads = dy.const_data_ptr<T>();
    const T* from = in.const_data_ptr<T>();
    T* to = grad_y.mutable_data_ptr<T>();
    at::parallel_for(
        0, y.size(0), cpu::rows_per_task(width, kMovedEntries),
        [&](int64_t begin, int64_t end) {
          for (int64_t pair = begin; pair < end; ++pair) {
            const T* row = grads + pair / per_row * width;
            const int64_t at = place[pair] * width;
            scale_row<T>(row, factor[pair], width, to + at);
            grad_factor[pair] = dot_rows<T>(row, from + at, width);
          }
        });
  });
  return {grad_y, grad_factors.to(weights.scalar_type())};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("sort_pairs", &sort_pairs_cpu);
  m.impl("gather_rows", &gather_rows_cpu);
  m.impl("gather_rows_backward", &gather_rows_backward_cpu);
  m.impl("combine_rows", &combine_rows_cpu);
  m.impl("combine_rows_backward", &combine_rows_backward_cpu);
}

} // namespace omni::kernels
