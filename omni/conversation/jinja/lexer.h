// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the source of a template as tokens. Whitespace is cut here, as the marks -
// and
// +, trim_blocks and lstrip_blocks of jinja2 say. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "omni/conversation/jinja/value.h"

namespace omni {

struct TemplateToken {
  enum class Kind {
    Data,
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name,
    Literal, // a number
    Text, // in quotes
    Operator,
    End
  };

  Kind kind = Kind::End;
  size_t offset = 0; // of its first byte in the source
  std::string text; // data, a name, an operator
  TemplateValue value; // of a literal or a text
};

// Lines end in \n, and the last line in nothing.
[[nodiscard]] std::string normalized_template_source(std::string_view source);
// "line 3, column 7", both from 1, columns in characters.
[[nodiscard]] std::string template_place(std::string_view source, size_t offset);
// ValueError [chat_template] that names the place.
[[noreturn]] void
template_error(std::string_view source, size_t offset, const std::string& message);
// The last token is End. `source` is normalized.
[[nodiscard]] std::vector<TemplateToken> template_tokens(std::string_view source);

} // namespace omni
