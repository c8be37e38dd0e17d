// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Which dtype a model computes in. Norms, softmax, rotary angles, losses and what a
// speech head does stay float32 whatever is chosen here.
#pragma once

#include <c10/core/ScalarType.h>

#include <string>

namespace omni {

// bfloat16 where this CPU multiplies packed weights of it fast (AVX512-BF16 or AVX2),
// else float32.
[[nodiscard]] at::ScalarType default_dtype();

// "float32", "bfloat16", "float16", "float64"; ValueError for other names.
[[nodiscard]] at::ScalarType dtype_from_name(const std::string& name);
[[nodiscard]] std::string dtype_name(at::ScalarType dtype);

} // namespace omni
