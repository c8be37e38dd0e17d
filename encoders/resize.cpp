// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "encoders/image_processor.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

// Note [Equal to PIL]
// The antialiased filters follow Pillow's `Resample.c` step by step: weights in double,
// rounded to 22 fractional bits, one pass a direction with uint8 between them. So
// results are equal bit by bit. Which pass comes first matters for the bicubic filter,
// whose overshoot is clipped between the passes (22 levels in a tall thin picture that
// becomes wide): Pillow 13 begins with the vertical one when that removes more than
// twice as many rows as the other removes columns. ATen's uint8 path never does.
constexpr int kFractionBits = 32 - 8 - 2;
constexpr int64_t kChannels = 3;

double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

// Which input samples make an output sample, and by how much.
struct ResizeFilter {
  std::vector<int64_t> begin; // first input sample of each output sample
  std::vector<int64_t> count; // input samples of each output sample
  std::vector<int32_t> weights; // [output, max_count], fixed point
  int64_t max_count = 0;
};

ResizeFilter make_filter(int64_t input, int64_t output, Interpolation interpolation) {
  const bool is_cubic = interpolation == Interpolation::Bicubic;
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double filter_scale = std::max(scale, 1.0);
  const double support = (is_cubic ? 2.0 : 1.0) * filter_scale;
  ResizeFilter filter;
  filter.max_count = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  filter.weights.assign(static_cast<size_t>(output * filter.max_count), 0);
  std::vector<double> weights(static_cast<size_t>(filter.max_count));
  for (int64_t i = 0; i < output; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto begin =
        std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto end =
        std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), input);
    double sum = 0.0;
    for (int64_t k = 0; k < end - begin; ++k) {
      const double x =
          (static_cast<double>(k + begin) - centre + 0.5) * (1.0 / filter_scale);
      const double weight = is_cubic ? cubic(x) : triangle(x);
      weights[static_cast<size_t>(k)] = weight;
      sum += weight;
    }
    for (int64_t k = 0; k < end - begin; ++k) {
      double weight = weights[static_cast<size_t>(k)];
      if (sum != 0.0) {
        weight /= sum;
      }
      weight *= static_cast<double>(1 << kFractionBits);
      filter.weights[static_cast<size_t>(i * filter.max_count + k)] =
          static_cast<int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    filter.begin.push_back(begin);
    filter.count.push_back(end - begin);
  }
  return filter;
}

constexpr int32_t kHalf = 1 << (kFractionBits - 1);

using FourInts [[gnu::vector_size(16)]] = int32_t; // a pixel, its last entry unused

[[gnu::always_inline]] inline FourInts to_level(FourInts sum) {
  const FourInts level = sum >> kFractionBits;
  const FourInts least = level < 0 ? FourInts{} : level;
  return least > 255 ? FourInts{} + 255 : least;
}

// One line of `width` pixels becomes `output` pixels; `line` has room for it as ints.
// Clones, since the baseline has no product of four ints.
[[gnu::target_clones("arch=x86-64-v3", "default")]] void resize_line(
    const uint8_t* from,
    int64_t width,
    const ResizeFilter& filter,
    FourInts* line,
    uint8_t* to) {
  for (int64_t x = 0; x < width; ++x) {
    const uint8_t* pixel = from + x * kChannels;
    line[x] = FourInts{pixel[0], pixel[1], pixel[2], 0};
  }
  const auto output = static_cast<int64_t>(filter.begin.size());
  for (int64_t x = 0; x < output; ++x) {
    const FourInts* source = line + filter.begin[static_cast<size_t>(x)];
    const int32_t* weights = filter.weights.data() + x * filter.max_count;
    const int64_t count = filter.count[static_cast<size_t>(x)];
    FourInts sum = FourInts{} + kHalf;
    for (int64_t k = 0; k < count; ++k) {
      sum += source[k] * weights[k];
    }
    const FourInts level = to_level(sum);
    for (int64_t channel = 0; channel < kChannels; ++channel) {
      to[x * kChannels + channel] = static_cast<uint8_t>(level[channel]);
    }
  }
}

// `count` lines of `width` bytes, weighed, become one.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void weigh_lines(
    const uint8_t* lines,
    int64_t width,
    const int32_t* weights,
    int64_t count,
    uint8_t* to) {
  constexpr int64_t kBlock = 64; // bytes whose sums stay in registers
  for (int64_t begin = 0; begin < width; begin += kBlock) {
    const int64_t size = std::min(kBlock, width - begin);
    int32_t sums[kBlock];
    std::fill_n(sums, kBlock, kHalf);
    for (int64_t k = 0; k < count; ++k) {
      const uint8_t* line = lines + k * width + begin;
      const int32_t weight = weights[k];
      if (size == kBlock) {
        for (int64_t i = 0; i < kBlock; ++i) {
          sums[i] += line[i] * weight;
        }
      } else {
        for (int64_t i = 0; i < size; ++i) {
          sums[i] += line[i] * weight;
        }
      }
    }
    for (int64_t i = 0; i < size; ++i) {
      to[begin + i] =
          static_cast<uint8_t>(std::clamp(sums[i] >> kFractionBits, 0, 255));
    }
  }
}

