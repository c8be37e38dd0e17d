// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_tokenizer.h"

#include <stdexcept>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/tokenizers/text/model_bytes.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tokenizers/text/sentencepiece_tokenizer.h"
#include "tokenizers/text/text_stream.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Ids = std::vector<int64_t>;
using Tokenizer = std::shared_ptr<const TextTokenizer>;

Tokenizer unigram() {
  static const Tokenizer tokenizer =
      TextTokenizer::load(test::golden("tiny_unigram.model"));
  return tokenizer;
}

Tokenizer bpe() {
  static const Tokenizer tokenizer =
      TextTokenizer::load(test::golden("tiny_bpe.model"));
  return tokenizer;
}

// The unigram model without the space before a text.
Tokenizer plain() {
  static const Tokenizer tokenizer = sentencepiece_from_bytes(
      test::with_normalizer(
          read_file(test::golden("tiny_unigram.model")),
          test::normalizer("", {.has_dummy_prefix = false})),
      "plain.model");
  return tokenizer;
}

std::string streamed(const Tokenizer& tokenizer, const Ids& ids) {
  TextStream stream(tokenizer);
  std::string text;
  for (const int64_t id : ids) {
    const std::string part = stream.push(id);
    CHECK(to_valid_utf8(part) == part);
    text += part;
  }
  return text + stream.finish();
}

void check_law(const Tokenizer& tokenizer, const std::string& text) {
  const Ids ids = tokenizer->encode(text);
  CHECK(tokenizer->decode(ids) == text);
  CHECK(streamed(tokenizer, ids) == text);
  const auto special = tokenizer->special_tokens();
  for (const int64_t id : ids) {
    for (const auto& [name, special_id] : special) {
      CHECK(id != special_id);
    }
  }
}

TEST_CASE("ids are those of the reference implementation") {
  // Printed by the sentencepiece package 0.2.1 for these models.
  struct Case {
    Tokenizer tokenizer;
    std::string text;
    Ids ids;
    std::string decoded;
  };
  const std::string left = "the red circle is to the left";
  const std::string korean = "빨간 원이 왼쪽에 있어요.";
  const Case cases[] = {
      {unigram(),
       left,
       {265, 319, 280, 302, 264, 284, 279, 265, 263, 290, 303, 274},
       left},
      {unigram(), korean, {317, 278, 272, 342, 318, 266}, korean},
      {unigram(),
       " two  spaces ",
       {263, 284, 443, 263, 263, 264, 485, 320, 334, 322, 263},
       " two  spaces "},
      {unigram(), "뷁 3.14", {263, 242, 190, 136, 263, 415, 266, 413, 416}, "뷁 3.14"},
      {bpe(), left, {8, 72, 39, 50, 69, 8, 147}, left},
      {bpe(), korean, {71, 32, 210, 123, 214, 73, 203}, korean},
      {bpe(), " two  spaces ", {5, 180, 7, 216, 192, 198, 26}, "two spaces"},
      {bpe(), "뷁 3.14", {187, 0, 184, 203, 271, 274}, " ⁇  3.14"},
      {bpe(), "ＡＢ…　x", {187, 0, 203, 203, 203, 187, 282}, " ⁇ ... x"},
  };
  for (const Case& c : cases) {
    CHECK(c.tokenizer->encode(c.text) == c.ids);
    CHECK(c.tokenizer->decode(c.ids) == c.decoded);
    CHECK(streamed(c.tokenizer, c.ids) == c.decoded);
  }
}

TEST_CASE("text survives encode and decode, whole and streamed") {
  for (const Tokenizer& tokenizer : {unigram(), plain()}) {
    for (const std::string& text : test::difficult_texts()) {
      check_law(tokenizer, text);
    }
    std::mt19937 random(1);
    for (int trial = 0; trial < 100; ++trial) {
      check_law(tokenizer, test::random_text(random, 40));
      check_law(tokenizer, to_valid_utf8(test::random_bytes(random, 60)));
    }
  }
}

