// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cmath>
#include <functional>
#include <limits>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/tokenizers/text/model_bytes.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tokenizers/text/protobuf_fields.h"
#include "tokenizers/text/sentencepiece_model_check.h"
#include "tokenizers/text/sentencepiece_tokenizer.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Pieces = std::vector<std::string>;

struct Hostile {
  std::string cause; // part of the message
  std::string bytes;
};

std::string with_pieces(const std::function<void(Pieces&)>& spoil, uint64_t type = 1) {
  Pieces pieces = test::sound_pieces();
  spoil(pieces);
  return test::model(pieces, test::trainer(type, true), test::normalizer(""));
}

std::string with_piece(const std::string& piece) {
  return with_pieces([&](Pieces& pieces) { pieces.push_back(piece); });
}

std::string with_trainer(const std::string& trainer) {
  return test::model(test::sound_pieces(), trainer, test::normalizer(""));
}

std::string with_charsmap(const std::function<void(test::Charsmap&)>& spoil) {
  test::Charsmap map;
  spoil(map);
  return test::model(
      test::sound_pieces(), test::trainer(1, true), test::normalizer(map.bytes()));
}

std::string field(uint64_t number, std::string_view bytes) {
  std::string message;
  append_bytes_field(message, number, bytes);
  return message;
}

std::string number(uint64_t key, uint64_t value) {
  std::string message;
  append_varint_field(message, key, value);
  return message;
}

const std::string kSound = with_pieces([](Pieces&) {});

