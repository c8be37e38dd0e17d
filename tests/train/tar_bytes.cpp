// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/train/tar_bytes.h"

#include <algorithm>
#include <sstream>

namespace omni::test {
namespace {

constexpr size_t kSizeAt = 124;
constexpr size_t kSizeDigits = 11; // then a zero
constexpr size_t kChecksumAt = 148;
constexpr size_t kChecksumDigits = 6; // then a zero and a space
constexpr size_t kKindAt = 156;
constexpr size_t kMarkAt = 257;
constexpr std::string_view kMark = "ustar";

void write(std::string& bytes, size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
}

void write_octal(std::string& bytes, size_t at, size_t num_digits, uint64_t value) {
  for (size_t i = num_digits; i-- > 0; value /= 8) {
    bytes[at + i] = static_cast<char>('0' + value % 8);
  }
}

} // namespace

std::string with_tar_checksums(std::string bytes) {
  for (size_t at = 0; at + kTarBlockBytes <= bytes.size(); at += kTarBlockBytes) {
    if (bytes.compare(at + kMarkAt, kMark.size(), kMark) != 0) {
      continue;
    }
    write(bytes, at + kChecksumAt, "        ");
    uint64_t sum = 0;
    for (size_t i = 0; i < kTarBlockBytes; ++i) {
      sum += static_cast<uint8_t>(bytes[at + i]);
    }
    write_octal(bytes, at + kChecksumAt, kChecksumDigits, sum);
    bytes[at + kChecksumAt + kChecksumDigits] = '\0';
  }
  return bytes;
}

std::string tar_member(const TarMember& member) {
  std::string header(kTarBlockBytes, '\0');
  write(header, 0, member.name);
  if (member.size_field.empty()) {
    write_octal(header, kSizeAt, kSizeDigits, member.content.size());
  } else {
    write(header, kSizeAt, member.size_field);
  }
  header[kKindAt] = member.kind;
  write(header, kMarkAt, kMark);
  const size_t num_blocks =
      (member.content.size() + kTarBlockBytes - 1) / kTarBlockBytes;
  std::string bytes = with_tar_checksums(std::move(header));
  bytes += member.content;
  bytes.resize((1 + num_blocks) * kTarBlockBytes, '\0');
  return bytes;
}

std::string tar_end() {
  return std::string(2 * kTarBlockBytes, '\0');
}

std::string pax_record(std::string_view key, std::string_view value) {
  // " ", "=" and the line's end; the length counts its own digits, too.
  const size_t body = key.size() + value.size() + 3;
  size_t length = body + 1;
  while (length != body + std::to_string(length).size()) {
    ++length;
  }
  std::ostringstream record;
  record << length << ' ' << key << '=' << value << '\n';
  return record.str();
}

} // namespace omni::test