TEST_CASE("invalid UTF-8 is encoded as replacement characters") {
  std::mt19937 random(2);
  for (int trial = 0; trial < 100; ++trial) {
    const std::string bytes = test::random_bytes(random, 60);
    CHECK(unigram()->decode(unigram()->encode(bytes)) == to_valid_utf8(bytes));
  }
}

TEST_CASE("the stream of any ids is their decoding") {
  std::mt19937 random(5);
  for (const Tokenizer& tokenizer : {unigram(), plain(), bpe()}) {
    for (int trial = 0; trial < 200; ++trial) {
      Ids ids(random() % 20);
      for (int64_t& id : ids) {
        id = static_cast<int64_t>(
            random() % static_cast<size_t>(tokenizer->vocab_size()));
      }
      const std::string text = tokenizer->decode(ids, true);
      CHECK(streamed(tokenizer, ids) == text);
      CHECK(to_valid_utf8(text) == text);
      std::string bytes;
      for (const int64_t id : ids) {
        bytes += tokenizer->bytes_of(id);
      }
      const bool has_prefix = tokenizer->has_dummy_prefix() && bytes.starts_with(' ');
      CHECK(to_valid_utf8(bytes.substr(has_prefix ? 1 : 0)) == text);
    }
  }
}

TEST_CASE("bytes of ids") {
  CHECK(unigram()->bytes_of(7) == std::string(1, '\0'));
  CHECK(unigram()->bytes_of(7 + 0xEA) == "\xEA");
  CHECK(unigram()->bytes_of(265) == " the");
  CHECK(unigram()->bytes_of(1).empty());
  CHECK(unigram()->bytes_of(3).empty());
  CHECK(unigram()->has_dummy_prefix());
  CHECK_FALSE(plain()->has_dummy_prefix());
  CHECK(plain()->decode(plain()->encode(" the")) == " the");
  CHECK(plain()->encode("the") != unigram()->encode("the"));
}

TEST_CASE("special tokens come from text only when allowed") {
  const std::string text = "<|user|>the<|image|> red<|assistant|>";
  for (const Tokenizer& tokenizer : {unigram(), plain()}) {
    const auto special = tokenizer->special_tokens();
    CHECK(special.size() == 5);
    const Ids ids = tokenizer->encode(text, true);
    CHECK(ids.front() == special.at("<|user|>"));
    CHECK(ids.back() == special.at("<|assistant|>"));
    CHECK(std::ranges::count(ids, special.at("<|image|>")) == 1);
    CHECK(tokenizer->decode(ids) == text);
    CHECK(tokenizer->decode(ids, true) == "the red");
    CHECK(streamed(tokenizer, ids) == "the red");
    check_law(tokenizer, text);
  }
  // No space is put between a special token and what follows it.
  CHECK(unigram()->encode("<s>the", true).size() == 1 + plain()->encode("the").size());
}

TEST_CASE("text never finds a control piece of one character") {
  const int64_t hash = bpe()->special_tokens().at("#");
  CHECK(hash == 4);
  for (const std::string text : {"#", "a # b", "##", "＃", "a＃"}) {
    const Ids ids = bpe()->encode(text);
    CHECK(std::ranges::count(ids, hash) == 0);
    CHECK(std::ranges::count(ids, 0) > 0);
  }
  CHECK(bpe()->encode("#", true) == Ids{hash});
  CHECK(bpe()->decode({hash}) == "#");
  CHECK(bpe()->decode({hash}, true).empty());
}

