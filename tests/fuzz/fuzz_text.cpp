// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// UTF-8, spelling and special tokens: any bytes are text of some kind.
#include <cstdlib>

#include "tests/fuzz/fuzz.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tokenizers/text/special_matcher.h"
#include "tokenizers/text/spelling.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  return test::difficult_texts();
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  const std::string_view bytes = fuzz::as_bytes(data, size);
  const std::string valid = to_valid_utf8(bytes);
  Utf8Stream stream;
  std::string streamed;
  for (const char byte : bytes) {
    streamed += stream.push(std::string_view(&byte, 1));
  }
  streamed += stream.finish();
  const std::vector<int64_t> letters = spell(bytes);
  // Spelling what was spelled changes nothing, once jamo have met.
  const std::string text = unspell(letters);
  if (streamed != valid || to_valid_utf8(valid) != valid ||
      to_valid_utf8(text) != text ||
      unspell(spell(text)) != unspell(spell(unspell(spell(text))))) {
    std::abort();
  }
  static const SpecialMatcher kMatcher(
      {{"<s>", 1}, {"<|user|>", 2}, {"<|u", 3}, {"▁", 4}, {"#", 5}});
  if (const auto match = kMatcher.first_in(bytes); match && match->end > size) {
    std::abort();
  }
  return 0;
}
