// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A picture becomes normalised patch rows: resize (equal to PIL within one level),
// scale to [0, 1], subtract mean, divide by std, cut into patches in model order.
// Deterministic, no weights. Thread-safe.
#pragma once

#include <array>
#include <vector>

#include "omni/core/media.h"

namespace omni {

// A grid of patches before merging.
struct PatchGrid {
  int64_t frames = 1; // temporal patches
  int64_t rows = 0;
  int64_t columns = 0;

  [[nodiscard]] int64_t num_patches() const {
    return frames * rows * columns;
  }
  bool operator==(const PatchGrid&) const = default;
};

struct ProcessedImage {
  at::Tensor
      patches; // float32 [P, patch_size * patch_size * 3], P = grid.num_patches()
  PatchGrid grid;
};

enum class Interpolation { Nearest, Bilinear, Bicubic };
// Stretch: to exactly (height, width). Budget: aspect kept, sides rounded to multiples
// of patch_size * merge, area within [min_pixels, max_pixels].
enum class ResizeRule { Stretch, Budget };

struct ImageProcessorOptions {
  ResizeRule rule = ResizeRule::Stretch;
  int64_t height = 64; // pixels, Stretch
  int64_t width = 64;
  int64_t min_pixels = 3136; // Budget
  int64_t max_pixels = 2073600;
  Interpolation interpolation = Interpolation::Bicubic;
  int64_t patch_size = 8; // pixels a side
  int64_t merge = 2; // patches a side that the encoder merges into one row
  std::array<double, 3> mean = {0.5, 0.5, 0.5}; // of pixels in [0, 1], RGB
  std::array<double, 3> std = {0.5, 0.5, 0.5};
};

// Antialiased resize of uint8 [Y, X, 3] (or [N, Y, X, 3]), equal to PIL's within one
// level; sizes in pixels.
[[nodiscard]] at::Tensor resize_pixels(
    const at::Tensor& pixels,
    int64_t height,
    int64_t width,
    Interpolation interpolation);

class ImageProcessor {
 public:
  explicit ImageProcessor(ImageProcessorOptions options);
  [[nodiscard]] ProcessedImage process(const Image& image) const;
  // Frames uint8 [N, Y, X, 3] of one clip, all to one size; each its own grid.
  [[nodiscard]] std::vector<ProcessedImage> process_frames(
      const at::Tensor& frames) const;
  [[nodiscard]] const ImageProcessorOptions& options() const {
    return options_;
  }

 private:
  ImageProcessorOptions options_;
};

} // namespace omni
