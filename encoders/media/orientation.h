// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The eight ways to lay a picture: EXIF's orientation of photographs and the display
// matrix of videos, applied to pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace omni {

// What to do, in this order, to what is stored.
struct Orientation {
  bool is_transposed = false; // rows become columns
  bool is_mirrored = false; // left becomes right
  bool is_upside_down = false; // top becomes bottom

  [[nodiscard]] bool is_upright() const {
    return !is_transposed && !is_mirrored && !is_upside_down;
  }
};

// Of EXIF's 1 to 8; anything else is upright.
[[nodiscard]] Orientation orientation_from_exif(int orientation);
// Of the nine numbers of a display matrix as FFmpeg exports it. Angles between the
// quarter turns are not applied.
[[nodiscard]] Orientation orientation_from_matrix(const std::array<int32_t, 9>& matrix);
// pixels [Y, X, C], or [X, Y, C] in the result when transposed; a view.
[[nodiscard]] at::Tensor oriented(at::Tensor pixels, const Orientation& orientation);

} // namespace omni
