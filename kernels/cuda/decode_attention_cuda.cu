// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/decode_attention.cuh"
#include "kernels/cuda/launch.cuh"

namespace omni::kernels::cuda {

template <typename T>
int64_t decode_attention_splits(const DecodeAttention<T>& args) {
  return num_attend_splits(args);
}

template <typename T>
void launch_decode_attention(const DecodeAttention<T>& args, Stream stream) {
  const auto kernel = decode_attention_takes_packs(args)
      ? decode_attention_kernel<kAttendPack, T>
      : decode_attention_kernel<1, T>;
  start("decode_attention", decode_attention_launch(args), stream, kernel, args);
  start(
      "merge_splits", merge_splits_launch(args), stream, merge_splits_kernel<T>, args);
}

template int64_t decode_attention_splits(const DecodeAttention<float>&);
template int64_t decode_attention_splits(const DecodeAttention<Bf16>&);
template void launch_decode_attention(const DecodeAttention<float>&, Stream);
template void launch_decode_attention(const DecodeAttention<Bf16>&, Stream);

} // namespace omni::kernels::cuda
