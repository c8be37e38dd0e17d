// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/safetensors_header.h"

#include <random>

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

using omni::testing::Contains;
using namespace std::string_literals;

SafetensorsHeader parse(const std::string& json, int64_t data_bytes) {
  return parse_safetensors_header(
      json, 8 + static_cast<int64_t>(json.size()) + data_bytes, "m.safetensors");
}

std::string entry(
    const std::string& name,
    const std::string& dtype,
    const std::string& shape,
    const std::string& offsets) {
  return "\"" + name + "\": {\"dtype\": " + dtype + ", \"shape\": " + shape +
      ", \"data_offsets\": " + offsets + "}";
}

// GCC 12 warns of an overlap that cannot be in "{" + std::string().
std::string braced(const std::string& entries) {
  std::string json("{");
  json += entries;
  json += "}";
  return json;
}

// One tensor of 24 bytes, with one part replaced.
std::string one(
    const std::string& dtype = "\"F32\"",
    const std::string& shape = "[2, 3]",
    const std::string& offsets = "[0, 24]") {
  return braced(entry("a", dtype, shape, offsets));
}

TEST_CASE("a sound header is read") {
  const std::string json = "{\"__metadata__\": {\"format\": \"pt\"}, " +
      entry("b", "\"I64\"", "[]", "[24, 32]") + ", " +
      entry("a", "\"F32\"", "[2, 3]", "[0, 24]") + ", " +
      entry("none", "\"U8\"", "[0, 7]", "[24, 24]") + "}   ";
  const SafetensorsHeader header = parse(json, 32);
  CHECK(header.data_begin == 8 + static_cast<int64_t>(json.size()));
  CHECK(header.metadata == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(header.tensors.size() == 3);
  const TensorEntry& a = header.tensors.at("a");
  CHECK(a.dtype == "F32");
  CHECK(a.shape == std::vector<int64_t>{2, 3});
  CHECK(a.begin == header.data_begin);
  CHECK(a.end == header.data_begin + 24);
  CHECK(header.tensors.at("b").shape.empty());
  CHECK(header.tensors.at("none").begin == header.tensors.at("none").end);
  CHECK(parse("{}", 0).tensors.empty());
}

TEST_CASE("every dtype has its size") {
  const std::pair<const char*, int64_t> sizes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},   {"I16", 2}, {"I32", 4},
      {"I64", 8},  {"F16", 2}, {"BF16", 2}, {"F32", 4}, {"F64", 8}};
  for (const auto& [dtype, bytes] : sizes) {
    CHECK(safetensors_dtype_bytes(dtype) == bytes);
    const std::string end = std::to_string(6 * bytes);
    const std::string name = std::string("\"") + dtype + "\"";
    CHECK(
        parse(one(name, "[2, 3]", "[0, " + end + "]"), 6 * bytes).tensors.size() == 1);
  }
  CHECK(safetensors_dtype_bytes("F8_E4M3") == 0);
}