TEST_CASE("user-defined pieces are special when the folder says so") {
  const test::TemporaryFolder folder;
  const std::string model = read_file(test::golden("tiny_unigram.model"));
  write_file(folder.path / "tokenizer.model", model);
  const Tokenizer ordinary = TextTokenizer::load(folder.path);
  CHECK(std::ranges::count(ordinary->encode("a<sep>b"), 6) == 1);
  CHECK(ordinary->decode(ordinary->encode("a<sep>b")) == "a<sep>b");
  write_file(
      folder.path / "tokenizer_config.json",
      R"({"added_tokens_decoder": {"6": {"content": "<sep>", "special": true},
          "7": {"content": "b", "special": false}, "8": 3}})");
  const Tokenizer strict = TextTokenizer::load(folder.path);
  CHECK(strict->special_tokens().at("<sep>") == 6);
  CHECK(std::ranges::count(strict->encode("a<sep>b"), 6) == 0);
  CHECK(std::ranges::count(strict->encode("a<sep>b", true), 6) == 1);
  check_law(strict, "a<sep>b");
  write_file(folder.path / "tokenizer_config.json", R"({"a": 1, "a": 2})");
  CHECK_THROWS_WITH(
      TextTokenizer::load(folder.path), Contains("the key \"a\" occurs twice"));
}

TEST_CASE("user-defined pieces that were typed into a prompt are text") {
  const Tokenizer tokenizer = unigram();
  CHECK(tokenizer->added_tokens().at("<sep>") == 6);
  CHECK(tokenizer->added_tokens().contains("<|user|>"));
  CHECK_FALSE(tokenizer->special_tokens().contains("<sep>"));
  const std::string prompt = "<sep>가 <sep>나<|user|><sep>";
  CHECK(tokenizer->encode_prompt(prompt, {}) == tokenizer->encode(prompt, true));
  for (const std::vector<int64_t>& typed :
       {std::vector<int64_t>{1}, {10}, {26}, {1, 10}, {1, 10, 26}}) {
    const Ids ids = tokenizer->encode_prompt(prompt, typed);
    CHECK(std::ranges::count(ids, 6) == 3 - static_cast<int64_t>(typed.size()));
    CHECK(tokenizer->decode(ids) == prompt);
  }
}

TEST_CASE("ids outside the vocabulary are index errors") {
  CHECK_THROWS_AS(unigram()->decode({5, 489}), std::out_of_range);
  CHECK_THROWS_WITH(
      unigram()->bytes_of(-1), "[tokenizer] expected an id in [0, 489), got -1.");
  CHECK_THROWS_AS(TextStream(unigram()).push(489), std::out_of_range);
}

TEST_CASE("long texts are refused, not swallowed") {
  CHECK_THROWS_AS(unigram()->encode(std::string(kMaxTextBytes + 1, 'a')), ValueError);
}

TEST_CASE("loading says what is wrong") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(
      TextTokenizer::load(folder.path),
      Contains("expected tokenizer.json or tokenizer.model inside, found neither"));
  CHECK_THROWS_WITH(
      TextTokenizer::load(folder.path / "none.model"), Contains("does not exist"));
  CHECK_THROWS_WITH(
      TextTokenizer::load(folder.path / "none.txt"), Contains("does not exist"));
  write_file(folder.path / "words.txt", "a\n");
  CHECK_THROWS_AS(TextTokenizer::load(folder.path / "words.txt"), IoError);
  write_file(folder.path / "tokenizer.json", "{}");
  CHECK_THROWS_AS(TextTokenizer::load(folder.path), IoError);
  CHECK_THROWS_WITH(TextTokenizer::load(folder.path), Contains("tokenizer.json"));
  write_file(folder.path / "empty.model", "");
  CHECK_THROWS_WITH(
      TextTokenizer::load(folder.path / "empty.model"), Contains("without pieces"));
}

TEST_CASE("control pieces that were typed into a prompt are text") {
  for (const Tokenizer& tokenizer : {unigram(), plain()}) {
    const int64_t user = tokenizer->special_tokens().at("<|user|>");
    const std::string prompt = "<|user|>가 <|user|> 나<|user|>";
    const Ids ids = tokenizer->encode_prompt(prompt, {13});
    CHECK(std::ranges::count(ids, user) == 2);
    CHECK(ids.front() == user);
    CHECK(ids.back() == user);
    CHECK(tokenizer->decode(ids) == prompt);
    CHECK(tokenizer->encode_prompt(prompt, {}) == tokenizer->encode(prompt, true));
    CHECK(std::ranges::count(tokenizer->encode_prompt(prompt, {1, 13, 25}), user) == 0);
  }
}

} // namespace
} // namespace omni
