// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <c10/util/Exception.h>

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cctype>
#include <vector>

#include "encoders/media/byte_source.h"
#include "encoders/media/image_io.h"

namespace omni {

namespace {

std::string encode(
    const Image& image,
    const std::string& extension,
    const std::vector<int>& settings,
    const std::string& component) {
  check_image(image, component);
  // OpenCV keeps BGR.
  const at::Tensor bgr = image.pixels.detach().cpu().flip(2).contiguous();
  const cv::Mat pixels(
      static_cast<int>(bgr.size(0)), static_cast<int>(bgr.size(1)), CV_8UC3,
      const_cast<uint8_t*>(bgr.const_data_ptr<uint8_t>()));
  std::vector<uchar> bytes;
  bool is_encoded = false;
  std::string cause;
  try {
    is_encoded = cv::imencode(extension, pixels, bytes, settings);
  } catch (const cv::Exception& error) {
    cause = " (" + error.err + ")";
  }
  TORCH_CHECK_VALUE(
      is_encoded, "[", component, "] expected a picture that the format can hold, got ",
      image.pixels.sizes(), cause, ".");
  return {bytes.begin(), bytes.end()};
}

} // namespace

std::string encode_png(const Image& image) {
  return encode(image, ".png", {}, "encode_png");
}

std::string encode_jpeg(const Image& image, int quality) {
  TORCH_CHECK_VALUE(
      quality >= 1 && quality <= 100,
      "[encode_jpeg] expected a quality of 1 to 100, got ", quality, ".");
  return encode(image, ".jpg", {cv::IMWRITE_JPEG_QUALITY, quality}, "encode_jpeg");
}

void write_image(const Image& image, const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(
      extension.begin(), extension.end(), extension.begin(),
      [](unsigned char c) { return std::tolower(c); });
  const bool is_jpeg = extension == ".jpg" || extension == ".jpeg";
  TORCH_CHECK_VALUE(
      is_jpeg || extension == ".png",
      "[write_image] expected a path that ends in .png, .jpg or .jpeg, got '",
      path.string(), "'.");
  const std::string bytes = is_jpeg ? encode_jpeg(image) : encode_png(image);
  write_media_file(path, bytes, {"write_image", path.string()});
}

} // namespace omni
