// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A call of a function that a model asks for. A plain value; no torch.
#pragma once

#include <string>

namespace omni {

struct ToolCall {
  std::string name; // of the function
  std::string arguments = "{}"; // a JSON object
  // As the model named the call; if it did not, or not by a name of its own within the
  // conversation, "call00000", "call00001", ...
  std::string id;

  bool operator==(const ToolCall&) const = default;
};

} // namespace omni
