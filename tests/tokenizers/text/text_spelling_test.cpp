// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <set>
#include <stdexcept>

#include "tests/support/catch.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tokenizers/text/spelling.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Letters = std::vector<int64_t>;

constexpr int64_t kSpace = 38;
constexpr int64_t kInitial = 39; // ㄱ
constexpr int64_t kMedial = 58; // ㅏ
constexpr int64_t kFinal = 79; // ㄱ

TEST_CASE("letters are numbered as the header says") {
  CHECK(spell("az") == Letters{1, 26});
  CHECK(spell("09") == Letters{27, 36});
  CHECK(spell("'") == Letters{37});
  CHECK(spell("a b") == Letters{1, kSpace, 2});
  CHECK(spell("가") == Letters{kInitial, kMedial});
  CHECK(spell("힣") == Letters{kInitial + 18, kMedial + 20, kFinal + 26});
  CHECK(spell("각") == Letters{kInitial, kMedial, kFinal});
  CHECK(
      spell("한글") ==
      Letters{kInitial + 18, kMedial, kFinal + 3, kInitial, kMedial + 18, kFinal + 7});
}

TEST_CASE("every syllable is spelled by its place and composed again") {
  std::set<Letters> spellings;
  for (char32_t c = 0xAC00; c <= 0xD7A3; ++c) {
    std::string syllable;
    append_character(syllable, c);
    const Letters letters = spell(syllable);
    // Unicode 15, section 3.12, written the other way round.
    const auto index = static_cast<int64_t>(c - 0xAC00);
    const bool has_final = index % 28 != 0;
    const bool is_right = letters.size() == (has_final ? 3 : 2) &&
        letters[0] == kInitial + index / 588 &&
        letters[1] == kMedial + index % 588 / 28 &&
        (!has_final || letters[2] == kFinal + index % 28 - 1);
    if (!is_right || unspell(letters) != syllable) {
      FAIL(syllable);
    }
    spellings.insert(letters);
  }
  CHECK(spellings.size() == 11172);
}

TEST_CASE("composed and conjoining Hangul are spelled the same") {
  CHECK(spell("\u1112\u1161\u11AB\u1100\u1173\u11AF") == spell("한글"));
  CHECK(spell("\u1100\u1161") == spell("가"));
}

TEST_CASE("jamo that stand alone stay alone") {
  CHECK(unspell(spell("ㅋㅋ")) == "ㅋㅋ");
  CHECK(unspell(spell("ㅠㅠ")) == "ㅠㅠ");
  CHECK(unspell(spell("ㄳ")) == "ㄳ");
  CHECK(unspell({kInitial, kInitial, kMedial}) == "ㄱ가");
  CHECK(unspell({kFinal}) == "ㄱ");
  CHECK(unspell({kMedial, kFinal}) == "ㅏㄱ");
  CHECK(unspell({kInitial, kMedial, kFinal, kMedial}) == "각ㅏ");
  CHECK(unspell({kInitial, kSpace, kMedial}) == "ㄱ ㅏ");
  // Each of the 67 jamo letters has a character of its own kind.
  for (int64_t letter = kInitial; letter < kNumLetters; ++letter) {
    CHECK(spell(unspell({letter})).size() == 1);
  }
}

TEST_CASE("case, white space and other characters") {
  CHECK(spell("Don’t STOP!") == spell("don't stop"));
  CHECK(spell(" \t a\u00A0\u3000\nb \r\n") == spell("a b"));
  CHECK(spell("!?.,…") == Letters{});
  CHECK(spell("a ! b") == spell("a b"));
  CHECK(spell("é日ー") == Letters{});
  CHECK(
      spell("a\xFF\xEA\xB0"
            "b") == spell("ab"));
  CHECK(spell("") == Letters{});
  CHECK(unspell({}).empty());
}

TEST_CASE("words") {
  CHECK(
      spell_words("push the -- 상자!") ==
      std::vector<Letters>{spell("push"), spell("the"), spell("상자")});
  CHECK(spell_words("  ").empty());
}

TEST_CASE("text of the alphabet survives") {
  std::mt19937 random(3);
  const std::string alphabet[] = {"a",  "z",  "0",  "9",  "'",
                                  "가", "힣", "뷁", "ㅎ", "ㅏ"};
  for (int trial = 0; trial < 300; ++trial) {
    std::string text;
    bool was_alone = false;
    for (size_t i = 0; i < 1 + random() % 12; ++i) {
      const size_t choice = random() % 10;
      text += was_alone && choice == 9 ? "0" : alphabet[choice];
      was_alone = choice == 8; // ㅎ and ㅏ would be 하
      if (random() % 4 == 0) {
        text += " x";
        was_alone = false;
      }
    }
    CHECK(unspell(spell(text)) == text);
  }
}

TEST_CASE("spelling survives any bytes and gives letters only") {
  std::mt19937 random(4);
  for (int trial = 0; trial < 300; ++trial) {
    const std::string bytes =
        test::random_bytes(random, 50) + test::random_text(random, 20);
    const Letters letters = spell(bytes);
    for (const int64_t letter : letters) {
      CHECK((letter >= 1 && letter < kNumLetters));
    }
    if (!letters.empty()) {
      CHECK(letters.front() != kSpace);
      CHECK(letters.back() != kSpace);
    }
  }
}

TEST_CASE("letters outside the alphabet are errors") {
  CHECK_THROWS_AS(unspell({0}), std::out_of_range);
  CHECK_THROWS_AS(unspell({-1}), std::out_of_range);
  CHECK_THROWS_WITH(
      unspell({1, kNumLetters}), "[spelling] expected letters in [1, 106), got 106.");
}

} // namespace
} // namespace omni
