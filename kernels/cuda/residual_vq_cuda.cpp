// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/residual_vq_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

at::Tensor vq_encode_cuda(const at::Tensor& values, const at::Tensor& codebooks) {
  check_residual_vq_values(values, codebooks);
  const NoAutocast no_autocast;
  const OnDevice device("residual_vq_encode", {values, codebooks});
  if (!has_fused_dtypes({values, codebooks}) || codebooks.size(2) > kVqMostWidth) {
    return reference::residual_vq_encode(values, codebooks);
  }
  const at::Tensor in = values.contiguous(), books = in_float32(codebooks);
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = books.size(0);
  const at::Tensor codes = at::empty(sizes, in.options().dtype(at::kLong));
  for_dtype(in.scalar_type(), [&]<typename T>(Type<T>) {
    launch_residual_vq_encode<T>(
        {entries<T>(in), entries<float>(books), mutable_entries<int64_t>(codes),
         num_rows(in), static_cast<int>(books.size(0)), static_cast<int>(books.size(1)),
         static_cast<int>(books.size(2))},
        device.stream());
  });
  return codes;
}

at::Tensor vq_decode_cuda(const at::Tensor& codes, const at::Tensor& codebooks) {
  check_residual_vq_codes(codes, codebooks);
  const NoAutocast no_autocast;
  const OnDevice device("residual_vq_decode", {codes, codebooks});
  if (!has_fused_dtypes({codebooks})) {
    return reference::residual_vq_decode(codes, codebooks);
  }
  const at::Tensor in = codes.contiguous(), books = in_float32(codebooks);
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = books.size(2);
  const at::Tensor values = at::empty(sizes, codebooks.options());
  for_dtype(codebooks.scalar_type(), [&]<typename T>(Type<T>) {
    launch_residual_vq_decode<T>(
        {entries<int64_t>(in), entries<float>(books), mutable_entries<T>(values),
         num_rows(in), static_cast<int>(books.size(0)), static_cast<int>(books.size(1)),
         static_cast<int>(books.size(2))},
        device.stream());
  });
  return values;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("residual_vq_encode", &vq_encode_cuda);
  m.impl("residual_vq_decode", &vq_decode_cuda);
}

} // namespace omni::kernels::cuda
