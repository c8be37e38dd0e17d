// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Collects bytes and gives them out as whole UTF-8 sequences only, so that streamed
// text is never broken; bytes that can no longer become valid are given as U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace omni {

class Utf8Stream {
 public:
  // Adds bytes, returns what is complete by now (possibly empty).
  [[nodiscard]] std::string push(std::string_view bytes);
  // Ends the text: whatever is pending becomes U+FFFD.
  [[nodiscard]] std::string finish();

 private:
  std::string pending_;
};

// `text` with each maximal invalid part replaced by U+FFFD (Unicode 15, section 3.9).
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

} // namespace omni
