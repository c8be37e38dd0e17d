// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/load_cuda.h"

#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

TEST_CASE("the CUDA ops are loaded, or it is said why not") {
  const bool is_loaded = load_cuda_ops();
  CHECK(load_cuda_ops() == is_loaded);
  CHECK(why_no_cuda_ops().empty() == is_loaded);
  // A tensor that says that it is on a device which may not be there.
  const at::Tensor x = at::detail::make_tensor<c10::TensorImpl>(
      c10::DispatchKeySet(c10::DispatchKey::CUDA),
      c10::scalarTypeToTypeMeta(at::kFloat), at::Device(at::kCUDA, 0));
  CHECK(
      explain("swiglu", {x}) ==
      (is_loaded ? "cuda: fused, Float"
                 : "reference: no fused kernel for cuda (" + why_no_cuda_ops() + ")"));
  if (!is_loaded) {
    CHECK_THAT(why_no_cuda_ops(), omni::testing::Contains("libomni_kernels_cuda.so"));
  }
}

} // namespace omni::kernels
