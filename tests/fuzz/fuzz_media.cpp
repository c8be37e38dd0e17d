// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cstdlib>
#include <vector>

#include "encoders/media/byte_source.h"
#include "encoders/media/container_check.h"
#include "encoders/media/exif.h"
#include "encoders/media/image_header.h"
#include "encoders/media/sniff.h"
#include "encoders/media/wav.h"
#include "omni/core/errors.h"
#include "tests/fuzz/fuzz.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  const float samples[] = {0.0F, 0.5F, -0.5F, 1.0F, -1.0F};
  return {
      make_wav(samples, 5, 16'000, SampleFormat::Int16),
      make_wav(samples, 5, 16'000, SampleFormat::Int24),
      make_wav(samples, 5, 48'000, SampleFormat::Float32)};
}

} // namespace omni::fuzz

namespace {

using omni::MediaBudget;
using omni::MediaKind;

const omni::MediaName kName = {"fuzz", "input"};

template <class Parse>
void expect_io_errors_only(const Parse& parse) {
  try {
    parse();
  } catch (const omni::IoError&) {
  }
}

void check_wav(std::string_view bytes) {
  const omni::WavHeader header = omni::parse_wav_header(bytes, kName);
  const size_t end = header.data_offset +
      static_cast<size_t>(header.num_frames * header.num_channels * (header.bits / 8));
  if (header.num_frames < 0 || end > bytes.size()) {
    std::abort();
  }
  std::vector<float> samples(static_cast<size_t>(header.num_frames));
  omni::wav_to_mono(bytes, header, kName, samples.data());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = omni::fuzz::as_bytes(data, size);
  const MediaBudget budget;
  const MediaKind kind = omni::sniff(bytes);
  if (omni::describe(kind).empty()) {
    std::abort();
  }
  expect_io_errors_only([&] {
    const omni::ImageHeader header = omni::parse_image_header(bytes, budget, kName);
    if (header.width < 1 || header.height < 1 || header.orientation < 1 ||
        header.orientation > 8) {
      std::abort();
    }
  });
  const int orientation = omni::exif_orientation(bytes);
  if (orientation < 1 || orientation > 8) {
    std::abort();
  }
  expect_io_errors_only([&] { check_wav(bytes); });
  expect_io_errors_only([&] {
    const auto source = omni::make_byte_source(bytes, budget, kName);
    omni::check_container(*source, kind, kName);
  });
  return 0;
}
