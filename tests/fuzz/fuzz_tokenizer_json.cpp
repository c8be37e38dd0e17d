// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Any file is an error or a tokenizer whose stream, decoding and ranges agree.
#include <cstdlib>

#include "omni/core/errors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tokenizers/text/tokenizer_documents.h"
#include "tokenizers/text/json_tokenizer.h"
#include "tokenizers/text/text_stream.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  using test::byte_level_document;
  Json split = byte_level_document();
  split["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "NFKC"}},
        {{"type", "Lowercase"}},
        {{"type", "Prepend"}, {"prepend", "a"}},
        {{"type", "Replace"},
         {"pattern", {{"Regex", "[b-c]+x?"}}},
         {"content", "ab"}}}}};
  split["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"},
         {"pattern",
          {{"Regex", R"((?i:'s)|[^\r\n\p{L}]?(?:\p{L}\p{M}*)+|\p{N}{1,3}|\s+(?!\S))"}}},
         {"behavior", "Isolated"},
         {"invert", false}},
        {{"type", "Digits"}, {"individual_digits", true}},
        {{"type", "ByteLevel"}, {"use_regex", false}}}}};
  return {byte_level_document().dump(), test::fallback_document().dump(), split.dump()};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  try {
    const auto tokenizer = tokenizer_from_json(fuzz::as_bytes(data, size), "fuzz");
    for (const std::string& text :
         {std::string("the  ab A1234's\n e\u0301빨간 <tool>▁<s>\xFF<|end|>"),
          std::string(300, 'a')}) {
      const TextEncoding encoding = tokenizer->encode_with_ranges(text, true);
      TextStream stream(tokenizer);
      std::string streamed;
      for (const int64_t id : encoding.ids) {
        streamed += stream.push(id);
      }
      streamed += stream.finish();
      if (streamed != tokenizer->decode(encoding.ids, true) ||
          encoding.ranges.size() != encoding.ids.size() ||
          encoding.ids != tokenizer->encode(text, true)) {
        std::abort();
      }
    }
  } catch (const IoError&) {
  } catch (const ValueError&) {
  }
  return 0;
}