TEST_CASE("a hostile header is refused with the tensor and the cause") {
  struct Hostile {
    std::string cause;
    std::string json;
    int64_t data_bytes = 24;
  };
  const std::string a = entry("a", "\"F32\"", "[2, 3]", "[0, 24]");
  const Hostile headers[] = {
      // The document.
      {"begin with {", ""},
      {"begin with {", "[]"},
      {"begin with {", " " + one()},
      {"begin with {", "\xEF\xBB\xBF" + one()},
      {"begin with {", "null"},
      {"begin with {", "\"" + std::string(100, 'x') + "\""},
      {"not valid JSON", "{"},
      {"not valid JSON", "{" + a},
      {"not valid JSON", "{" + a + ",}"},
      {"not valid JSON", "{" + a + "} trailing"},
      {"not valid JSON", one() + std::string(3, '\0')},
      {"not valid JSON", "{\"\xFF\": 1}"},
      {"not valid JSON", "{\"a\xED\xA0\x80\": 1}"},
      {"too large", "{\"a\": 1e999}"},
      {"nested deeper", "{\"a\": " + std::string(10'000, '[')},
      {"nested deeper", "{\"a\": {\"b\": {\"c\": {}}}}"},
      {"nested deeper", one("\"F32\"", "[[2, 3]]")},
      {"the key \"a\" occurs twice", braced(a + ", " + a), 48},
      {"the key \"a\" occurs twice",
       braced(a + ", " + entry("\\u0061", "\"F32\"", "[6]", "[24, 48]")), 48},
      {"the key \"dtype\" occurs twice",
       "{\"a\": {\"dtype\": \"F32\", \"dtype\": \"F32\", \"shape\": [6], "
       "\"data_offsets\": [0, 24]}}"},
      {"the key \"k\" occurs twice",
       "{\"__metadata__\": {\"k\": \"v\", \"k\": \"w\"}, " + a + "}"},
      {"a key of 4097 bytes",
       braced(entry(std::string(4097, 'n'), "\"F32\"", "[6]", "[0, 24]"))},
      {"more than 4000000 values",
       [] {
         std::string json = "{\"a\": {\"shape\": [0";
         for (int i = 0; i < 4'000'000; ++i) {
           json += ",0";
         }
         return json;
       }()},
      // An entry.
      {"tensor \"a\": expected exactly dtype, shape and data_offsets", "{\"a\": 3}"},
      {"tensor \"a\": expected exactly", "{\"a\": []}"},
      {"tensor \"a\": expected exactly", "{\"a\": null}"},
      {"tensor \"a\": expected exactly", "{\"a\": {}}"},
      {"tensor \"a\": expected exactly",
       "{\"a\": {\"dtype\": \"F32\", \"shape\": [6]}}"},
      {"tensor \"a\": expected exactly",
       "{\"a\": {\"dtype\": \"F32\", \"shape\": [6], \"offsets\": [0, 24]}}"},
      {"tensor \"a\": expected exactly",
       "{\"a\": {\"dtype\": \"F32\", \"shape\": [6], \"data_offsets\": [0, 24], "
       "\"more\": 1}}"},
      // dtype
      {"dtype to be a string, got number", one("4")},
      {"dtype to be a string, got null", one("null")},
      {"dtype \"f32\" is not one of", one("\"f32\"")},
      {"dtype \"\" is not one of", one("\"\"")},
      {"dtype \"F8_E4M3\" is not one of", one("\"F8_E4M3\"")},
      {"dtype \"F8_E5M2\" is not one of BOOL, U8", one("\"F8_E5M2\"")},
      {"dtype \"F4\" is not one of", one("\"F4\"")},
      {"dtype \"C64\" is not one of", one("\"C64\"", "[3]")},
      {"dtype \"U16\" is not one of", one("\"U16\"")},
      // shape
      {"shape to be a list", one("\"F32\"", "6")},
      {"shape to be a list", one("\"F32\"", "{\"0\": 2}")},
      {"shape to be a list", one("\"F32\"", "null")},
      {"shape to be a list of at most 16",
       one("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6]")},
      {"a size to be a whole number, got -1", one("\"F32\"", "[-1, 6]")},
      {"whole number, got -2", one("\"F32\"", "[-2, -3]")},
      {"whole number, got 2.0", one("\"F32\"", "[2.0, 3]")},
      {"whole number, got 2.5", one("\"F32\"", "[2.5, 3]")},
      {"whole number, got 6.0", one("\"F32\"", "[6e0]")},
      {"whole number, got \"6\"", one("\"F32\"", "[\"6\"]")},
      {"whole number, got true", one("\"F32\"", "[true, 6]")},
      {"whole number, got null", one("\"F32\"", "[null]")},
      {"whole number, got 18446744073709551615",
       one("\"F32\"", "[18446744073709551615]")},
      {"whole number, got 9223372036854775808",
       one("\"F32\"", "[9223372036854775808]")},
      {"overflows", one("\"F32\"", "[9223372036854775807]")},
      {"overflows", one("\"F32\"", "[4294967296, 4294967296]")},
      {"overflows", one("\"U8\"", "[4294967296, 4294967296, 0]", "[0, 0]"), 0},
      {"overflows", one("\"F64\"", "[0, 9223372036854775807, 2]", "[0, 0]"), 0},
      {"overflows", one("\"F32\"", "[2, 9223372036854775807]")},
      // data_offsets
      {"data_offsets to be [begin, end]", one("\"F32\"", "[6]", "24")},
      {"data_offsets to be [begin, end]", one("\"F32\"", "[6]", "[]")},
      {"data_offsets to be [begin, end]", one("\"F32\"", "[6]", "[24]")},
      {"data_offsets to be [begin, end]", one("\"F32\"", "[6]", "[0, 12, 24]")},
      {"whole number, got -24", one("\"F32\"", "[6]", "[-24, 0]")},
      {"whole number, got 24.0", one("\"F32\"", "[6]", "[0, 24.0]")},
      {"whole number, got \"0\"", one("\"F32\"", "[6]", "[\"0\", 24]")},
      {"whole number, got 18446744073709551592",
       one("\"F32\"", "[6]", "[18446744073709551592, 0]")},
      {"[24, 0] are not inside", one("\"F32\"", "[6]", "[24, 0]")},
      {"[0, 25] are not inside the 24 bytes", one("\"U8\"", "[25]", "[0, 25]")},
      {"are not inside",
       one("\"U8\"", "[9223372036854775807]", "[0, 9223372036854775807]")},
      {"need 24 bytes, data_offsets hold 20", one("\"F32\"", "[6]", "[0, 20]")},
      {"need 20 bytes, data_offsets hold 24", one("\"F32\"", "[5]", "[0, 24]")},
      {"need 48 bytes, data_offsets hold 24", one("\"F64\"", "[6]", "[0, 24]")},
      {"need 4 bytes, data_offsets hold 0", one("\"F32\"", "[]", "[0, 0]")},
      // Together.
      {"tensor \"b\": its bytes overlap",
       braced(a + ", " + entry("b", "\"F32\"", "[6]", "[0, 24]"))},
      {"tensor \"b\": its bytes overlap",
       braced(a + ", " + entry("b", "\"F32\"", "[2]", "[20, 28]")), 28},
      {"tensor \"b\": its bytes overlap",
       braced(a + ", " + entry("b", "\"U8\"", "[2]", "[3, 5]"))},
      {"tensor \"a\": a hole of 4 unused bytes", one("\"F32\"", "[5]", "[4, 24]")},
      {"tensor \"b\": a hole of 1 unused bytes",
       braced(a + ", " + entry("b", "\"U8\"", "[1]", "[25, 26]")), 26},
      {"tensor \"b\": its bytes overlap",
       braced(a + ", " + entry("b", "\"U8\"", "[0]", "[5, 5]"))},
      {"1 trailing bytes belong to no tensor", one(), 25},
      {"24 trailing bytes belong to no tensor", "{}", 24},
      {"are not inside the 23 bytes", one(), 23},
      // Metadata.
      {"`__metadata__` to be an object, got array",
       "{\"__metadata__\": [], " + a + "}"},
      {"`__metadata__` to be an object, got string", "{\"__metadata__\": \"x\"}", 0},
      {"`__metadata__.k` to be a string, got number", "{\"__metadata__\": {\"k\": 1}}",
       0},
      {"`__metadata__.k` to be a string, got object", "{\"__metadata__\": {\"k\": {}}}",
       0},
  };
  CHECK(std::size(headers) >= 60);
  for (const Hostile& header : headers) {
    INFO(header.cause << " in " << header.json.substr(0, 200));
    CHECK_THROWS_AS(parse(header.json, header.data_bytes), IoError);
    CHECK_THROWS_WITH(
        parse(header.json, header.data_bytes),
        Contains("[safetensors] m.safetensors: ") && Contains(header.cause));
  }
}

TEST_CASE("the length of the header is checked against the file") {
  const auto length = [](const std::string& bytes, int64_t file_bytes) {
    return safetensors_header_bytes(bytes, file_bytes, "m.safetensors");
  };
  CHECK(length("\x02\0\0\0\0\0\0\0"s, 10) == 2);
  CHECK(length("\0\0\0\0\0\0\0\0"s, 8) == 0);
  CHECK(length("\x00\xE1\xF5\x05\0\0\0\0"s, 200'000'000) == 100'000'000);
  for (const auto& [bytes, file_bytes] :
       std::initializer_list<std::pair<std::string, int64_t>>{
           {"", 0},
           {"\x02\0\0\0"s, 4},
           {"\x02\0\0\0\0\0\0"s, 7},
           {"\x03\0\0\0\0\0\0\0"s, 10},
           {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, 1000},
           {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s, 1000},
           {"\0\0\0\0\0\0\0\x80"s, 1000},
           {"\x01\xE1\xF5\x05\0\0\0\0"s, 200'000'000},
           {"<!DOCTYPE html>"s, 5000}}) {
    CHECK_THROWS_AS(length(bytes, file_bytes), IoError);
  }
  CHECK_THROWS_WITH(
      length("\xFF\0\0\0\0\0\0\0"s, 100),
      Contains("claims 255 bytes, the file has 100") && Contains("truncated"));
}

TEST_CASE("any damage to a header is an error or a sound header") {
  const std::string sound = std::string("{") +
      entry("a", "\"F32\"", "[2, 3]", "[0, 24]") + ", " +
      entry("b", "\"I64\"", "[1]", "[24, 32]") + "}";
  std::mt19937 random(9);
  int num_parsed = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    std::string json = sound;
    json[random() % json.size()] = "0123456789{}[],:\"-eEFI \xFF"[random() % 24];
    try {
      const SafetensorsHeader header = parse(json, 32);
      ++num_parsed;
      int64_t covered = 0;
      for (const auto& [name, tensor] : header.tensors) {
        int64_t bytes = safetensors_dtype_bytes(tensor.dtype);
        for (const int64_t size : tensor.shape) {
          bytes *= size;
        }
        CHECK(tensor.end - tensor.begin == bytes);
        covered += bytes;
      }
      CHECK(covered == 32);
    } catch (const IoError&) {
    }
  }
  CHECK(num_parsed > 0);
  CHECK(num_parsed < 1500);
}

} // namespace
} // namespace omni
