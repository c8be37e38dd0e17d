// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The one EXIF field that changes what a picture shows: its orientation. Torch-free.
#pragma once

#include <string_view>

namespace omni {

// Orientation 1 to 8 of a TIFF structure (what follows "Exif\0\0"); 1, upright, when
// there is none or the structure is damaged: a bad note does not spoil a good picture.
[[nodiscard]] int exif_orientation(std::string_view tiff);

} // namespace omni
