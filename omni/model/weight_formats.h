// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the formats of few bits are called, in files and on the command line.
#pragma once

#include <string>
#include <utility>

#include "kernels/weight_format.h"

namespace omni {

inline constexpr std::pair<const char*, kernels::WeightFormat> kQuantizedFormats[] = {
    {"int8", kernels::WeightFormat::Int8},
    {"int4", kernels::WeightFormat::Int4}};

// Throws ValueError that lists the names there are.
[[nodiscard]] kernels::WeightFormat weight_format_from_name(const std::string& name);
// Throws ValueError for a format that is not of few bits.
[[nodiscard]] std::string weight_format_name(kernels::WeightFormat format);

} // namespace omni
