// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// q = round(tanh(v + shift) half - offset); codes are digits q + l / 2 in mixed radix.
// float32 arithmetic whatever the input. One thread takes whole rows of `dims` values;
// the loop over entries runs flat, with the constants of the dimensions repeated under
// it. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/backward_checks.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

constexpr int64_t kRowsAtOnce = 16; // a vector of any dimension count has no tail

// Each array holds kRowsAtOnce copies of one number a dimension.
struct Grid {
  explicit Grid(at::IntArrayRef levels) : dims(static_cast<int64_t>(levels.size())) {
    for (int64_t i = 0; i < dims * kRowsAtOnce; ++i) {
      const int64_t level = levels[i % dims];
      const double half_range = static_cast<double>(level - 1) * (1.0 + 1e-3) / 2.0;
      const double even = level % 2 == 0 ? 0.5 : 0.0;
      half.push_back(static_cast<float>(half_range));
      offset.push_back(static_cast<float>(even));
      shift.push_back(static_cast<float>(std::atanh(even / half_range)));
      width.push_back(static_cast<float>(level / 2));
    }
  }
  int64_t dims;
  std::vector<float> half, offset, shift, width;
};

// What the loops read of a Grid; `count` is dims * kRowsAtOnce.
struct Constants {
  explicit Constants(const Grid& grid)
      : count(static_cast<int64_t>(grid.half.size())),
        half(grid.half.data()),
        offset(grid.offset.data()),
        shift(grid.shift.data()),
        width(grid.width.data()) {}
  int64_t count;
  const float *half, *offset, *shift, *width;
};

// The integers q as floats, of entries [begin, end); begin a multiple of dims.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void to_digits(
    const Constants& c,
    const T* __restrict values,
    float* __restrict digits,
    int64_t size) {
  for (int64_t base = 0; base < size; base += c.count) {
    const int64_t count = std::min(c.count, size - base);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const float t = cpu::tanh_fast(to_float(values[base + i]) + c.shift[i]);
      digits[base + i] = cpu::round_small(t * c.half[i] - c.offset[i]);
    }
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void quantize(
    const Constants& c,
    const T* __restrict values,
    T* __restrict out,
    int64_t size) {
  for (int64_t base = 0; base < size; base += c.count) {
    const int64_t count = std::min(c.count, size - base);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const float t = cpu::tanh_fast(to_float(values[base + i]) + c.shift[i]);
      const float digit = cpu::round_small(t * c.half[i] - c.offset[i]);
      out[base + i] = from_float<T>(digit / c.width[i]);
    }
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
quantize_backward(
    const Constants& c,
    const T* __restrict grad,
    const T* __restrict values,
    T* __restrict out,
    int64_t size) {
  for (int64_t base = 0; base < size; base += c.count) {
    const int64_t count = std::min(c.count, size - base);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const float t = cpu::tanh_fast(to_float(values[base + i]) + c.shift[i]);
      const float slope = (1.0f - t * t) * c.half[i] / c.width[i];
      out[base + i] = from_float<T>(to_float(grad[base + i]) * slope);
    }
  }
}

// Runs `rows(begin, end)` over num_rows rows of `dims` entries.
template <typename Run>
void over_rows(int64_t num_rows, int64_t dims, const Run& run) {
  at::parallel_for(0, num_rows, cpu::rows_per_task(dims, cpu::kTaskEntries), run);
}

at::Tensor encode_cpu(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({values})) {
    return reference::fsq_encode(values, levels);
  }
  const at::Tensor in = values.contiguous();
  const at::Tensor codes =
      at::empty(in.sizes().slice(0, in.dim() - 1), in.options().dtype(at::kLong));
  const Grid grid(levels);
  const Constants constants(grid);
  const int64_t dims = grid.dims;
  int64_t* out = codes.mutable_data_ptr<int64_t>();
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    over_rows(codes.numel(), dims, [&](int64_t begin, int64_t end) {
      std::vector<float> digits((end - begin) * dims);
      to_digits<T>(constants, from + begin * dims, digits.data(), (end - begin) * dims);
      const float* digit = digits.data();
      for (int64_t row = begin; row < end; ++row) {
        int64_t code = 0, radix = 1;
        for (int64_t i = 0; i < dims; ++i) {
          code += (static_cast<int64_t>(*digit++) + levels[i] / 2) * radix;
          radix *= levels[i];
        }
        out[row] = code;
      }
    });
  });
  return codes;
}

at::Tensor decode_cpu(const at::Tensor& codes, at::IntArrayRef levels) {
  check_fsq_codes(codes, levels);
  const at::Tensor in = codes.contiguous();
  const auto dims = static_cast<int64_t>(levels.size());
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.push_back(dims);
  const at::Tensor values = at::empty(sizes, in.options().dtype(at::kFloat));
  const int64_t* from = in.const_data_ptr<int64_t>();
  float* out = values.mutable_data_ptr<float>();
  over_rows(in.numel(), dims, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = from[row];
      for (int64_t i = 0; i < dims; ++i) {
        const int64_t half = levels[i] / 2;
        out[row * dims + i] =
            static_cast<float>(rest % levels[i] - half) / static_cast<float>(half);
        rest /= levels[i];
      }
    }
  });
  return values;
}

at::Tensor quantize_cpu(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({values})) {
    return reference::fsq_quantize(values, levels);
  }
  const at::Tensor in = values.contiguous();
  const at::Tensor out = at::empty(in.sizes(), in.options());
  const Grid grid(levels);
  const Constants constants(grid);
  const int64_t dims = grid.dims;
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    over_rows(in.numel() / dims, dims, [&](int64_t begin, int64_t end) {
      quantize<T>(
          constants, from + begin * dims, to + begin * dims, (end - begin) * dims);
    });
  });
  return out;
}

at::Tensor quantize_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& values,
    at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  check_gradient_like(grad, values, "fsq_quantize_backward");
  const at::Tensor in = values.contiguous(), dy = grad.contiguous();
  const at::Tensor out = at::empty(in.sizes(), in.options());
  const Grid grid(levels);
  const Constants constants(grid);
  const int64_t dims = grid.dims;
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    const T* grads = dy.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    over_rows(in.numel() / dims, dims, [&](int64_t begin, int64_t end) {
      quantize_backward<T>(
          constants, grads + begin * dims, from + begin * dims, to + begin * dims,
          (end - begin) * dims);
    });
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("fsq_encode", &encode_cpu);
  m.impl("fsq_decode", &decode_cpu);
  m.impl("fsq_quantize", &quantize_cpu);
  m.impl("fsq_quantize_backward", &quantize_backward_cpu);
}

} // namespace omni::kernels
