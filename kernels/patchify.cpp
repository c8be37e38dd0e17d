// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Pixels to normalised patch rows in model order.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_patchify(const at::Tensor& pixels, const PatchifyOptions& options) {
  TORCH_CHECK_TYPE(
      pixels.scalar_type() == at::kByte, "[patchify] expected uint8 pixels, got ",
      pixels.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      options.patch_size >= 1 && options.patch_size <= 1024 && options.merge >= 1 &&
          options.merge <= 1024,
      "[patchify] expected patch_size and merge in [1, 1024], got ", options.patch_size,
      " and ", options.merge, ".");
  const int64_t cell = options.patch_size * options.merge;
  TORCH_CHECK_VALUE(
      pixels.dim() == 4 && pixels.size(3) == 3 && pixels.size(1) % cell == 0 &&
          pixels.size(2) % cell == 0,
      "[patchify] expected pixels [N, Y, X, 3] with Y and X multiples of ", cell,
      " (patch_size * merge), got ", pixels.sizes(), ".");
  for (const double value : options.std) {
    TORCH_CHECK_VALUE(value > 0, "[patchify] expected std > 0, got ", value, ".");
  }
}

PatchifyOptions to_patchify_options(
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  TORCH_CHECK_VALUE(
      mean.size() == 3 && std.size() == 3,
      "[patchify] expected mean and std of three colours, got ", mean.size(), " and ",
      std.size(), ".");
  return {{mean[0], mean[1], mean[2]}, {std[0], std[1], std[2]}, patch_size, merge};
}

namespace {

at::Tensor call(
    const at::Tensor& pixels,
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::patchify", "")
                             .typed<decltype(call)>();
  return op.call(pixels, mean, std, patch_size, merge);
}

at::Tensor by_reference(
    const at::Tensor& pixels,
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  const PatchifyOptions options = to_patchify_options(mean, std, patch_size, merge);
  check_patchify(pixels, options);
  return reference::patchify(pixels, options);
}

at::Tensor meta(
    const at::Tensor& pixels,
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  check_patchify(pixels, to_patchify_options(mean, std, patch_size, merge));
  const int64_t patches =
      pixels.size(0) * (pixels.size(1) / patch_size) * (pixels.size(2) / patch_size);
  return at::empty(
      {patches, patch_size * patch_size * 3}, pixels.options().dtype(at::kFloat));
}

} // namespace

at::Tensor patchify(const at::Tensor& pixels, const PatchifyOptions& options) {
  return call(pixels, options.mean, options.std, options.patch_size, options.merge);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "patchify(Tensor pixels, float[] mean, float[] std, int patch_size, int merge=1) "
      "-> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("patchify", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("patchify", &meta);
}

} // namespace omni::kernels
