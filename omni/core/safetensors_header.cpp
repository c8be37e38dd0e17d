// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/safetensors_header.h"

#include <algorithm>
#include <limits>

#include "omni/core/errors.h"
#include "omni/core/json.h"

namespace omni {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaxNameBytes = 4096;
constexpr size_t kMaxAxes = 16;
// The header, a tensor, its shape.
constexpr int64_t kMaxDepth = 3;
// About 400,000 tensors; a header that lies could hold 50 million zeros.
constexpr int64_t kMaxValues = 4'000'000;

class HeaderParser {
 public:
  HeaderParser(int64_t data_begin, int64_t file_bytes, const std::string& path)
      : data_begin_(data_begin), data_bytes_(file_bytes - data_begin), path_(path) {}

  SafetensorsHeader parse(std::string_view text) {
    SafetensorsHeader header;
    header.data_begin = data_begin_;
    if (!text.starts_with('{')) {
      fail("expected the header to begin with {");
    }
    const Json json =
        parse_json(text, "safetensors", path_, {kMaxDepth, kMaxValues, kMaxNameBytes});
    for (const auto& [name, value] : json.items()) {
      if (name == "__metadata__") {
        header.metadata = parse_metadata(value);
      } else {
        header.tensors.emplace(name, parse_tensor(name, value));
      }
    }
    check_coverage(header);
    return header;
  }

 private:
  std::map<std::string, std::string> parse_metadata(const Json& value) const {
    std::map<std::string, std::string> metadata;
    if (!value.is_object()) {
      fail("expected `__metadata__` to be an object, got " + kind(value));
    }
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) {
        fail("expected `__metadata__." + key + "` to be a string, got " + kind(text));
      }
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  TensorEntry parse_tensor(const std::string& name, const Json& value) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      fail_at(name, "expected exactly dtype, shape and data_offsets");
    }
    TensorEntry entry;
    if (!value["dtype"].is_string()) {
      fail_at(name, "expected dtype to be a string, got " + kind(value["dtype"]));
    }
    entry.dtype = value["dtype"].get<std::string>();
    const int64_t element_bytes = safetensors_dtype_bytes(entry.dtype);
    if (element_bytes == 0) {
      fail_at(
          name,
          "dtype \"" + entry.dtype +
              "\" is not one of BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64");
    }
    const Json& shape = value["shape"];
    if (!shape.is_array() || shape.size() > kMaxAxes) {
      fail_at(name, "expected shape to be a list of at most 16 sizes");
    }
    // Sizes beside a zero may not overflow either: strides are products of them.
    int64_t bytes = element_bytes;
    bool is_empty = false;
    for (const Json& size : shape) {
      entry.shape.push_back(non_negative(name, "a size", size));
      is_empty = is_empty || entry.shape.back() == 0;
      if (__builtin_mul_overflow(
              bytes, std::max<int64_t>(entry.shape.back(), 1), &bytes)) {
        fail_at(name, "the shape's size in bytes overflows");
      }
    }
    bytes = is_empty ? 0 : bytes;
    const Json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) {
      fail_at(name, "expected data_offsets to be [begin, end]");
    }
    const int64_t begin = non_negative(name, "data_offsets", offsets[0]);
    const int64_t end = non_negative(name, "data_offsets", offsets[1]);
    if (begin > end || end > data_bytes_) {
      fail_at(
          name,
          "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) +
              "] are not inside the " + std::to_string(data_bytes_) + " bytes of data");
    }
    if (end - begin != bytes) {
      fail_at(
          name,
          "dtype and shape need " + std::to_string(bytes) +
              " bytes, data_offsets hold " + std::to_string(end - begin));
    }
    entry.begin = data_begin_ + begin;
    entry.end = data_begin_ + end;
    return entry;
  }

  int64_t non_negative(
      const std::string& name,
      const std::string& what,
      const Json& value) const {
    const bool is_valid = value.is_number_unsigned() &&
        value.get<uint64_t>() <=
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!is_valid) {
      fail_at(name, "expected " + what + " to be a whole number, got " + value.dump());
    }
    return value.get<int64_t>();
  }

  // Tensors must cover the data exactly: no overlap, no hole, nothing after the last.
  void check_coverage(const SafetensorsHeader& header) const {
    std::vector<std::pair<const TensorEntry*, const std::string*>> in_order;
    for (const auto& [name, entry] : header.tensors) {
      in_order.emplace_back(&entry, &name);
    }
    std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first->begin, a.first->end) <
          std::pair(b.first->begin, b.first->end);
    });
    int64_t covered = data_begin_;
    for (const auto& [entry, name] : in_order) {
      if (entry->begin < covered) {
        fail_at(*name, "its bytes overlap another tensor's");
      }
      if (entry->begin > covered) {
        fail_at(
            *name,
            "a hole of " + std::to_string(entry->begin - covered) +
                " unused bytes is before it");
      }
      covered = entry->end;
    }
    if (covered != data_begin_ + data_bytes_) {
      fail(
          std::to_string(data_begin_ + data_bytes_ - covered) +
          " trailing bytes belong to no tensor");
    }
  }

  static std::string kind(const Json& value) {
    return value.type_name();
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError("safetensors", path_, what + ".");
  }
  [[noreturn]] void fail_at(const std::string& name, const std::string& what) const {
    fail("tensor \"" + name + "\": " + what);
  }

  int64_t data_begin_;
  int64_t data_bytes_;
  const std::string& path_;
};

} // namespace

int64_t safetensors_dtype_bytes(std::string_view dtype) {
  static const std::map<std::string_view, int64_t> kBytes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},   {"I16", 2}, {"I32", 4},
      {"I64", 8},  {"F16", 2}, {"BF16", 2}, {"F32", 4}, {"F64", 8}};
  const auto found = kBytes.find(dtype);
  return found == kBytes.end() ? 0 : found->second;
}

int64_t safetensors_header_bytes(
    std::string_view first_eight,
    int64_t file_bytes,
    const std::string& path) {
  if (first_eight.size() < kLengthBytes || file_bytes < kLengthBytes) {
    throw IoError(
        "safetensors", path,
        "expected at least 8 bytes, got " + std::to_string(file_bytes) + ".");
  }
  uint64_t length = 0;
  for (int i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(static_cast<uint8_t>(first_eight[i])) << (8 * i);
  }
  if (length > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes) ||
      static_cast<int64_t>(length) > file_bytes - kLengthBytes) {
    throw IoError(
        "safetensors", path,
        "the header claims " + std::to_string(length) + " bytes, the file has " +
            std::to_string(file_bytes) + ". It is truncated or not safetensors.");
  }
  return static_cast<int64_t>(length);
}

SafetensorsHeader parse_safetensors_header(
    std::string_view json,
    int64_t file_bytes,
    const std::string& path) {
  const auto data_begin = kLengthBytes + static_cast<int64_t>(json.size());
  return HeaderParser(data_begin, file_bytes, path).parse(json);
}

} // namespace omni
