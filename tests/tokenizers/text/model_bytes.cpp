// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/tokenizers/text/model_bytes.h"

#include <bit>
#include <cstdio>

#include "tokenizers/text/protobuf_fields.h"

namespace omni::test {
namespace {

void append_number(std::string& bytes, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>(number >> shift & 0xFF);
  }
}

} // namespace

std::string piece(std::string_view text, float score, uint64_t type) {
  std::string bytes;
  append_bytes_field(bytes, 1, text);
  bytes += "\x15";
  append_number(bytes, std::bit_cast<uint32_t>(score));
  append_varint_field(bytes, 3, type);
  return bytes;
}

std::string trainer(uint64_t model_type, bool has_byte_fallback) {
  std::string bytes;
  append_varint_field(bytes, 3, model_type);
  append_varint_field(bytes, 35, has_byte_fallback ? 1 : 0);
  return bytes;
}

std::string normalizer(std::string_view charsmap, Normalizer options) {
  std::string bytes;
  if (!charsmap.empty()) {
    append_bytes_field(bytes, 2, charsmap);
  }
  append_varint_field(bytes, 3, options.has_dummy_prefix ? 1 : 0);
  append_varint_field(bytes, 4, options.removes_extra_spaces ? 1 : 0);
  return bytes;
}

std::string model(
    const std::vector<std::string>& pieces,
    const std::string& trainer,
    const std::string& normalizer) {
  std::string bytes;
  for (const std::string& one : pieces) {
    append_bytes_field(bytes, 1, one);
  }
  if (!trainer.empty()) {
    append_bytes_field(bytes, 2, trainer);
  }
  if (!normalizer.empty()) {
    append_bytes_field(bytes, 3, normalizer);
  }
  return bytes;
}

std::vector<std::string> sound_pieces() {
  std::vector<std::string> pieces = {piece("<unk>", 0, 2), piece("<s>", 0, 3)};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    pieces.push_back(piece(text, 0, 6));
  }
  for (const char* text : {"▁", "a", "b", "ab"}) {
    pieces.push_back(piece(text));
  }
  return pieces;
}

std::string with_normalizer(std::string_view bytes, const std::string& normalizer) {
  std::string changed;
  ProtobufFields fields(bytes);
  while (const auto field = fields.next()) {
    append_bytes_field(
        changed, field->number, field->number == 3 ? normalizer : field->bytes);
  }
  return changed;
}

uint32_t unit(uint32_t label, uint32_t offset, bool ends_key) {
  return label | (ends_key ? 0x100U : 0U) | offset << 10;
}

Charsmap::Charsmap() : replacements(std::string("x\0yy\0", 5)), trie_bytes(1024) {
  // From the root, with offset 1, byte A leads to unit 0 ^ 1 ^ A; the value of the key
  // that ends there is in unit (1 ^ A) ^ 2.
  constexpr uint32_t kA = 'A';
  for (uint32_t i = 0; i < 256; ++i) {
    units.push_back(unit(i ^ 0x80, 0, false));
  }
  units[0] = unit(0, 1, false);
  units[1 ^ kA] = unit(kA, 2, true);
  units[1 ^ kA ^ 2] = 0x80000000U;
}

std::string Charsmap::bytes() const {
  std::string bytes;
  append_number(bytes, trie_bytes);
  for (const uint32_t one : units) {
    append_number(bytes, one);
  }
  return bytes + replacements;
}

} // namespace omni::test
