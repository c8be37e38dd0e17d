// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the pixels of a JPEG, by libjpeg-turbo itself. OpenCV would turn its RGB
// into BGR, which then had to be turned back, and print what it says of damage.
#pragma once

#include <cstdint>
#include <string_view>

#include "encoders/media/image_header.h"

namespace omni {

// Decodes `jpeg`, which is what `header` says a decoder needs, into `rgb`: uint8
// [height, width, 3] as stored, before orientation; grey and four inks as RGB. Throws
// IoError for data that are not whole.
void decode_jpeg(
    std::string_view jpeg,
    const ImageHeader& header,
    const MediaName& name,
    uint8_t* rgb);

} // namespace omni
