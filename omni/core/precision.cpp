// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/precision.h"

#include <c10/util/Exception.h>

#include <utility>

#include "kernels/packed_linear.h"

namespace omni {
namespace {

constexpr std::pair<const char*, at::ScalarType> kNames[] = {
    {"float32", at::kFloat},
    {"bfloat16", at::kBFloat16},
    {"float16", at::kHalf},
    {"float64", at::kDouble}};

} // namespace

at::ScalarType default_dtype() {
  return kernels::has_fast_packed_linear() ? at::kBFloat16 : at::kFloat;
}

at::ScalarType dtype_from_name(const std::string& name) {
  for (const auto& [known, dtype] : kNames) {
    if (name == known) {
      return dtype;
    }
  }
  TORCH_CHECK_VALUE(
      false, "[precision] expected float32, bfloat16, float16 or float64, got \"", name,
      "\".");
}

std::string dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : kNames) {
    if (dtype == known) {
      return name;
    }
  }
  TORCH_CHECK_VALUE(false, "[precision] expected a floating dtype, got ", dtype, ".");
}

} // namespace omni
