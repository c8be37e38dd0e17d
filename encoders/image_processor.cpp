// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/image_processor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

// Longest side over shortest side that a picture may have under a budget.
constexpr double kMaxAspect = 200.0;

struct Size {
  int64_t height = 0;
  int64_t width = 0;
};

int64_t multiple(double pixels, int64_t factor, double (*round_to)(double)) {
  const double count = round_to(pixels / static_cast<double>(factor));
  return std::max<int64_t>(static_cast<int64_t>(count), 1) * factor;
}

// Qwen2-VL's `smart_resize`, with one more rule: when a side cannot become shorter
// than one merged patch, the other gives way, so that the area is within budget.
Size budget_size(const ImageProcessorOptions& options, Size in) {
  const auto height = static_cast<double>(in.height);
  const auto width = static_cast<double>(in.width);
  const double aspect = std::max(height, width) / std::min(height, width);
  TORCH_CHECK_VALUE(
      aspect <= kMaxAspect, "[image_processor] expected sides of a ratio up to ",
      kMaxAspect, ", got ", in.height, " x ", in.width, " pixels. Crop the picture.");
  const int64_t factor = options.patch_size * options.merge;
  // nearbyint rounds halves to even, as Python does.
  Size out{
      multiple(height, factor, std::nearbyint),
      multiple(width, factor, std::nearbyint)};
  const auto shrink = [&] {
    const double ratio =
        std::sqrt(height * width / static_cast<double>(options.max_pixels));
    out = {
        multiple(height / ratio, factor, std::floor),
        multiple(width / ratio, factor, std::floor)};
    const auto limit = [&](int64_t side, int64_t other) {
      return std::min(side, options.max_pixels / other / factor * factor);
    };
    out.height = limit(out.height, factor);
    out.width = limit(out.width, out.height);
  };
  if (out.height * out.width > options.max_pixels) {
    shrink();
  } else if (out.height * out.width < options.min_pixels) {
    const double ratio =
        std::sqrt(static_cast<double>(options.min_pixels) / (height * width));
    out = {
        multiple(height * ratio, factor, std::ceil),
        multiple(width * ratio, factor, std::ceil)};
    if (out.height * out.width > options.max_pixels) {
      shrink();
    }
  }
  return out;
}

void check_options(const ImageProcessorOptions& options) {
  TORCH_CHECK_VALUE(
      options.patch_size > 0 && options.merge > 0,
      "[image_processor] expected positive patch_size and merge, got ",
      options.patch_size, " and ", options.merge, ".");
  const int64_t factor = options.patch_size * options.merge;
  if (options.rule == ResizeRule::Stretch) {
    TORCH_CHECK_VALUE(
        options.height > 0 && options.width > 0 && options.height % factor == 0 &&
            options.width % factor == 0,
        "[image_processor] expected height and width to be multiples of patch_size * "
        "merge = ",
        factor, ", got ", options.height, " x ", options.width, ".");
  } else {
    TORCH_CHECK_VALUE(
        options.min_pixels > 0 && options.max_pixels >= options.min_pixels &&
            options.max_pixels >= factor * factor,
        "[image_processor] expected 0 < min_pixels <= max_pixels and max_pixels >= ",
        factor * factor, " (one merged patch), got ", options.min_pixels, " and ",
        options.max_pixels, ".");
  }
  for (const double std : options.std) {
    TORCH_CHECK_VALUE(
        std::isfinite(std) && std > 0, "[image_processor] expected positive std, got ",
        std, ".");
  }
}

} // namespace

ImageProcessor::ImageProcessor(ImageProcessorOptions options) : options_(options) {
  check_options(options_);
}

ProcessedImage ImageProcessor::process(const Image& image) const {
  check_image(image, "image_processor");
  return process_frames(image.pixels.unsqueeze(0)).front();
}

std::vector<ProcessedImage> ImageProcessor::process_frames(
    const at::Tensor& frames) const {
  check_shape(frames, {-1, -1, -1, 3}, "image_processor", "frames");
  TORCH_CHECK_TYPE(
      frames.scalar_type() == at::kByte,
      "[image_processor] expected frames uint8 [N, Y, X, 3], got ",
      frames.scalar_type(), " ", frames.sizes(), ".");
  if (frames.size(0) == 0) {
    return {};
  }
  TORCH_CHECK_VALUE(
      frames.numel() > 0, "[image_processor] expected at least one pixel, got ",
      frames.sizes(), ".");
  Size size{options_.height, options_.width};
  if (options_.rule == ResizeRule::Budget) {
    size = budget_size(options_, {frames.size(1), frames.size(2)});
  }
  const at::Tensor resized =
      resize_pixels(frames, size.height, size.width, options_.interpolation)
          .cpu()
          .contiguous();
  const PatchGrid grid{
      1, size.height / options_.patch_size, size.width / options_.patch_size};
  const at::Tensor patches_NPC = kernels::patchify(
                                     resized,
                                     {.mean = options_.mean,
                                      .std = options_.std,
                                      .patch_size = options_.patch_size,
                                      .merge = options_.merge})
                                     .view({frames.size(0), grid.num_patches(), -1});
  std::vector<ProcessedImage> images;
  images.reserve(static_cast<size_t>(frames.size(0)));
  for (int64_t n = 0; n < frames.size(0); ++n) {
    images.push_back({patches_NPC[n], grid});
  }
  return images;
}

} // namespace omni
