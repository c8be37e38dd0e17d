// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What lies in a model folder beside the model, for programs that talk to people.
#pragma once

#include <filesystem>
#include <string>

namespace omni {

// Folder of the embedded omni-nano. IoError when this installation lacks it.
[[nodiscard]] std::filesystem::path embedded_model_folder();

// examples.txt of a model folder: what the model can be asked, in its own languages,
// for people to read. Empty when there is none; IoError above 64 KiB.
[[nodiscard]] std::string read_examples(const std::filesystem::path& folder);

} // namespace omni
