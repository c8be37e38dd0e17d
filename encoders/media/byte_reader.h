// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A cursor over foreign bytes that cannot leave them: every read past the end throws
// an IoError that says what was being read. Torch-free.
#pragma once

#include <cstdint>
#include <string_view>

#include "encoders/media/media_name.h"

namespace omni {

class ByteReader {
 public:
  // `what` names the structure in errors ("PNG chunk"). Keeps references.
  ByteReader(std::string_view bytes, const MediaName& name, const char* what)
      : bytes_(bytes), name_(name), what_(what) {}

  [[nodiscard]] size_t position() const {
    return position_;
  }
  [[nodiscard]] size_t remaining() const {
    return bytes_.size() - position_;
  }
  void seek(size_t position) {
    position_ = 0;
    take(position);
  }
  std::string_view take(size_t count) {
    if (count > remaining()) {
      name_.fail_expected(
          std::to_string(count) + " more bytes of a " + what_,
          std::to_string(remaining()), "The file is truncated or damaged.");
    }
    const std::string_view taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }
  void skip(size_t count) {
    take(count);
  }
  uint8_t u8() {
    return static_cast<uint8_t>(take(1)[0]);
  }
  uint16_t u16_big() {
    return static_cast<uint16_t>(big(2));
  }
  uint32_t u32_big() {
    return static_cast<uint32_t>(big(4));
  }
  uint64_t u64_big() {
    return big(8);
  }
  uint16_t u16_little() {
    return static_cast<uint16_t>(little(2));
  }
  uint32_t u24_little() {
    return static_cast<uint32_t>(little(3));
  }
  uint32_t u32_little() {
    return static_cast<uint32_t>(little(4));
  }

 private:
  uint64_t big(size_t count) {
    uint64_t value = 0;
    for (const char byte : take(count)) {
      value = value << 8 | static_cast<uint8_t>(byte);
    }
    return value;
  }
  uint64_t little(size_t count) {
    uint64_t value = 0;
    int shift = 0;
    for (const char byte : take(count)) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(byte)) << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view bytes_;
  const MediaName& name_;
  const char* what_;
  size_t position_ = 0;
};

} // namespace omni
