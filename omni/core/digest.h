// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// 128-bit content digests (XXH3) as 32 hexadecimal digits: keys of caches, and proof
// that data did not change. Not for security.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

namespace omni {

[[nodiscard]] std::string digest(std::string_view bytes);
// Of dtype, sizes and elements; the same for any strides.
[[nodiscard]] std::string digest(const at::Tensor& tensor);

} // namespace omni
