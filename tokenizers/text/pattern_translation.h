// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Regular expressions of tokenizer.json are written for Oniguruma in its Ruby syntax.
// Here they become expressions of PCRE2 (UTF, UCP, multi-line) that find the same
// matches; what has no such form is refused by name. Internal: strings only, no torch.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace omni {

// The expression is malformed or asks for what is not supported; what() says how.
class PatternError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[nodiscard]] std::string to_pcre2(std::string_view pattern);

} // namespace omni
