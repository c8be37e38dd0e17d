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
  std::string id; // as the model named the call, else "call_0", "call_1", ...

  bool operator==(const ToolCall&) const = default;
};

} // namespace omni
