// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/launch.cuh"

namespace omni::kernels::cuda {

template <typename T>
void launch_column_sums(const ColumnSums<T>& args, Stream stream) {
  start("column_sums", column_sums_launch(args), stream, column_sums_kernel<T>, args);
}

template void launch_column_sums(const ColumnSums<float>&, Stream);
template void launch_column_sums(const ColumnSums<Bf16>&, Stream);

} // namespace omni::kernels::cuda
