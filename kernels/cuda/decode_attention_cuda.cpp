// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/decode_attention_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

at::Tensor with_dense_rows(const at::Tensor& tensor) {
  return tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

at::Tensor decode_attention_cuda(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const std::optional<at::Tensor>& last_row,
    int64_t window) {
  const SeenRows seen{or_undefined(last_row), window};
  check_decode_attention(q, keys, values, seen);
  const NoAutocast no_autocast;
  const OnDevice device("decode_attention", {q, keys, values, seen.last});
  if (!has_fused_dtypes({q, keys, values}) || q.size(1) > kAttendMostKeyWidth) {
    return reference::decode_attention(q, keys, values, scale, seen);
  }
  const at::Tensor queries = q.contiguous(), key_rows = with_dense_rows(keys),
                   value_rows = with_dense_rows(values);
  const at::Tensor out = at::empty({q.size(0), values.size(2)}, q.options());
  at::Tensor scratch; // lives until the kernels are in the stream
  for_dtype(q.scalar_type(), [&]<typename T>(Type<T>) {
    DecodeAttention<T> args;
    args.q = entries<T>(queries);
    args.keys = entries<T>(key_rows);
    args.values = entries<T>(value_rows);
    args.out = mutable_entries<T>(out);
    args.key_group_stride = key_rows.stride(0);
    args.key_row_stride = key_rows.stride(1);
    args.value_group_stride = value_rows.stride(0);
    args.value_row_stride = value_rows.stride(1);
    args.num_rows = keys.size(1);
    args.last_row = entries<int64_t>(seen.last);
    args.window = window;
    args.num_heads = static_cast<int>(q.size(0));
    args.num_groups = static_cast<int>(keys.size(0));
    args.key_width = static_cast<int>(q.size(1));
    args.value_width = static_cast<int>(values.size(2));
    args.scale = static_cast<float>(scale);
    const int64_t splits = decode_attention_splits(args);
    if (splits > 1) {
      const int64_t rows = splits * q.size(0);
      scratch = at::empty({rows * (values.size(2) + 2)}, q.options().dtype(at::kFloat));
      args.split_out = mutable_entries<float>(scratch);
      args.split_largest = args.split_out + rows * values.size(2);
      args.split_sum = args.split_largest + rows;
    }
    launch_decode_attention(args, device.stream());
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("decode_attention", &decode_attention_cuda);
}

} // namespace omni::kernels::cuda
