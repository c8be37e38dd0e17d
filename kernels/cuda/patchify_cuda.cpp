// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/patchify_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"

namespace omni::kernels::cuda {
namespace {

at::Tensor patchify_cuda(
    const at::Tensor& pixels,
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  check_patchify(pixels, to_patchify_options(mean, std, patch_size, merge));
  const OnDevice device("patchify", {pixels});
  const at::Tensor in = pixels.contiguous();
  const int64_t patches =
      in.size(0) * (in.size(1) / patch_size) * (in.size(2) / patch_size);
  const at::Tensor out = at::empty(
      {patches, patch_size * patch_size * kColours}, in.options().dtype(at::kFloat));
  Patchify<float> args;
  args.pixels = entries<uint8_t>(in);
  args.out = mutable_entries<float>(out);
  args.num_pictures = in.size(0);
  args.height = static_cast<int>(in.size(1));
  args.width = static_cast<int>(in.size(2));
  args.patch_size = static_cast<int>(patch_size);
  args.merge = static_cast<int>(merge);
  for (int i = 0; i < kColours; ++i) {
    args.mean[i] = static_cast<float>(mean[i]);
    args.std[i] = static_cast<float>(std[i]);
  }
  launch_patchify(args, device.stream());
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("patchify", &patchify_cuda);
}

} // namespace omni::kernels::cuda
