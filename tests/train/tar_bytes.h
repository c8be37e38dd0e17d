// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Tar archives byte by byte, also those no program would write. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace omni::test {

constexpr size_t kTarBlockBytes = 512;

struct TarMember {
  std::string name; // at most 100 bytes
  std::string content;
  char kind = '0';
  std::string size_field = {}; // 12 bytes; empty: the content's size in octal
};

// Header, content and padding.
[[nodiscard]] std::string tar_member(const TarMember& member);
// The two empty blocks that end an archive.
[[nodiscard]] std::string tar_end();
// A record of a pax header: "LENGTH key=value\n".
[[nodiscard]] std::string pax_record(std::string_view key, std::string_view value);
// The same bytes, with every block that has the mark of a header given its checksum.
[[nodiscard]] std::string with_tar_checksums(std::string bytes);

} // namespace omni::test
