// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Encoding: stage by stage the nearest of N codewords, sums of squared differences in
// float32; kVqRows rows share each codeword that is loaded. Bytes a row: 4 Q N C /
// kVqRows from the cache. Decoding: 4 Q C. One thread takes whole rows. See Note
// [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <limits>
#include <vector>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

constexpr int64_t kVqRows = 4;

struct Codebooks {
  const float* entries; // [num_stages, num_codewords, width]
  int64_t num_stages; // Q
  int64_t num_codewords; // N
  int64_t width; // C
};

// |left[row] - codeword|^2 of kVqRows rows.
[[gnu::always_inline]] inline void squared_distances(
    const float* left,
    const float* codeword,
    int64_t width,
    float* distances) {
  cpu::Sixteen sums[kVqRows], entry, x;
  int64_t i = 0;
  for (; i + cpu::kLanes <= width; i += cpu::kLanes) {
    cpu::load(codeword + i, entry);
    for (int64_t row = 0; row < kVqRows; ++row) {
      cpu::load(left + row * width + i, x);
      x.low -= entry.low;
      x.high -= entry.high;
      sums[row].low += x.low * x.low;
      sums[row].high += x.high * x.high;
    }
  }
  for (int64_t row = 0; row < kVqRows; ++row) {
    distances[row] = cpu::sum_of(sums[row]);
    for (int64_t rest = i; rest < width; ++rest) {
      const float difference = left[row * width + rest] - codeword[rest];
      distances[row] += difference * difference;
    }
  }
}

// Rows [begin, end), at most kVqRows. `left` holds kVqRows rows.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
vq_encode_rows(
    const Codebooks& books,
    const T* values,
    int64_t* codes,
    float* left,
    int64_t begin,
    int64_t end) {
  const int64_t width = books.width, num_rows = end - begin;
  for (int64_t i = 0; i < num_rows * width; ++i) {
    left[i] = to_float(values[begin * width + i]);
  }
  for (int64_t stage = 0; stage < books.num_stages; ++stage) {
    const float* book = books.entries + stage * books.num_codewords * width;
    float least[kVqRows], distances[kVqRows];
    int64_t nearest[kVqRows] = {};
    for (float& distance : least) {
      distance = std::numeric_limits<float>::infinity();
    }
    for (int64_t code = 0; code < books.num_codewords; ++code) {
      squared_distances(left, book + code * width, width, distances);
      for (int64_t row = 0; row < kVqRows; ++row) {
        if (distances[row] < least[row]) { // NaN is not
          least[row] = distances[row];
          nearest[row] = code;
        }
      }
    }
    for (int64_t row = 0; row < num_rows; ++row) {
      codes[(begin + row) * books.num_stages + stage] = nearest[row];
      float* __restrict own = left + row * width;
      const float* __restrict codeword = book + nearest[row] * width;
      for (int64_t i = 0; i < width; ++i) {
        own[i] -= codeword[i];
      }
    }
  }
}

// Sums float32 in `sum` [C]. The codewords are of T themselves.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
vq_decode_rows(
    const Codebooks& shape, // its entries are not read
    const T* entries,
    const int64_t* codes,
    T* values,
    float* __restrict sum,
    int64_t begin,
    int64_t end) {
  const int64_t width = shape.width;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t i = 0; i < width; ++i) {
      sum[i] = 0.0f;
    }
    for (int64_t stage = 0; stage < shape.num_stages; ++stage) {
      const int64_t code = codes[row * shape.num_stages + stage];
      const T* __restrict codeword =
          entries + (stage * shape.num_codewords + code) * width;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        sum[i] += to_float(codeword[i]);
      }
    }
    T* __restrict out = values + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      out[i] = from_float<T>(sum[i]);
    }
  }
}

at::Tensor vq_encode_cpu(const at::Tensor& values, const at::Tensor& codebooks) {
  check_residual_vq_values(values, codebooks);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({values, codebooks})) {
    return reference::residual_vq_encode(values, codebooks);
  }
  const at::Tensor in = values.contiguous();
  const at::Tensor entries = codebooks.to(at::kFloat).contiguous();
  const Codebooks books{
      entries.const_data_ptr<float>(), codebooks.size(0), codebooks.size(1),
      codebooks.size(2)};
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = books.num_stages;
  const at::Tensor codes = at::empty(sizes, in.options().dtype(at::kLong));
  const int64_t num_rows = books.num_stages == 0 ? 0 : codes.numel() / books.num_stages;
  int64_t* out = codes.mutable_data_ptr<int64_t>();
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    at::parallel_for(
        0, (num_rows + kVqRows - 1) / kVqRows, 1, [&](int64_t begin, int64_t end) {
          std::vector<float> left(kVqRows * books.width);
          for (int64_t block = begin; block < end; ++block) {
            const int64_t first = block * kVqRows;
            vq_encode_rows<T>(
                books, from, out, left.data(), first,
                std::min(first + kVqRows, num_rows));
          }
        });
  });
  return codes;
}

at::Tensor vq_decode_cpu(const at::Tensor& codes, const at::Tensor& codebooks) {
  check_residual_vq_codes(codes, codebooks);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({codebooks})) {
    return reference::residual_vq_decode(codes, codebooks);
  }
  const at::Tensor in = codes.contiguous(), entries = codebooks.contiguous();
  const Codebooks shape{
      nullptr, codebooks.size(0), codebooks.size(1), codebooks.size(2)};
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = shape.width;
  const at::Tensor values = at::empty(sizes, codebooks.options());
  const int64_t num_rows = shape.width == 0 ? 0 : values.numel() / shape.width;
  const int64_t* from = in.const_data_ptr<int64_t>();
  cpu::for_dtype(codebooks.scalar_type(), [&]<typename T>(T) {
    const T* book = entries.const_data_ptr<T>();
    T* to = values.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(shape.width * (shape.num_stages + 1), 32768),
        [&](int64_t begin, int64_t end) {
          std::vector<float> sum(shape.width);
          vq_decode_rows<T>(shape, book, from, to, sum.data(), begin, end);
        });
  });
  return values;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("residual_vq_encode", &vq_encode_cpu);
  m.impl("residual_vq_decode", &vq_decode_cpu);
}

} // namespace omni::kernels
