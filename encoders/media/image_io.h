// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Pictures become Images and back: PNG, JPEG, WebP and BMP. As a viewer would show
// them: EXIF orientation applied, transparency laid over white, grey, palette, 16-bit
// and CMYK turned into 8-bit RGB. What a file is, its bytes say, not its name.
// Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "encoders/media/media_budget.h"
#include "omni/core/media.h"

namespace omni {

// Throws IoError naming the file and the cause. `source` of the result is the path.
[[nodiscard]] Image read_image(
    const std::filesystem::path& path,
    const MediaBudget& budget = {});

// The same of bytes in memory; `name` stands for the path in errors and receipts.
[[nodiscard]] Image decode_image(
    std::string_view bytes,
    const std::string& name = "bytes",
    const MediaBudget& budget = {});

// By the extension: .png (lossless), .jpg or .jpeg (quality 95). Throws ValueError for
// another extension, IoError when the file cannot be written.
void write_image(const Image& image, const std::filesystem::path& path);

// The bytes of a PNG or JPEG file. Quality 1 to 100.
[[nodiscard]] std::string encode_png(const Image& image);
[[nodiscard]] std::string encode_jpeg(const Image& image, int quality = 95);

} // namespace omni