// [N, Y, X, 3] -> [N, Y, output, 3].
at::Tensor resize_columns(const at::Tensor& pixels, int64_t output, Interpolation how) {
  const int64_t num_rows = pixels.size(0) * pixels.size(1);
  const int64_t width = pixels.size(2);
  const ResizeFilter filter = make_filter(width, output, how);
  at::Tensor result =
      at::empty({pixels.size(0), pixels.size(1), output, kChannels}, at::kByte);
  const auto* in = pixels.const_data_ptr<uint8_t>();
  auto* out = result.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, num_rows, 16, [&](int64_t first, int64_t last) {
    const std::unique_ptr<FourInts[]> line(new FourInts[static_cast<size_t>(width)]);
    for (int64_t row = first; row < last; ++row) {
      resize_line(
          in + row * width * kChannels, width, filter, line.get(),
          out + row * output * kChannels);
    }
  });
  return result;
}

// [N, Y, X, 3] -> [N, output, X, 3].
at::Tensor resize_rows(const at::Tensor& pixels, int64_t output, Interpolation how) {
  const int64_t num_frames = pixels.size(0);
  const int64_t height = pixels.size(1);
  const int64_t width = pixels.size(2);
  const int64_t stride = width * kChannels;
  const ResizeFilter filter = make_filter(height, output, how);
  at::Tensor result = at::empty({num_frames, output, width, kChannels}, at::kByte);
  const auto* in = pixels.const_data_ptr<uint8_t>();
  auto* out = result.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, num_frames * output, 16, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t y = row % output;
      const int64_t from = row / output * height + filter.begin[static_cast<size_t>(y)];
      weigh_lines(
          in + from * stride, stride, filter.weights.data() + y * filter.max_count,
          filter.count[static_cast<size_t>(y)], out + row * stride);
    }
  });
  return result;
}

// The input sample under the middle of each output sample. Added up step by step as
// Pillow does, so that rounding at exact middles is the same.
at::Tensor nearest_indices(int64_t input, int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  std::vector<int64_t> indices(static_cast<size_t>(output));
  double x = scale * 0.5;
  for (int64_t& index : indices) {
    index = std::min(static_cast<int64_t>(x), input - 1);
    x += scale;
  }
  return at::tensor(indices);
}

} // namespace

at::Tensor resize_pixels(
    const at::Tensor& pixels,
    int64_t height,
    int64_t width,
    Interpolation interpolation) {
  TORCH_CHECK_TYPE(
      pixels.defined() && pixels.scalar_type() == at::kByte &&
          (pixels.dim() == 3 || pixels.dim() == 4) && pixels.size(-1) == kChannels,
      "[resize_pixels] expected pixels uint8 [Y, X, 3] or [N, Y, X, 3], got ",
      pixels.defined() ? pixels.toString() : "an undefined tensor", " ",
      pixels.defined() ? pixels.sizes() : at::IntArrayRef{}, ".");
  TORCH_CHECK_VALUE(
      pixels.size(-3) > 0 && pixels.size(-2) > 0 && height > 0 && width > 0,
      "[resize_pixels] expected sizes of at least one pixel, got ", pixels.sizes(),
      " to become ", height, " x ", width, ".");
  if (pixels.size(-3) == height && pixels.size(-2) == width) {
    return pixels;
  }
  at::Tensor frames_NYXC =
      (pixels.dim() == 3 ? pixels.unsqueeze(0) : pixels).cpu().contiguous();
  const int64_t in_height = frames_NYXC.size(1);
  const int64_t in_width = frames_NYXC.size(2);
  if (interpolation == Interpolation::Nearest) {
    frames_NYXC = frames_NYXC.index_select(1, nearest_indices(in_height, height))
                      .index_select(2, nearest_indices(in_width, width));
  } else {
    const bool is_rows_first =
        height < in_height && in_height - height > 2 * (in_width - width);
    if (is_rows_first) {
      frames_NYXC = resize_rows(frames_NYXC, height, interpolation);
    }
    if (in_width != width) {
      frames_NYXC = resize_columns(frames_NYXC, width, interpolation);
    }
    if (!is_rows_first && in_height != height) {
      frames_NYXC = resize_rows(frames_NYXC, height, interpolation);
    }
  }
  return pixels.dim() == 3 ? frames_NYXC.squeeze(0) : frames_NYXC;
}

} // namespace omni