std::vector<Hostile> hostile_files() {
  using namespace std::string_literals;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  return {
      {"without pieces", ""},
      {"where 0 are left", "\x0A"},
      {"where 1 are left", "\x0A\x05x"},
      {"of 18446744073709551615 bytes", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"},
      {"more than 64 bits", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"},
      {"more than 64 bits", std::string(64, '\xFF')},
      {"number 0", "\0\0"s},
      {"number 536870912", "\x82\x80\x80\x80\x10\0"s},
      {"wire type 3", "\x0B\x0C"},
      {"wire type 4", "\x0C"},
      {"wire type 6", "\x0E"},
      {"wire type 7", "\x0F"},
      {"a piece of the wrong wire type", "\x08\x01"},
      {"where", kSound.substr(0, kSound.size() - 1)},
      {"where", kSound.substr(0, 40)},
      {"got", "<html><body>404</body></html>"},
      {"got", "{\"model\": {\"type\": \"BPE\"}}"},
      {"got", "PK\x03\x04"s + std::string(200, '\0')},

      {"piece 262 with a text of 0 bytes", with_piece("")},
      {"a text of 0 bytes", with_piece(test::piece(""))},
      {"a text of 1025 bytes", with_piece(test::piece(std::string(1025, 'x')))},
      {"another piece has", with_piece(test::piece("ab"))},
      {"another piece has", with_piece(test::piece("<s>"))},
      {"another piece has", with_piece(test::piece("a", 0, 3))},
      {"another piece has", with_piece(test::piece("<0x41>"))},
      {"not UTF-8", with_piece(test::piece("\xEA\xB0"))},
      {"not UTF-8", with_piece(test::piece("\xFF"))},
      {"not UTF-8", with_piece(test::piece("\xED\xA0\x80"))},
      {"NUL", with_piece(test::piece("x\0y"s))},
      {"not finite", with_piece(test::piece("x", nan))},
      {"not finite", with_piece(test::piece("x", inf))},
      {"not finite", with_piece(test::piece("x", -inf))},
      {"unknown type 0", with_piece(test::piece("x", 0, 0))},
      {"unknown type 7", with_piece(test::piece("x", 0, 7))},
      {"unknown type 4294967297", with_piece(test::piece("x", 0, (1ULL << 32) + 1))},
      {"text of the wrong wire type", with_piece(number(1, 5))},
      {"type of the wrong wire type", with_piece(field(1, "x") + field(3, "y"))},
      {"not a float", with_piece(field(1, "x") + number(2, 1))},
      {"2 unknown pieces", with_piece(test::piece("<unk2>", 0, 2))},
      {"0 unknown pieces", with_pieces([](Pieces& p) { p[0] = test::piece("u"); })},
      {"a byte piece \"<0x4g>\"", with_piece(test::piece("<0x4g>", 0, 6))},
      {"a byte piece \"<0x41\"", with_piece(test::piece("<0x41", 0, 6))},
      {"a byte piece \"A\"", with_piece(test::piece("A", 0, 6))},
      {"a byte piece \"<0x041>\"", with_piece(test::piece("<0x041>", 0, 6))},
      {"255 byte pieces in a model with",
       with_pieces([](Pieces& p) { p.erase(p.begin() + 2); })},
      {"256 byte pieces in a model without", with_trainer(test::trainer(1, false))},
      {"0 byte pieces in a model with",
       test::model(
           {test::piece("<unk>", 0, 2), test::piece("a")}, test::trainer(1, true), "")},
      {"without pieces of text",
       test::model({test::piece("<unk>", 0, 2)}, test::trainer(1, false), "")},
      {"without pieces", test::model({}, test::trainer(1, false), "")},

      {"model type 0", with_trainer(test::trainer(0, true))},
      {"model type 3", with_trainer(test::trainer(3, true))},
      {"model type 4", with_trainer(test::trainer(4, true))},
      {"model type 99", with_trainer(test::trainer(99, true))},
      {"model type of the wrong wire type", with_trainer(field(3, "x"))},
      {"spaces after words", with_trainer(test::trainer(1, true) + number(24, 1))},
      {"unk_surface of 257 bytes",
       with_trainer(test::trainer(1, true) + field(44, std::string(257, 'x')))},
      {"trainer settings twice", kSound + field(2, test::trainer(1, true))},
      {"normaliser settings twice", kSound + field(3, test::normalizer(""))},
      {"rewrites decoded text", kSound + field(5, field(2, "x"))},
      {"trainer settings of the wrong wire type", number(2, 1) + kSound},

      {"map twice",
       test::model(
           test::sound_pieces(), test::trainer(1, true),
           test::normalizer("") + field(2, "") + field(2, ""))},
      {"character map of 4 bytes",
       test::model(
           test::sound_pieces(), test::trainer(1, true),
           test::normalizer("\0\0\0\0"s))},
      {"with a trie of 0", with_charsmap([](auto& map) { map.trie_bytes = 0; })},
      {"with a trie of 1020", with_charsmap([](auto& map) { map.trie_bytes = 1020; })},
      {"with a trie of 2048", with_charsmap([](auto& map) { map.trie_bytes = 2048; })},
      {"with a trie of 4294966272",
       with_charsmap([](auto& map) { map.trie_bytes = 0xFFFFFC00U; })},
      {"with a trie of 1024",
       with_charsmap([](auto& map) { map.replacements.clear(); })},
      {"no end", with_charsmap([](auto& map) { map.replacements.pop_back(); })},
      {"a replacement of 257 bytes", with_charsmap([](auto& map) {
         map.replacements += std::string(257, 'x') + '\0';
       })},
      {"outside itself",
       with_charsmap([](auto& map) { map.units[0] = test::unit(0, 256, false); })},
      {"outside itself", with_charsmap([](auto& map) {
         map.units['A' ^ 1] = test::unit('A', 4096, true);
       })},
      {"outside itself", with_charsmap([](auto& map) { map.units[0] = 0x7FFFFE00U; })},
      {"outside itself", with_charsmap([](auto& map) {
         map.units[200] = test::unit(0, 0x1FFFFF, false);
       })},
      {"in circles",
       // Another A leads from the unit of A to itself.
       with_charsmap(
           [](auto& map) { map.units['A' ^ 1] = test::unit('A', 'A', true); })},
      {"in circles", with_charsmap([](auto& map) { map.units[1] = 0; })},
      {"33 keys that begin each other", with_charsmap([](auto& map) {
         // A run of 33 units, each reached by byte 0xFF from the one before.
         uint32_t here = 0;
         for (uint32_t i = 1; i <= 33; ++i) {
           const uint32_t next = 0x20 + i;
           const uint32_t offset = here ^ next ^ 0xFF;
           map.units[here] = test::unit(here == 0 ? 0 : 0xFF, offset, here != 0);
           here = next;
         }
         map.units[here] = test::unit(0xFF, here ^ 0xF0, true);
       })},
      {"64 user-defined pieces that begin each other", with_pieces([](Pieces& pieces) {
         for (size_t length = 1; length <= 65; ++length) {
           pieces.push_back(test::piece(std::string(length, 'u'), 0, 4));
         }
       })},
  };
}

TEST_CASE("a hostile model is refused with its cause, before the library sees it") {
  const std::vector<Hostile> files = hostile_files();
  CHECK(files.size() >= 60);
  for (const Hostile& file : files) {
    INFO(file.cause);
    CHECK_THROWS_AS(parse_sentencepiece_model(file.bytes, "bad.model"), IoError);
    CHECK_THROWS_WITH(
        parse_sentencepiece_model(file.bytes, "bad.model"),
        Contains("[tokenizer] bad.model: expected a sound SentencePiece model") &&
            Contains(file.cause));
  }
}

TEST_CASE("sound models of every kind pass and work") {
  const auto check = [](const std::string& bytes, const std::string& decoded) {
    const auto tokenizer = sentencepiece_from_bytes(bytes, "ok.model");
    CHECK(tokenizer->decode(tokenizer->encode("ab b 가A")) == decoded);
  };
  check(kSound, "ab b 가A");
  check(with_pieces([](Pieces&) {}, 2), "ab b 가A");
  check(with_charsmap([](auto&) {}), "ab b 가x");
  check(
      with_charsmap([](auto& map) { map.units['A' ^ 1 ^ 2] = 0x80000002U; }),
      "ab b 가yy");
  // A value outside the replacements is not looked at by the library.
  check(
      with_charsmap([](auto& map) { map.units['A' ^ 1 ^ 2] = 0xFFFFFFFFU; }),
      "ab b 가A");
  check(
      with_pieces(
          [](Pieces& pieces) {
            for (size_t length = 1; length <= 64; ++length) {
              pieces.push_back(test::piece(std::string(length, 'u'), 0, 4));
            }
          },
          2),
      "ab b 가A");
  check(with_piece(test::piece("x", -3.4e38F)), "ab b 가A");
  // Self tests and unknown fields are left out.
  check(kSound + field(4, field(1, field(1, "a") + field(2, "nonsense"))), "ab b 가A");
  check(kSound + field(200, "extension"), "ab b 가A");
}

TEST_CASE("what a model says of itself") {
  const SentencePieceModel parsed = parse_sentencepiece_model(
      read_file(test::golden("tiny_unigram.model")), "tiny_unigram.model", {"<sep>"});
  CHECK(parsed.pieces.size() == 489);
  CHECK(parsed.has_byte_fallback);
  CHECK(parsed.has_dummy_prefix);
  CHECK_FALSE(parsed.removes_extra_spaces);
  CHECK(parsed.pieces[0].type == PieceType::Unknown);
  CHECK(parsed.pieces[6].text == "<sep>");
  CHECK(parsed.pieces[6].type == PieceType::Control);
  CHECK(parsed.pieces[7].type == PieceType::Byte);
  const SentencePieceModel again =
      parse_sentencepiece_model(parsed.serialized, "serialized");
  CHECK(again.serialized == parsed.serialized);
}

TEST_CASE("any damage to a model is an error or a model that works") {
  std::mt19937 random(11);
  for (const char* name : {"tiny_unigram.model", "tiny_bpe.model"}) {
    const std::string sound = read_file(test::golden(name));
    for (int trial = 0; trial < 40; ++trial) {
      std::string bytes = sound;
      for (int change = 0; change < 3; ++change) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      try {
        const auto tokenizer = sentencepiece_from_bytes(bytes, name);
        CHECK_FALSE(tokenizer->encode("the 빨간 ＡＢ A b…").empty());
      } catch (const IoError&) {
      }
    }
  }
}

} // namespace
} // namespace omni
