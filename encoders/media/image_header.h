// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a picture says about itself, read by our own parsers before a decoder sees it.
// They also check the structure as far as that is cheap (chunk lengths and checksums,
// end markers, enough bytes for the pixels declared), so that a damaged or lying file
// costs no allocation. Torch-free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "encoders/media/media_name.h"
#include "encoders/media/sniff.h"

namespace omni {

struct ImageHeader {
  MediaKind kind = MediaKind::Unknown;
  int64_t width = 0; // as stored, before orientation
  int64_t height = 0;
  int bits = 8; // a channel, or a palette index
  int num_channels = 3; // as stored; 1 for a palette
  bool has_alpha = false; // a channel of it, or a transparent palette entry
  int orientation = 1; // of EXIF
  std::optional<int> transparent_grey; // the sample value that PNG declares clear
  // What a decoder needs of the input, in order: ancillary PNG chunks are left out, and
  // of a JPEG what lies between its segments or follows its end.
  std::string stripped; // empty: the input as it is
};

// Sniffs and parses. Throws IoError for anything but a sound PNG, JPEG, WebP or BMP,
// or for one that does not fit the budget.
[[nodiscard]] ImageHeader parse_image_header(
    std::string_view bytes,
    const MediaBudget& budget,
    const MediaName& name);

// One format each; the caller has sniffed it and checks the size.
[[nodiscard]] ImageHeader parse_png_header(
    std::string_view bytes,
    const MediaName& name);
[[nodiscard]] ImageHeader parse_jpeg_header(
    std::string_view bytes,
    const MediaName& name);
[[nodiscard]] ImageHeader parse_webp_header(
    std::string_view bytes,
    const MediaName& name);
[[nodiscard]] ImageHeader parse_bmp_header(
    std::string_view bytes,
    const MediaName& name);

} // namespace omni
