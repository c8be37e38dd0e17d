// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/support/catch.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tokenizers/text/utf8.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

const std::string kBad = "\xEF\xBF\xBD";

TEST_CASE("invalid UTF-8 becomes one replacement for each maximal part") {
  struct Case {
    std::string bytes;
    std::string expected;
  };
  // Unicode 15, tables 3-8 to 3-11, and the borders of table 3-7.
  const Case cases[] = {
      {"", ""},
      {"abc", "abc"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
       kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41",
       kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42",
       kBad + kBad + kBad + kBad + kBad + "A" + kBad + kBad + "B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", kBad + kBad + kBad + kBad + "A"},
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {"\xF4\x90\x80\x80", kBad + kBad + kBad + kBad},
      {"\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
      {"\xE0\xA0\x80\xE0\x9F\xBF", "\xE0\xA0\x80" + kBad + kBad + kBad},
      {"\xC2\x80\xDF\xBF\xC1\xBF", "\xC2\x80\xDF\xBF" + kBad + kBad},
      {"\xF0\x90\x80\x80\xF0\x8F\xBF\xBF",
       "\xF0\x90\x80\x80" + kBad + kBad + kBad + kBad},
      {"\xEA\xB0", kBad},
      {"\xF0\x9F\x98", kBad},
      {"가\xEA", "가" + kBad},
  };
  for (const Case& c : cases) {
    CHECK(to_valid_utf8(c.bytes) == c.expected);
  }
}

TEST_CASE("a code point survives being written and read") {
  for (char32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 37) {
    if (c >= 0xD800 && c < 0xE000) {
      continue;
    }
    std::string text;
    append_character(text, c);
    const Utf8Character read = first_character(text + "x");
    if (!read.is_valid || read.code_point != c || read.num_bytes != text.size()) {
      FAIL("code point " << static_cast<uint32_t>(c));
    }
  }
  CHECK(first_character("").num_bytes == 0);
  CHECK(first_character("\xEA\xB0").is_cut_short);
  CHECK_FALSE(first_character("\xEA\x41").is_cut_short);
}

TEST_CASE("a stream gives whole characters and the same text as all at once") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 500; ++trial) {
    const std::string bytes =
        test::random_bytes(random, 40) + test::random_text(random, 10);
    Utf8Stream stream;
    std::string streamed;
    for (size_t begin = 0; begin < bytes.size();) {
      const size_t length = 1 + random() % 3;
      const std::string part = stream.push(bytes.substr(begin, length));
      CHECK(to_valid_utf8(part) == part);
      streamed += part;
      begin += length;
    }
    streamed += stream.finish();
    CHECK(streamed == to_valid_utf8(bytes));
  }
}

TEST_CASE("a stream holds back an incomplete character only") {
  Utf8Stream stream;
  CHECK(stream.push("a\xEA") == "a");
  CHECK(stream.push("\xB0").empty());
  CHECK(stream.push("\x80!") == "가!");
  CHECK(stream.push("\xF0\x9F") == "");
  CHECK(stream.push("b") == kBad + "b");
  CHECK(stream.finish().empty());
  CHECK(stream.push("\xF0\x9F\x98").empty());
  CHECK(stream.finish() == kBad);
  CHECK(stream.push("ok") == "ok");
}

TEST_CASE("valid text is left as it is") {
  std::mt19937 random(8);
  for (const std::string& text : test::difficult_texts()) {
    CHECK(to_valid_utf8(text) == text);
  }
  for (int trial = 0; trial < 200; ++trial) {
    const std::string text = test::random_text(random, 60);
    CHECK(to_valid_utf8(text) == text);
  }
}

} // namespace
} // namespace omni
