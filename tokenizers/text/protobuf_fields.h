// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Walks the fields of one protobuf message in memory, checking every length against
// what is there. Values are views into the bytes. No torch, no protobuf library.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace omni {

enum class WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

struct ProtobufField {
  uint64_t number = 0;
  WireType type = WireType::Varint;
  uint64_t value = 0; // of Varint, Fixed32 and Fixed64
  std::string_view bytes; // of Bytes
};

// The message is cut short or is no protobuf; what() says how.
class ProtobufError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ProtobufFields {
 public:
  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  // The next field, nothing at the end. Throws ProtobufError.
  [[nodiscard]] std::optional<ProtobufField> next();

 private:
  uint64_t take_varint();
  uint64_t take_fixed(size_t num_bytes);
  std::string_view take(uint64_t num_bytes);

  std::string_view rest_;
};

// A field as protobuf writes it.
void append_varint_field(std::string& message, uint64_t number, uint64_t value);
void append_bytes_field(std::string& message, uint64_t number, std::string_view bytes);

} // namespace omni
