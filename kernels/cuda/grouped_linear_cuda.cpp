// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// LibTorch's one product of all blocks, where it takes them: bfloat16, rows of whole 16
// bytes. With a gradient, and for all else, the reference: a product a block.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <limits>

#include "kernels/cuda/device.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

constexpr int64_t kRowBytes = 16;

bool has_whole_rows(const at::Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % kRowBytes == 0 &&
      tensor.size(-1) * tensor.element_size() % kRowBytes == 0;
}

// int32 [E]: where each block ends.
at::Tensor ends_of(at::IntArrayRef counts, const at::Device& device) {
  std::vector<int32_t> ends;
  int64_t end = 0;
  for (const int64_t count : counts) {
    end += count;
    ends.push_back(static_cast<int32_t>(end));
  }
  return at::tensor(ends, at::TensorOptions(at::kInt)).to(device);
}

at::Tensor grouped_linear_cuda(
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts) {
  check_grouped_linear(x, weight, counts);
  const NoAutocast no_autocast;
  const OnDevice device("grouped_linear", {x, weight});
  if (x.scalar_type() != at::kBFloat16 || x.size(0) == 0 ||
      x.size(0) > std::numeric_limits<int32_t>::max()) {
    return reference::grouped_linear(x, weight, counts);
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor matrices = weight.to(at::kBFloat16).contiguous();
  const bool is_whole = has_whole_rows(rows) && has_whole_rows(matrices) &&
      weight.size(1) * rows.element_size() % kRowBytes == 0; // of the result
  return is_whole
      ? at::_grouped_mm(rows, matrices.transpose(1, 2), ends_of(counts, x.device()))
      : reference::grouped_linear(rows, matrices, counts);
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("grouped_linear", &grouped_linear_cuda);
}

} // namespace omni::kernels::cuda
