// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/tar.h"

#include <array>
#include <fstream>
#include <optional>
#include <string_view>

#include "omni/core/errors.h"

namespace omni {
namespace {

constexpr int64_t kBlock = 512;
constexpr int64_t kMaxNameBytes = 4096;

using TarBlock = std::array<char, kBlock>;

std::string_view field(const TarBlock& block, size_t begin, size_t size) {
  const std::string_view text(block.data() + begin, size);
  return text.substr(0, text.find('\0'));
}

// Octal digits, or the GNU base-256 form; nothing where it is neither.
std::optional<int64_t> number(const TarBlock& block, size_t begin, size_t size) {
  int64_t value = 0;
  const auto first = static_cast<uint8_t>(block[begin]);
  if (first & 0x80) {
    // The first byte marks the form and, like the next ones, has no digits of a number
    // that fits; 0xFF would begin a negative one.
    if (first != 0x80) {
      return std::nullopt;
    }
    for (size_t i = begin + 1; i < begin + size; ++i) {
      if (value >> 55 != 0) {
        return std::nullopt;
      }
      value = value << 8 | static_cast<uint8_t>(block[i]);
    }
    return value;
  }
  for (const char c : std::string_view(block.data() + begin, size)) {
    if (c == '\0' || c == ' ') {
      continue;
    }
    if (c < '0' || c > '7') {
      return std::nullopt;
    }
    value = value * 8 + (c - '0');
  }
  return value;
}

bool checksum_is_right(const TarBlock& block) {
  constexpr size_t kBegin = 148;
  constexpr size_t kEnd = 156;
  int64_t sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    sum += i >= kBegin && i < kEnd ? ' ' : static_cast<uint8_t>(block[i]);
  }
  return number(block, kBegin, kEnd - kBegin) == sum;
}

// The "path" record of a pax header: "LENGTH key=value\n" each.
std::optional<std::string> pax_path(std::string_view text) {
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const size_t line = text.find('\n');
    if (line == std::string_view::npos || space > line) {
      return std::nullopt;
    }
    const std::string_view record = text.substr(space + 1, line - space - 1);
    if (record.starts_with("path=")) {
      return std::string(record.substr(5));
    }
    text.remove_prefix(line + 1);
  }
  return std::nullopt;
}

} // namespace

std::vector<TarEntry> list_tar(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw IoError("tar", path.string(), "cannot be opened");
  }
  file.seekg(0, std::ios::end);
  const int64_t file_bytes = file.tellg();
  std::vector<TarEntry> entries;
  std::string long_name;
  int64_t offset = 0;
  const auto fail = [&](const std::string& what) {
    throw IoError("tar", path.string(), what + " at byte " + std::to_string(offset));
  };
  while (offset + kBlock <= file_bytes) {
    TarBlock block;
    file.seekg(offset);
    file.read(block.data(), kBlock);
    if (field(block, 0, kBlock).empty() && block[156] == '\0') {
      break; // the end is marked by empty blocks
    }
    if (!checksum_is_right(block)) {
      fail("expected a tar header, got bytes whose checksum is wrong");
    }
    const auto size = number(block, 124, 12);
    const int64_t begin = offset + kBlock;
    if (!size || *size > file_bytes - begin) {
      fail("a file's size reaches beyond the archive");
    }
    const char kind = block[156];
    if (kind == 'L' || kind == 'x') {
      if (*size > kMaxNameBytes) {
        fail("a name longer than 4096 bytes");
      }
      std::string text(static_cast<size_t>(*size), '\0');
      file.read(text.data(), *size);
      long_name = kind == 'L' ? text.substr(0, text.find('\0'))
                              : pax_path(text).value_or(long_name);
    } else if (kind == '0' || kind == '\0') {
      std::string name = long_name;
      if (name.empty()) {
        const std::string prefix(field(block, 345, 155));
        name = (prefix.empty() ? "" : prefix + "/") + std::string(field(block, 0, 100));
      }
      if (name.starts_with("/") ||
          ("/" + name + "/").find("/../") != std::string::npos) {
        fail("the name \"" + name + "\" leaves the archive");
      }
      entries.push_back({name, begin, *size});
      long_name.clear();
    } else if (kind != 'g') {
      long_name.clear(); // it named a folder or a link
    }
    offset = begin + (*size + kBlock - 1) / kBlock * kBlock;
  }
  return entries;
}

} // namespace omni
