// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The `quantization_config` of a published config.json: by which method its weights
// were made smaller. Ours is {"quant_method": "omni", "format": "int4"}. Internal to
// loading and quantizing.
#pragma once

#include <optional>
#include <string>

#include "kernels/weight_format.h"
#include "omni/core/json.h"

namespace omni {

// None: floating weights. Throws ValueError that names a method or format which is not
// ours.
[[nodiscard]] std::optional<kernels::WeightFormat> read_quantization_config(
    const JsonObject& config);

// The text of a config.json with ours in it.
[[nodiscard]] std::string add_quantization_config(
    const std::string& config_json,
    kernels::WeightFormat format);

} // namespace omni
