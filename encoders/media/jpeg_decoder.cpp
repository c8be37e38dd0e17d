// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/jpeg_decoder.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace omni {

namespace {

// Note [What libjpeg says]
// Where the data of a JPEG end early or make no sense, libjpeg paints the rest by
// guessing and remarks upon it; what it remarks first is kept. That counts, for it may
// hide the rest, except of padding between the last row and the end marker, which some
// cameras leave there: all pixels are decoded by then. Harmless remarks about headers
// do not get here, since parse_jpeg_header() puts right what they would be about.
// A progressive JPEG that was cut between two scans and ended anew is a whole, coarser
// picture by the standard: nothing can tell.
bool is_about_padding(const std::string& remark, std::string_view jpeg) {
  size_t count = 0;
  if (std::sscanf(remark.c_str(), "Corrupt JPEG data: %zu extraneous", &count) != 1 ||
      !remark.ends_with("bytes before marker 0xd9") || count + 2 > jpeg.size()) {
    return false;
  }
  // Anything else there are data that were passed over.
  const std::string_view padding = jpeg.substr(jpeg.size() - 2 - count, count);
  return std::all_of(padding.begin(), padding.end(), [](char byte) {
    return byte == '\0' || byte == '\xFF';
  });
}

// Adobe's inks are stored inverted: each leaves that share of the light.
void inks_to_rgb(const std::vector<uint8_t>& inks, uint8_t* rgb) {
  for (size_t at = 0; at < inks.size(); at += 4, rgb += 3) {
    for (size_t channel = 0; channel < 3; ++channel) {
      rgb[channel] =
          static_cast<uint8_t>((inks[at + channel] * inks[at + 3] + 127) / 255);
    }
  }
}

} // namespace

void decode_jpeg(
    std::string_view jpeg,
    const ImageHeader& header,
    const MediaName& name,
    uint8_t* rgb) {
  const auto free_decoder = [](tjhandle decoder) { tjDestroy(decoder); };
  const std::unique_ptr<void, decltype(free_decoder)> decoder(
      tjInitDecompress(), free_decoder);
  if (!decoder) {
    name.fail_expected("memory for a JPEG decoder", tjGetErrorStr2(nullptr));
  }
  const bool has_inks = header.num_channels == 4;
  std::vector<uint8_t> inks(has_inks ? header.width * header.height * 4 : 0);
  const int status = tjDecompress2(
      decoder.get(), reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size(),
      has_inks ? inks.data() : rgb, static_cast<int>(header.width), 0,
      static_cast<int>(header.height), has_inks ? TJPF_CMYK : TJPF_RGB,
      TJFLAG_LIMITSCANS);
  if (status != 0) {
    const std::string remark = tjGetErrorStr2(decoder.get());
    if (!is_about_padding(remark, jpeg)) {
      name.fail_expected(
          "a JPEG picture whose data are whole", "'" + remark + "'",
          "The file is truncated or damaged.");
    }
  }
  if (has_inks) {
    inks_to_rgb(inks, rgb);
  }
}

} // namespace omni
