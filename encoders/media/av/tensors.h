// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Decoded samples become a tensor without a copy.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <memory>
#include <utility>
#include <vector>

namespace omni::av {

// float32 [S] that owns the vector.
inline at::Tensor to_tensor(std::vector<float> samples) {
  auto owner = std::make_shared<std::vector<float>>(std::move(samples));
  float* data = owner->data();
  const auto count = static_cast<int64_t>(owner->size());
  return at::from_blob(
      data, {count}, [owner](void*) {}, at::TensorOptions().dtype(at::kFloat));
}

} // namespace omni::av
