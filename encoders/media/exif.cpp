// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/exif.h"

#include <cstdint>

namespace omni {

namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShort = 3; // TIFF type: 16 bits

// Unsigned number of `count` bytes, or 0 outside of the bytes.
uint32_t
number(std::string_view bytes, size_t offset, size_t count, bool is_little_endian) {
  if (offset > bytes.size() || count > bytes.size() - offset) {
    return 0;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = is_little_endian ? offset + count - 1 - i : offset + i;
    value = value << 8 | static_cast<uint8_t>(bytes[at]);
  }
  return value;
}

} // namespace

int exif_orientation(std::string_view tiff) {
  const bool is_little_endian = tiff.starts_with("II");
  if (!is_little_endian && !tiff.starts_with("MM")) {
    return 1;
  }
  const auto read = [&](size_t offset, size_t count) {
    return number(tiff, offset, count, is_little_endian);
  };
  if (read(2, 2) != 42) {
    return 1;
  }
  const size_t directory = read(4, 4);
  const size_t num_entries = read(directory, 2);
  for (size_t i = 0; i < num_entries; ++i) {
    const size_t entry = directory + 2 + 12 * i; // at most 2^32 + 12 * 2^16
    if (entry + 12 > tiff.size()) {
      return 1;
    }
    if (read(entry, 2) == kOrientationTag && read(entry + 2, 2) == kShort) {
      const uint32_t orientation = read(entry + 8, 2);
      return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
    }
  }
  return 1;
}

} // namespace omni
