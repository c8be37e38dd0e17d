// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/quantization_config.h"

#include "omni/core/errors.h"
#include "omni/model/weight_formats.h"

namespace omni {
namespace {

constexpr const char* kKey = "quantization_config";
constexpr const char* kMethod = "omni";

} // namespace

std::optional<kernels::WeightFormat> read_quantization_config(
    const JsonObject& config) {
  if (!config.has(kKey)) {
    return std::nullopt;
  }
  const JsonObject quantization = config.object(kKey);
  const std::string method = quantization.string("quant_method");
  if (method != kMethod) {
    constexpr size_t kShown = 60;
    throw ValueError(
        "config",
        std::string("expected floating weights or the `quant_method` ") + kMethod +
            ", got \"" + method.substr(0, kShown) +
            "\". Load the checkpoint that was not quantized, and quantize() it.");
  }
  return weight_format_from_name(quantization.string("format"));
}

std::string add_quantization_config(
    const std::string& config_json,
    kernels::WeightFormat format) {
  OrderedJson config = parse_ordered_json(config_json, "quantize", "config.json");
  config[kKey] = {{"quant_method", kMethod}, {"format", weight_format_name(format)}};
  return config.dump(2) + "\n";
}

} // namespace omni
