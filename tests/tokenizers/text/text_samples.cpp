// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/tokenizers/text/text_samples.h"

#include "tokenizers/text/utf8.h"

namespace omni::test {

std::string random_text(std::mt19937& random, size_t max_characters) {
  constexpr char32_t kEnds[] = {0x80, 0x800, 0x10000, 0x110000};
  std::string text;
  for (size_t i = random() % (max_characters + 1); i > 0; --i) {
    const auto character = static_cast<char32_t>(random() % kEnds[random() % 4]);
    const bool is_surrogate = character >= 0xD800 && character < 0xE000;
    append_character(text, is_surrogate ? U'가' : character);
  }
  return text;
}

const std::vector<std::string>& difficult_texts() {
  using namespace std::string_literals;
  static const std::vector<std::string> kTexts = {
      "",
      " ",
      "  ",
      "a",
      " a",
      "  a  b ",
      "\n\t\r\n",
      "a\0b"s,
      "\0"s,
      "▁",
      "▁▁ ▁",
      " ▁a▁",
      "a▁ b",
      "<s>",
      "</s>",
      "<unk>",
      "<|user|>hello<|assistant|>",
      "<0x41>",
      "<0xEA><0xB0><0x80>",
      "<sep>",
      "빨간 원이 파란 네모 왼쪽에 있어요.",
      "뷁 쀍 똠방각하",
      "각", // conjoining jamo
      "ㅋㅋㅋ ㅠㅠ", // jamo that stand alone
      "e\u0301 é", // combining and composed
      "👩‍👩‍👧‍👦 👍🏽 🇰🇷", // joined, toned, flags
      "\u200B\u200E\uFEFF",
      "\u00A0\u3000\u2028",
      "\uFFFD\uFFFE\uFFFF",
      "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎",
      "ﷺ ﬁ ① ＡＢＣ",
      "العربية עברית ไทย हिन्दी",
      std::string(5000, 'a'),
      std::string(300, ' '),
      "0123456789 3.14159 1,000,000",
      "for (int i = 0; i < n; ++i) { x[i] += \"y\"; }\n",
  };
  return kTexts;
}

} // namespace omni::test
