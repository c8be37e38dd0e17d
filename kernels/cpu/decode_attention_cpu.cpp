// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// softmax(scale q k^T) v for one query row, float32 arithmetic. Bytes: keys and values
// once, for all query heads of a group. A task is one group and kBlockRows rows of the
// cache (never a function of the thread count, so that neither is the result); blocks
// are then joined by their maxima and sums. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <vector>

#include "kernels/cpu/attend_rows.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

constexpr int64_t kBlockRows = 512;

template <typename T>
at::Tensor attend(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale) {
  const int64_t groups = keys.size(0), length = keys.size(1);
  const int64_t heads = q.size(0), per_group = heads / groups;
  const cpu::AttendShape shape{per_group,        q.size(1),
                               values.size(2),   keys.stride(1),
                               values.stride(1), static_cast<float>(scale)};
  const int64_t num_blocks = (length + kBlockRows - 1) / kBlockRows;
  const int64_t head_floats = cpu::partial_floats(shape.value_width),
                step = per_group * head_floats;
  std::vector<float> queries(q.numel()), partial(groups * num_blocks * step);
  const T* query = q.const_data_ptr<T>();
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i] = to_float(query[i]);
  }
  const T* key = keys.const_data_ptr<T>();
  const T* value = values.const_data_ptr<T>();
  // A task of about 64k products is worth a thread.
  const int64_t work =
      per_group * std::min(length, kBlockRows) * (shape.key_width + shape.value_width);
  at::parallel_for(
      0, groups * num_blocks, cpu::rows_per_task(work, 65536),
      [&](int64_t begin, int64_t end) {
        std::vector<float> scores(cpu::kHeadsAtOnce * kBlockRows);
        for (int64_t task = begin; task < end; ++task) {
          const int64_t group = task / num_blocks;
          const int64_t row = task % num_blocks * kBlockRows;
          cpu::attend_block<T>(
              shape, queries.data() + group * per_group * shape.key_width,
              key + group * keys.stride(0) + row * shape.key_stride,
              value + group * values.stride(0) + row * shape.value_stride,
              std::min(kBlockRows, length - row), scores.data(),
              partial.data() + task * step);
        }
      });
  const at::Tensor out = at::empty({heads, shape.value_width}, q.options());
  T* result = out.mutable_data_ptr<T>();
  std::vector<float> joined(shape.value_width);
  for (int64_t head = 0; head < heads; ++head) {
    const int64_t group = head / per_group;
    cpu::join_blocks(
        partial.data() + group * num_blocks * step + head % per_group * head_floats,
        step, num_blocks, shape.value_width, joined.data());
    for (int64_t c = 0; c < shape.value_width; ++c) {
      result[head * shape.value_width + c] = from_float<T>(joined[c]);
    }
  }
  return out;
}

at::Tensor decode_attention_cpu(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const std::optional<at::Tensor>& last_row,
    int64_t window) {
  const SeenRows seen{or_undefined(last_row), window};
  check_decode_attention(q, keys, values, seen);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({q, keys, values, seen.last})) {
    return reference::decode_attention(q, keys, values, scale, seen);
  }
  const int64_t end =
      seen.last.defined() ? *seen.last.const_data_ptr<int64_t>() + 1 : keys.size(1);
  const int64_t num_seen = window > 0 ? std::min(window, end) : end;
  const auto seen_of = [&](const at::Tensor& rows) {
    return cpu::with_dense_rows(rows.narrow(1, end - num_seen, num_seen));
  };
  at::Tensor out;
  cpu::for_dtype(q.scalar_type(), [&]<typename T>(T) {
    out = attend<T>(q.contiguous(), seen_of(keys), seen_of(values), scale);
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("decode_attention", &decode_attention_cpu);
}

} // namespace omni::kernels
