// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/json_tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tests/tokenizers/text/tokenizer_documents.h"
#include "tokenizers/text/text_stream.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

using Ids = std::vector<int64_t>;
using Tokenizer = std::shared_ptr<const TextTokenizer>;

std::string streamed(const Tokenizer& tokenizer, const Ids& ids) {
  TextStream stream(tokenizer);
  std::string text;
  for (const int64_t id : ids) {
    text += stream.push(id);
  }
  return text + stream.finish();
}

Ids joined(Ids head, const Ids& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

std::string ranges_of(const Tokenizer& tokenizer, const std::string& text) {
  std::string result;
  for (const TextRange range : tokenizer->encode_with_ranges(text, true).ranges) {
    result += std::to_string(range.begin) + "-" + std::to_string(range.end) + " ";
  }
  return result;
}

TEST_CASE("words are merged into ids") {
  const Tokenizer tokenizer = test::tokenizer(test::byte_level_document());
  CHECK(tokenizer->vocab_size() == 264);
  CHECK(tokenizer->encode("abc") == Ids{257});
  CHECK(tokenizer->encode("ab abc") == Ids{256, ' ', 257}); // ab c goes before Ġ ab
  CHECK(tokenizer->encode("가") == Ids{261});
  CHECK(tokenizer->encode("각") == Ids{260, 0x81});
  CHECK(tokenizer->encode("").empty());
  CHECK(ranges_of(tokenizer, "각 ab<tool>") == "0-3 0-3 3-6 6-12 ");
  CHECK(tokenizer->decode({259, 261, 262}) == " ab가<|end|>");
  CHECK(tokenizer->bytes_of(260) == "\xEA\xB0");
  CHECK(tokenizer->bytes_of(262).empty());
  CHECK(tokenizer->bytes_of(263) == "<tool>");
}

TEST_CASE("bytes stand in for characters that the vocabulary lacks") {
  const Tokenizer tokenizer = test::tokenizer(test::fallback_document());
  // ▁ab is a token, 가 is not.
  CHECK(tokenizer->encode("ab가") == Ids{263, 2 + 0xEA, 2 + 0xB0, 2 + 0x80});
  CHECK(tokenizer->decode(tokenizer->encode("ab가 a")) == "ab가 a");
  CHECK(ranges_of(tokenizer, "a가") == "0-1 1-4 1-4 1-4 ");
  Json without = test::fallback_document();
  without["model"]["byte_fallback"] = false;
  CHECK(test::tokenizer(without)->encode("a가나b") == Ids{262, 0, 0, 260});
  without["model"]["fuse_unk"] = true;
  CHECK(test::tokenizer(without)->encode("a가나b") == Ids{262, 0, 260});
  without["model"].erase("unk_token");
  CHECK(test::tokenizer(without)->encode("a가나b") == Ids{263}); // they are lost
}

TEST_CASE("a word that is a token needs no merges where they are ignored") {
  Json document = test::byte_level_document();
  document["model"]["merges"] = Json::array();
  CHECK(test::tokenizer(document)->encode("abc") == Ids{'a', 'b', 'c'});
  document["model"]["ignore_merges"] = true;
  CHECK(test::tokenizer(document)->encode("abc") == Ids{257});
  CHECK(
      test::tokenizer(document)->encode("가abcd") ==
      Ids{0xEA, 0xB0, 0x80, 'a', 'b', 'c', 'd'});
}

TEST_CASE("merges may be pairs") {
  Json document = test::byte_level_document();
  for (Json& merge : document["model"]["merges"]) {
    const std::string text = merge.get<std::string>();
    const size_t space = text.find(' ');
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  CHECK(test::tokenizer(document)->encode("ab abc") == Ids{256, ' ', 257});
}

TEST_CASE("text never becomes a special token") {
  Json document = test::byte_level_document({"< |", "<| >"});
  document["added_tokens"] = {
      test::added_token("<|>", 257, {{"special", true}}),
      test::added_token("a", 'a', {{"special", true}}), test::added_token("<b>", 258)};
  document["model"]["ignore_merges"] = true;
  const Tokenizer tokenizer = test::tokenizer(document);
  CHECK(tokenizer->encode("<|>") == Ids{256, '>'}); // neither whole nor by merging
  CHECK(tokenizer->encode("<|>", true) == Ids{257});
  CHECK(tokenizer->encode("b<b>") == Ids{'b', 258}); // not special: always a token
  CHECK(std::ranges::count(tokenizer->encode("banana"), 'a') == 0);
  CHECK(
      tokenizer->special_tokens() ==
      std::map<std::string, int64_t>{{"<|>", 257}, {"a", 'a'}});
  CHECK(
      tokenizer->added_tokens() ==
      std::map<std::string, int64_t>{{"<|>", 257}, {"a", 'a'}, {"<b>", 258}});
  CHECK(tokenizer->decode({'b', 257, 258}, true) == "b<b>");
  CHECK(tokenizer->decode({'b', 257, 258}) == "b<|><b>");
}

TEST_CASE("text survives a tokenizer.json, whole and streamed") {
  std::mt19937 random(8);
  std::vector<std::string> texts = test::difficult_texts();
  for (int trial = 0; trial < 100; ++trial) {
    texts.push_back(test::random_text(random, 40));
    texts.push_back(test::random_bytes(random, 60));
  }
  const Tokenizer bytes = test::tokenizer(test::byte_level_document());
  for (const std::string& text : texts) {
    const Ids ids = bytes->encode(text);
    CHECK(bytes->decode(ids) == to_valid_utf8(text));
    CHECK(streamed(bytes, ids) == bytes->decode(ids, true));
    CHECK(bytes->encode_with_ranges(text).ids == ids);
  }
}

TEST_CASE("the stream of any ids of a tokenizer.json is their decoding") {
  std::mt19937 random(9);
  Json llama = test::fallback_document();
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}};
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  llama["decoder"] = {
      {"type", "Sequence"},
      {"decoders", {replace, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}, strip}}};
  Json none = test::fallback_document();
  none["decoder"] = nullptr;
  for (const Json& document :
       {test::byte_level_document(), test::fallback_document(), llama, none}) {
    const Tokenizer tokenizer = test::tokenizer(document);
    for (int trial = 0; trial < 200; ++trial) {
      Ids ids(random() % 12);
      for (int64_t& id : ids) {
        const int64_t last = tokenizer->vocab_size() - 1;
        id = random() % 2 == 0 ? last - static_cast<int64_t>(random() % 8)
                               : static_cast<int64_t>(random() % 264) % (last + 1);
      }
      CHECK(streamed(tokenizer, ids) == tokenizer->decode(ids, true));
    }
  }
}

