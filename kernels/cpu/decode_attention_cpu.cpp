// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// softmax(scale q k^T) v for one query row, float32 arithmetic. Bytes: keys and values
// once, for all query heads of a group. A task is one group and kBlockRows rows of the
// cache (never a function of the thread count, so that neither is the result); blocks
// are then joined by their maxima and sums. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
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

constexpr int64_t kBlockRows = 512;

struct Shape {
  int64_t heads_per_group;
  int64_t key_width; // K
  int64_t value_width; // C
  int64_t key_stride; // entries from one row of the cache to the next
  int64_t value_stride;
};

// Four rows share the loads of q.
template <typename T>
[[gnu::always_inline]] inline void four_scores(
    const float* q,
    const T* keys,
    int64_t stride,
    int64_t width,
    float* scores) {
  cpu::Sixteen sums[4], query, key;
  int64_t i = 0;
  for (; i + cpu::kLanes <= width; i += cpu::kLanes) {
    cpu::load(q + i, query);
    for (int row = 0; row < 4; ++row) {
      cpu::load(keys + row * stride + i, key);
      sums[row].low += query.low * key.low;
      sums[row].high += query.high * key.high;
    }
  }
  for (int row = 0; row < 4; ++row) {
    scores[row] = cpu::sum_of(sums[row]);
    for (int64_t rest = i; rest < width; ++rest) {
      scores[row] += q[rest] * to_float(keys[row * stride + rest]);
    }
  }
}

// Turns scores into exp(score - largest); returns largest and the sum.
struct Softmax {
  float largest;
  float sum;
};

[[gnu::always_inline]] inline Softmax exponentiate(
    float* __restrict scores,
    int64_t rows) {
  const float largest = cpu::largest_of(scores, rows);
#pragma omp simd
  for (int64_t j = 0; j < rows; ++j) {
    scores[j] = cpu::exp_fast(scores[j] - largest);
  }
  return {largest, cpu::sum_of(scores, rows)};
}

// One group and one block. `partial` holds for each head its largest score, the sum of
// exponentials and C weighted values.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void attend_block(
    const Shape& shape,
    const float* queries, // [heads_per_group, K], scaled
    const T* keys,
    const T* values,
    int64_t rows,
    float* __restrict scores, // [kBlockRows]
    float* partial) {
  for (int64_t head = 0; head < shape.heads_per_group; ++head) {
    const float* __restrict q = queries + head * shape.key_width;
    int64_t j = 0;
    for (; j + 4 <= rows; j += 4) {
      four_scores(
          q, keys + j * shape.key_stride, shape.key_stride, shape.key_width,
          scores + j);
    }
    for (; j < rows; ++j) {
      scores[j] = cpu::dot(q, keys + j * shape.key_stride, shape.key_width);
    }
    const Softmax softmax = exponentiate(scores, rows);
    float* __restrict out = partial + head * (shape.value_width + 2) + 2;
    out[-2] = softmax.largest;
    out[-1] = softmax.sum;
    for (int64_t c = 0; c < shape.value_width; ++c) {
      out[c] = 0.0f;
    }
    for (j = 0; j + 4 <= rows; j += 4) {
      const T* __restrict v0 = values + j * shape.value_stride;
      const T* __restrict v1 = v0 + shape.value_stride;
      const T* __restrict v2 = v1 + shape.value_stride;
      const T* __restrict v3 = v2 + shape.value_stride;
      const float p0 = scores[j], p1 = scores[j + 1];
      const float p2 = scores[j + 2], p3 = scores[j + 3];
#pragma omp simd
      for (int64_t c = 0; c < shape.value_width; ++c) {
        out[c] += p0 * to_float(v0[c]) + p1 * to_float(v1[c]) + p2 * to_float(v2[c]) +
            p3 * to_float(v3[c]);
      }
    }
    for (; j < rows; ++j) {
      const T* __restrict value = values + j * shape.value_stride;
      const float p = scores[j];
#pragma omp simd
      for (int64_t c = 0; c < shape.value_width; ++c) {
        out[c] += p * to_float(value[c]);
      }
    }
  }
}

// Joins the blocks of one head, `step` floats apart, into out [C].
template <typename T>
void join_blocks(
    const float* partial,
    int64_t step,
    int64_t num_blocks,
    int64_t value_width,
    T* out) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t block = 0; block < num_blocks; ++block) {
    largest = std::max(largest, partial[block * step]);
  }
  float sum = 0.0f;
  std::vector<float> total(value_width, 0.0f);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const float* part = partial + block * step;
    const float factor = std::exp(part[0] - largest);
    sum += part[1] * factor;
    for (int64_t c = 0; c < value_width; ++c) {
      total[c] += part[2 + c] * factor;
    }
  }
  for (int64_t c = 0; c < value_width; ++c) {
    out[c] = from_float<T>(total[c] / sum);
  }
}

at::Tensor with_dense_rows(const at::Tensor& tensor) {
  return tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

template <typename T>
at::Tensor attend(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale) {
  const int64_t groups = keys.size(0), length = keys.size(1);
  const int64_t heads = q.size(0), per_group = heads / groups;
  const Shape shape{
      per_group, q.size(1), values.size(2), keys.stride(1), values.stride(1)};
  const int64_t num_blocks = (length + kBlockRows - 1) / kBlockRows;
  const int64_t head_floats = shape.value_width + 2, step = per_group * head_floats;
  std::vector<float> queries(q.numel()), partial(groups * num_blocks * step);
  const T* query = q.const_data_ptr<T>();
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i] = to_float(query[i]) * static_cast<float>(scale);
  }
  const T* key = keys.const_data_ptr<T>();
  const T* value = values.const_data_ptr<T>();
  // A task of about 64k products is worth a thread.
  const int64_t work =
      per_group * std::min(length, kBlockRows) * (shape.key_width + shape.value_width);
  at::parallel_for(
      0, groups * num_blocks, cpu::rows_per_task(work, 65536),
      [&](int64_t begin, int64_t end) {
        std::vector<float> scores(kBlockRows);
        for (int64_t task = begin; task < end; ++task) {
          const int64_t group = task / num_blocks;
          const int64_t row = task % num_blocks * kBlockRows;
          attend_block<T>(
              shape, queries.data() + group * per_group * shape.key_width,
              key + group * keys.stride(0) + row * shape.key_stride,
              value + group * values.stride(0) + row * shape.value_stride,
              std::min(kBlockRows, length - row), scores.data(),
              partial.data() + task * step);
        }
      });
  const at::Tensor out = at::empty({heads, shape.value_width}, q.options());
  T* result = out.mutable_data_ptr<T>();
  for (int64_t head = 0; head < heads; ++head) {
    const int64_t group = head / per_group;
    join_blocks<T>(
        partial.data() + group * num_blocks * step + head % per_group * head_floats,
        step, num_blocks, shape.value_width, result + head * shape.value_width);
  }
  return out;
}

at::Tensor decode_attention_cpu(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale) {
  check_decode_attention(q, keys, values);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({q, keys, values})) {
    return reference::decode_attention(q, keys, values, scale);
  }
  at::Tensor out;
  cpu::for_dtype(q.scalar_type(), [&]<typename T>(T) {
    out = attend<T>(
        q.contiguous(), with_dense_rows(keys), with_dense_rows(values), scale);
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("decode_attention", &decode_attention_cpu);
}

} // namespace omni::kernels
