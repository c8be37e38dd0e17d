// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/image_io.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <string>

#include <ATen/ops/empty.h>

#include "encoders/media/byte_source.h"
#include "encoders/media/image_header.h"
#include "encoders/media/jpeg_decoder.h"
#include "encoders/media/orientation.h"
#include "encoders/media/quiet_call.h"

namespace omni {

namespace {

// Decoded samples of 8 or 16 bits, as 8 bits; rounded, so that white stays white.
inline int to_8_bits(uint8_t sample) {
  return sample;
}
inline int to_8_bits(uint16_t sample) {
  return (sample + 128) / 257;
}

inline uint8_t over_white(int value, int alpha) {
  return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

// OpenCV leaves the low bits of 5-bit channels empty; white must be 255.
bool has_narrow_channels(const ImageHeader& header) {
  return header.kind == MediaKind::Bmp && header.bits == 16;
}

// OpenCV's BGR rows with 1, 3 or 4 channels -> RGB without alpha.
template <typename T>
void to_rgb(const cv::Mat& decoded, const ImageHeader& header, uint8_t* out) {
  const int num_channels = decoded.channels();
  const bool is_narrow = has_narrow_channels(header);
  const auto widened = [is_narrow](T sample) {
    const int value = to_8_bits(sample);
    return is_narrow ? value | value >> 5 : value;
  };
  // OpenCV widens grey of less than 8 bits; so is the value that stands for clear.
  int clear_grey = -1;
  if (header.transparent_grey) {
    clear_grey = *header.transparent_grey;
    if (header.bits < 8) {
      clear_grey = clear_grey * 255 / ((1 << header.bits) - 1);
    }
  }
  for (int y = 0; y < decoded.rows; ++y) {
    const T* row = decoded.ptr<T>(y);
    for (int x = 0; x < decoded.cols; ++x, row += num_channels, out += 3) {
      if (num_channels == 1) {
        const bool is_clear = static_cast<int>(row[0]) == clear_grey;
        out[0] = out[1] = out[2] =
            static_cast<uint8_t>(is_clear ? 255 : to_8_bits(row[0]));
        continue;
      }
      const int alpha = num_channels == 4 && header.has_alpha ? to_8_bits(row[3]) : 255;
      out[0] = over_white(widened(row[2]), alpha);
      out[1] = over_white(widened(row[1]), alpha);
      out[2] = over_white(widened(row[0]), alpha);
    }
  }
}

// By OpenCV's vector code where nothing but the order of the channels changes.
void write_rgb(const cv::Mat& decoded, const ImageHeader& header, uint8_t* out) {
  if (decoded.type() == CV_8UC3 && !has_narrow_channels(header)) {
    cv::Mat rgb(decoded.rows, decoded.cols, CV_8UC3, out);
    cv::cvtColor(decoded, rgb, cv::COLOR_BGR2RGB);
  } else if (decoded.depth() == CV_8U) {
    to_rgb<uint8_t>(decoded, header, out);
  } else {
    to_rgb<uint16_t>(decoded, header, out);
  }
}

cv::Mat decode_pixels(
    std::string_view input,
    const ImageHeader& header,
    const MediaName& name) {
  const cv::Mat buffer(
      1, static_cast<int>(input.size()), CV_8UC1, const_cast<char*>(input.data()));
  cv::Mat decoded;
  std::string cause;
  try {
    call_quietly([&] { decoded = cv::imdecode(buffer, cv::IMREAD_UNCHANGED); });
  } catch (const cv::Exception& error) {
    cause = " (" + error.err + ")";
  }
  const bool has_size = decoded.cols == header.width && decoded.rows == header.height;
  const int depth = decoded.depth();
  const int channels = decoded.channels();
  if (decoded.empty() || !has_size || (depth != CV_8U && depth != CV_16U) ||
      (channels != 1 && channels != 3 && channels != 4)) {
    name.fail_expected(
        describe(header.kind) + " that can be decoded", "damaged data" + cause);
  }
  return decoded;
}

Image decode(std::string_view bytes, const MediaBudget& budget, const MediaName& name) {
  const ImageHeader header = parse_image_header(bytes, budget, name);
  const std::string_view input =
      header.stripped.empty() ? bytes : std::string_view(header.stripped);
  at::Tensor pixels = at::empty({header.height, header.width, 3}, at::kByte);
  auto* rgb = pixels.data_ptr<uint8_t>();
  if (header.kind == MediaKind::Jpeg) {
    decode_jpeg(input, header, name, rgb);
  } else {
    write_rgb(decode_pixels(input, header, name), header, rgb);
  }
  const Orientation orientation = orientation_from_exif(header.orientation);
  return {oriented(pixels, orientation).contiguous(), name.subject};
}

} // namespace

Image read_image(const std::filesystem::path& path, const MediaBudget& budget) {
  const MediaName name{"read_image", path.string()};
  return decode(read_media_file(path, budget, name), budget, name);
}

Image decode_image(
    std::string_view bytes,
    const std::string& name,
    const MediaBudget& budget) {
  const MediaName media{"decode_image", name};
  const auto source = make_byte_source(bytes, budget, media); // checks the size
  return decode(bytes, budget, media);
}

} // namespace omni
