// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Which files a tar archive holds and where (ustar, with GNU and pax long names). Only
// the headers are read. No torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace omni {

struct TarEntry {
  std::string name;
  int64_t begin = 0; // byte offset of the file's content
  int64_t size = 0; // bytes
};

// Regular files in archive order. Throws IoError naming the archive and the offset: a
// broken checksum or size, a name that is absolute or contains "..", truncated content.
[[nodiscard]] std::vector<TarEntry> list_tar(const std::filesystem::path& path);

} // namespace omni
