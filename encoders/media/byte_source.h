// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Where media bytes come from: a buffer the caller owns, or a file that we open. The
// only thing that decoders ever read. Reads at any offset; not thread-safe. Torch-free.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "encoders/media/media_name.h"

namespace omni {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual int64_t size() const = 0;
  // Copies up to `count` bytes from `offset` on; fewer only at the end, 0 past it and
  // when the file cannot be read any more.
  virtual int64_t read_at(int64_t offset, char* out, int64_t count) = 0;

  // The bytes [offset, offset + count), fewer at the end.
  [[nodiscard]] std::string read_range(int64_t offset, int64_t count);
};

// `bytes` must outlive the source. Throws when there are more than the budget allows.
[[nodiscard]] std::unique_ptr<ByteSource> make_byte_source(
    std::string_view bytes,
    const MediaBudget& budget,
    const MediaName& name);

// Opens a regular file. Throws when there is none, it is a directory or a device,
// cannot be read, or is larger than the budget allows.
[[nodiscard]] std::unique_ptr<ByteSource> open_byte_source(
    const std::filesystem::path& path,
    const MediaBudget& budget,
    const MediaName& name);

// The whole file, under the same rules.
[[nodiscard]] std::string read_media_file(
    const std::filesystem::path& path,
    const MediaBudget& budget,
    const MediaName& name);

// Writes a file whole, through a neighbour that is renamed, so that no reader sees a
// part of it.
void write_media_file(
    const std::filesystem::path& path,
    std::string_view bytes,
    const MediaName& name);

} // namespace omni
