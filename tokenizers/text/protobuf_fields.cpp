// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/protobuf_fields.h"

namespace omni {
namespace {

constexpr uint64_t kMaxFieldNumber = (uint64_t{1} << 29) - 1;

void append_varint(std::string& message, uint64_t value) {
  while (value >= 0x80) {
    message += static_cast<char>(0x80 | (value & 0x7F));
    value >>= 7;
  }
  message += static_cast<char>(value);
}

} // namespace

std::optional<ProtobufField> ProtobufFields::next() {
  if (rest_.empty()) {
    return std::nullopt;
  }
  const uint64_t tag = take_varint();
  ProtobufField field;
  field.number = tag >> 3;
  if (field.number == 0 || field.number > kMaxFieldNumber) {
    throw ProtobufError("a field with number " + std::to_string(field.number));
  }
  field.type = static_cast<WireType>(tag & 7);
  switch (field.type) {
    case WireType::Varint:
      field.value = take_varint();
      return field;
    case WireType::Fixed64:
      field.value = take_fixed(8);
      return field;
    case WireType::Bytes:
      field.bytes = take(take_varint());
      return field;
    case WireType::Fixed32:
      field.value = take_fixed(4);
      return field;
  }
  throw ProtobufError("a field of wire type " + std::to_string(tag & 7));
}

uint64_t ProtobufFields::take_varint() {
  constexpr int kMaxBytes = 10;
  uint64_t value = 0;
  for (int i = 0; i < kMaxBytes; ++i) {
    const auto byte = static_cast<uint8_t>(take(1).front());
    if (i == kMaxBytes - 1 && byte > 1) {
      break;
    }
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      return value;
    }
  }
  throw ProtobufError("a number of more than 64 bits");
}

uint64_t ProtobufFields::take_fixed(size_t num_bytes) {
  uint64_t value = 0;
  int shift = 0;
  for (const char byte : take(num_bytes)) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(byte)) << shift;
    shift += 8;
  }
  return value;
}

std::string_view ProtobufFields::take(uint64_t num_bytes) {
  if (num_bytes > rest_.size()) {
    throw ProtobufError(
        "a field of " + std::to_string(num_bytes) + " bytes where " +
        std::to_string(rest_.size()) + " are left");
  }
  const std::string_view taken = rest_.substr(0, num_bytes);
  rest_.remove_prefix(num_bytes);
  return taken;
}

void append_varint_field(std::string& message, uint64_t number, uint64_t value) {
  append_varint(message, number << 3);
  append_varint(message, value);
}

void append_bytes_field(std::string& message, uint64_t number, std::string_view bytes) {
  append_varint(message, number << 3 | 2);
  append_varint(message, bytes.size());
  message += bytes;
}

} // namespace omni