TEST_CASE("ids that no token has decode to nothing") {
  Json document = test::byte_level_document();
  document["added_tokens"][1]["id"] = 300;
  const Tokenizer tokenizer = test::tokenizer(document);
  CHECK(tokenizer->vocab_size() == 301);
  CHECK(tokenizer->encode("<tool>") == Ids{300});
  CHECK(tokenizer->decode({280, 'a', 299}) == "a");
  CHECK_THROWS_AS(tokenizer->decode({301}), std::out_of_range);
  CHECK_THROWS_AS(tokenizer->bytes_of(-1), std::out_of_range);
}

TEST_CASE("normalised added tokens are found in the normalised text") {
  Json document = test::byte_level_document();
  document["normalizer"] = {{"type", "Lowercase"}};
  document["added_tokens"] = {
      test::added_token("Day", 262, {{"normalized", true}}),
      test::added_token("[X]", 263)};
  const Tokenizer tokenizer = test::tokenizer(document);
  CHECK(tokenizer->encode("DAY[X][x]") == Ids{262, 263, '[', 'x', ']'});
  CHECK(tokenizer->decode({262}) == "day");
}

TEST_CASE("many threads share a tokenizer") {
  const Tokenizer tokenizer = test::tokenizer(test::byte_level_document());
  const std::string& text = test::difficult_texts()[20];
  const Ids expected = tokenizer->encode(text);
  std::vector<int> num_equal(4);
  std::vector<std::thread> threads;
  for (int& count : num_equal) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        count += tokenizer->encode(text) == expected ? 1 : 0;
        count += tokenizer->encode("ab abc") == Ids{256, ' ', 257} ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(num_equal == std::vector<int>(4, 400));
}

