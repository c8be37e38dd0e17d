// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Whole files in and out. Writing is atomic: a temporary name in the same folder, then
// synced and renamed, so that a reader sees the old file or the new one. No torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace omni {

// Throws IoError naming the path: not a file, larger than `max_bytes`, unreadable.
[[nodiscard]] std::string read_file(
    const std::filesystem::path& path,
    int64_t max_bytes = int64_t{1} << 30);

void write_file(const std::filesystem::path& path, std::string_view bytes);

// Gives `fill` a descriptor to write to; renames when it returns, removes the temporary
// file when it throws.
void write_file_atomically(
    const std::filesystem::path& path,
    const std::function<void(int descriptor)>& fill);

// Writes all of `bytes` to a descriptor. IoError with `path` when it cannot.
void write_all(
    int descriptor,
    std::string_view bytes,
    const std::filesystem::path& path);

// Makes a rename or a new file in `folder` survive a power cut.
void sync_folder(const std::filesystem::path& folder);

} // namespace omni
