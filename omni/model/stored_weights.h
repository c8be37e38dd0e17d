// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model's parameters in and out of the tensors of a folder: its own names, or those
// of a published checkpoint. Internal to loading and saving.
#pragma once

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "omni/core/safetensors.h"
#include "omni/model/omni_model.h"

namespace omni {

// What does not fit, all of it in one message.
class Mismatches {
 public:
  void add(const std::string& line);
  // Throws ValueError that lists them, if there are any.
  void check(const std::filesystem::path& folder) const;

 private:
  size_t count_ = 0;
  std::ostringstream text_;
};

[[nodiscard]] std::string sizes_of(at::IntArrayRef sizes);

// What a folder holds of a model: its parameters, and the panels of quantized weights.
[[nodiscard]] torch::OrderedDict<std::string, at::Tensor> stored_values(
    const OmniModelImpl& model);

// Fills all parameters of a model whose memory is unset. What is one tensor of the
// dtype asked for is mapped, as panels are; others are copied. Returns the tensors that
// a published checkpoint has and we do not run. Throws ValueError that lists all
// missing, unexpected and mis-shaped ones.
std::vector<std::string> load_weights(
    OmniModel& model,
    const SafetensorsReader& reader,
    const std::filesystem::path& folder,
    const LoadOptions& options);

// The tensors to write: views of the parameters.
[[nodiscard]] NamedTensors stored_tensors(const OmniModelImpl& model);

} // namespace omni