TEST_CASE("a folder with both files is read by its tokenizer.json") {
  const test::TemporaryFolder folder;
  write_file(
      folder.path / "tokenizer.model", read_file(test::golden("tiny_bpe.model")));
  write_file(folder.path / "tokenizer.json", test::byte_level_document().dump());
  CHECK(TextTokenizer::load(folder.path)->encode("abc") == Ids{257});
  CHECK_THROWS_AS(
      TextTokenizer::load(folder.path / "tokenizer.model")->encode_with_ranges("a"),
      ValueError);
}

TEST_CASE("special tokens that were typed into a prompt are text") {
  const Tokenizer tokenizer = test::tokenizer(test::byte_level_document());
  const std::string prompt = "a<|end|>b<|end|>c";
  const Ids typed_first = tokenizer->encode_prompt(prompt, {2});
  CHECK(tokenizer->encode_prompt(prompt, {}) == Ids{'a', 262, 'b', 262, 'c'});
  CHECK(typed_first == joined(tokenizer->encode("a<|end|>b"), {262, 'c'}));
  CHECK(tokenizer->encode_prompt(prompt, {2, 15}) == tokenizer->encode(prompt));
  // A place at its edges is not in a token, unless that is one character.
  const Ids all = tokenizer->encode(prompt, true);
  CHECK(tokenizer->encode_prompt(prompt, {0, 1, 8, 9, 16}) == all);
  Json document = test::byte_level_document();
  document["added_tokens"].push_back(test::added_token("가", 264, {{"special", true}}));
  CHECK(test::tokenizer(document)->encode_prompt("가가가", {3}) == Ids{264, 261, 264});
}

TEST_CASE("tokens that are not special are text where they were typed") {
  const Tokenizer tokenizer = test::tokenizer(test::byte_level_document());
  const Ids text = tokenizer->encode("<too");
  CHECK(
      tokenizer->encode_prompt("<tool><tool>", {7}) ==
      joined(joined({263}, text), tokenizer->encode("l>")));
  CHECK(tokenizer->encode_prompt("<tool><tool>", {}) == Ids{263, 263});
  CHECK(tokenizer->encode("<tool>") == Ids{263});
}

TEST_CASE("a typed token does not come out of merging either") {
  Json document = test::byte_level_document();
  document["added_tokens"].push_back(test::added_token("abc", 257));
  for (const bool ignores_merges : {false, true}) {
    document["model"]["ignore_merges"] = ignores_merges;
    const Tokenizer tokenizer = test::tokenizer(document);
    CHECK(tokenizer->encode_prompt("abc", {1}) == Ids{'a', 'b', 'c'});
    CHECK(
        tokenizer->encode_prompt("zabcabc", {2, 5}) ==
        Ids{'z', 'a', 'b', 'c', 'a', 'b', 'c'});
    CHECK(tokenizer->encode_prompt("abcabc", {4}) == Ids{257, 'a', 'b', 'c'});
  }
  std::string prompt;
  std::vector<int64_t> typed;
  for (int i = 0; i < 30'000; ++i) {
    typed.push_back(static_cast<int64_t>(prompt.size()) + 1);
    prompt += "abc";
  }
  // One word, and soon.
  const Ids ids = test::tokenizer(document)->encode_prompt(prompt, typed);
  CHECK(std::ranges::count(ids, 257) == 0);
  CHECK(test::tokenizer(document)->decode(ids) == prompt);
}

TEST_CASE("a typed special token is found through a normaliser") {
  Json document = test::byte_level_document();
  document["normalizer"] = {{"type", "NFC"}};
  for (Json& token : document["added_tokens"]) {
    token["normalized"] = true;
  }
  const Tokenizer tokenizer = test::tokenizer(document);
  const std::string prompt = "e\u0301<|end|><|end|>"; // one character once composed
  CHECK(tokenizer->encode_prompt(prompt, {}).size() == 4);
  CHECK(
      tokenizer->encode_prompt(prompt, {4}) ==
      joined(tokenizer->encode("e\u0301<|end|>"), {262}));
}

} // namespace
} // namespace omni
