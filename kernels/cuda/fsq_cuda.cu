// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/fsq.cuh"
#include "kernels/cuda/launch.cuh"

namespace omni::kernels::cuda {

template <typename T>
void launch_fsq_encode(
    const T* values,
    int64_t* codes,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream) {
  start(
      "fsq_encode", fsq_launch(num_rows), stream, fsq_encode_kernel<T>, values, codes,
      num_rows, grid);
}

template void
launch_fsq_encode(const float*, int64_t*, int64_t, const FsqGrid&, Stream);
template void launch_fsq_encode(const Bf16*, int64_t*, int64_t, const FsqGrid&, Stream);

template <typename T>
void launch_fsq_quantize(
    const T* values,
    T* out,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream) {
  start(
      "fsq_quantize", fsq_launch(num_rows), stream, fsq_quantize_kernel<T>, values, out,
      num_rows, grid);
}

template void
launch_fsq_quantize(const float*, float*, int64_t, const FsqGrid&, Stream);
template void launch_fsq_quantize(const Bf16*, Bf16*, int64_t, const FsqGrid&, Stream);

template <typename T>
void launch_fsq_quantize_backward(
    const T* grad,
    const T* values,
    T* out,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream) {
  start(
      "fsq_quantize_backward", fsq_launch(num_rows), stream,
      fsq_quantize_backward_kernel<T>, grad, values, out, num_rows, grid);
}

template void launch_fsq_quantize_backward(
    const float*,
    const float*,
    float*,
    int64_t,
    const FsqGrid&,
    Stream);
template void launch_fsq_quantize_backward(
    const Bf16*,
    const Bf16*,
    Bf16*,
    int64_t,
    const FsqGrid&,
    Stream);

void launch_fsq_decode(
    const int64_t* codes,
    float* values,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream) {
  start(
      "fsq_decode", fsq_launch(num_rows), stream, fsq_decode_kernel<float>, codes,
      values, num_rows, grid);
}

} // namespace omni::kernels::cuda
