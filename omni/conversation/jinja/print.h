// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: values as Python prints them: str(), repr() and json.dumps().
#pragma once

#include <optional>
#include <string>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

// What {{ }} prints: a text as it is, nothing for what is undefined.
[[nodiscard]] std::string to_text(TemplateRuntime& runtime, const TemplateValue& value);
[[nodiscard]] std::string to_repr(TemplateRuntime& runtime, const TemplateValue& value);
[[nodiscard]] std::string repr_of_text(std::string_view text);
// The shortest digits that give the same float again: "0.1", "1e+16", "inf".
[[nodiscard]] std::string repr_of_float(double value);

struct JsonStyle {
  std::optional<std::string> indent; // one level's; all in one line without
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool is_ascii = false; // whether other characters are written as \u1234
  bool has_sorted_keys = false;
};

// A fault for what JSON has no notation for.
[[nodiscard]] std::string
to_json(TemplateRuntime& runtime, const TemplateValue& value, const JsonStyle& style);

} // namespace omni
