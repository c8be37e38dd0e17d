// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/weight_formats.h"

#include "omni/core/errors.h"

namespace omni {

kernels::WeightFormat weight_format_from_name(const std::string& name) {
  std::string known;
  for (const auto& [known_name, format] : kQuantizedFormats) {
    if (name == known_name) {
      return format;
    }
    known += (known.empty() ? "" : " or ") + std::string(known_name);
  }
  constexpr size_t kShown = 60;
  throw ValueError(
      "quantize",
      "expected a format " + known + ", got \"" + name.substr(0, kShown) + "\".");
}

std::string weight_format_name(kernels::WeightFormat format) {
  for (const auto& [name, known] : kQuantizedFormats) {
    if (format == known) {
      return name;
    }
  }
  throw ValueError("quantize", "expected a format of few bits, got bfloat16.");
}

} // namespace omni
