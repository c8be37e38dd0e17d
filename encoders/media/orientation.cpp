// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/orientation.h"

#include <cstdlib>

namespace omni {

Orientation orientation_from_exif(int orientation) {
  switch (orientation) {
    case 2:
      return {false, true, false};
    case 3:
      return {false, true, true};
    case 4:
      return {false, false, true};
    case 5:
      return {true, false, false};
    case 6:
      return {true, true, false};
    case 7:
      return {true, true, true};
    case 8:
      return {true, false, true};
    default:
      return {};
  }
}

Orientation orientation_from_matrix(const std::array<int32_t, 9>& matrix) {
  // [x' y'] = [x y] * [a b; c d], in 16.16 fixed point, y downwards.
  const auto magnitude = [](int32_t value) { return std::abs(int64_t{value}); };
  const int32_t a = matrix[0];
  const int32_t b = matrix[1];
  const int32_t c = matrix[3];
  const int32_t d = matrix[4];
  constexpr int64_t kSlack = 64; // an angle of a degree has a tangent of 1 / 57
  if (magnitude(a) > kSlack * magnitude(b) && magnitude(d) > kSlack * magnitude(c)) {
    return {false, a < 0, d < 0};
  }
  if (magnitude(b) > kSlack * magnitude(a) && magnitude(c) > kSlack * magnitude(d)) {
    // Rows run along x' when c moves it: c < 0 puts the first row at the right.
    return {true, c < 0, b < 0};
  }
  return {};
}

at::Tensor oriented(at::Tensor pixels, const Orientation& orientation) {
  if (orientation.is_transposed) {
    pixels = pixels.transpose(0, 1);
  }
  if (orientation.is_mirrored) {
    pixels = pixels.flip(1);
  }
  if (orientation.is_upside_down) {
    pixels = pixels.flip(0);
  }
  return pixels;
}

} // namespace omni
