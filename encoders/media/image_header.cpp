// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/image_header.h"

namespace omni {

ImageHeader parse_image_header(
    std::string_view bytes,
    const MediaBudget& budget,
    const MediaName& name) {
  const MediaKind kind = sniff(bytes);
  ImageHeader header;
  switch (kind) {
    case MediaKind::Png:
      header = parse_png_header(bytes, name);
      break;
    case MediaKind::Jpeg:
      header = parse_jpeg_header(bytes, name);
      break;
    case MediaKind::WebP:
      header = parse_webp_header(bytes, name);
      break;
    case MediaKind::Bmp:
      header = parse_bmp_header(bytes, name);
      break;
    default:
      name.fail_expected(
          "a PNG, JPEG, WebP or BMP picture", describe(kind),
          is_movie(kind)       ? "Use read_video()."
              : is_sound(kind) ? "Use read_audio()."
                               : "");
  }
  check_picture_size(header.width, header.height, budget, name);
  return header;
}

} // namespace omni
