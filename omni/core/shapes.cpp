// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/shapes.h"

#include <c10/util/ArrayRef.h>
#include <c10/util/Exception.h>

namespace omni {

void check_shape(
    const at::Tensor& tensor,
    std::initializer_list<int64_t> expected,
    std::string_view component,
    std::string_view name) {
  TORCH_CHECK_VALUE(
      tensor.defined(), "[", component, "] expected `", name, "` ",
      c10::IntArrayRef(expected), ", got an undefined tensor.");
  bool matches = tensor.dim() == static_cast<int64_t>(expected.size());
  int64_t axis = 0;
  for (const int64_t size : expected) {
    matches = matches && (size < 0 || tensor.size(axis) == size);
    ++axis;
  }
  TORCH_CHECK_VALUE(
      matches, "[", component, "] expected `", name, "` ", c10::IntArrayRef(expected),
      ", got ", tensor.sizes(), ".");
}

} // namespace omni
