// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/image_io.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>

#include <ATen/ops/empty.h>

#include "encoders/media/byte_source.h"
#include "encoders/media/image_header.h"
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

// Note [What libjpeg says]
// Where the data of a JPEG end early or make no sense, libjpeg paints the rest by
// guessing and says so: by printing, through OpenCV, and only the first time in a file.
// Whatever it says first therefore counts, for it may hide the rest, except of padding
// between the last row and the end marker, which some cameras leave there: all pixels
// are decoded by then. Harmless remarks about headers do not get here, since
// parse_jpeg_header() puts right what they would be about.
// A progressive JPEG that was cut between two scans and ended anew is a whole, coarser
// picture by the standard: nothing can tell.
bool is_about_padding(const std::string& line, std::string_view jpeg) {
  size_t count = 0;
  if (std::sscanf(line.c_str(), "Corrupt JPEG data: %zu extraneous", &count) != 1 ||
      !line.ends_with("bytes before marker 0xd9") || count + 2 > jpeg.size()) {
    return false;
  }
  // Anything else there are data that were passed over.
  const std::string_view padding = jpeg.substr(jpeg.size() - 2 - count, count);
  return std::all_of(padding.begin(), padding.end(), [](char byte) {
    return byte == '\0' || byte == '\xFF';
  });
}

std::string remark_of_libjpeg(const std::string& heard, std::string_view jpeg) {
  std::istringstream lines(heard);
  for (std::string line; std::getline(lines, line);) {
    const bool is_log = line.starts_with("["); // of OpenCV itself
    if (!line.empty() && !is_log && !is_about_padding(line, jpeg)) {
      return line;
    }
  }
  return "";
}

// By OpenCV's vector code where nothing but the order of the channels changes.
void write_rgb(const cv::Mat& decoded, const ImageHeader& header, at::Tensor& pixels) {
  auto* out = pixels.data_ptr<uint8_t>();
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
    std::string_view bytes,
    const ImageHeader& header,
    const MediaName& name) {
  const std::string_view input =
      header.stripped.empty() ? bytes : std::string_view(header.stripped);
  const cv::Mat buffer(
      1, static_cast<int>(input.size()), CV_8UC1, const_cast<char*>(input.data()));
  cv::Mat decoded;
  std::string cause;
  std::string heard;
  try {
    heard = call_quietly([&] { decoded = cv::imdecode(buffer, cv::IMREAD_UNCHANGED); });
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
  if (header.kind == MediaKind::Jpeg) {
    if (const std::string remark = remark_of_libjpeg(heard, input); !remark.empty()) {
      name.fail_expected(
          "a JPEG picture whose data are whole", "'" + remark + "'",
          "The file is truncated or damaged.");
    }
  }
  return decoded;
}

Image decode(std::string_view bytes, const MediaBudget& budget, const MediaName& name) {
  const ImageHeader header = parse_image_header(bytes, budget, name);
  const cv::Mat decoded = decode_pixels(bytes, header, name);
  at::Tensor pixels = at::empty({decoded.rows, decoded.cols, 3}, at::kByte);
  write_rgb(decoded, header, pixels);
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
