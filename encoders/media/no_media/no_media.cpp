// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Stands in for encoders/media in a build without media libraries: every function
// says how to get one with them.
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"

namespace omni {

namespace {

[[noreturn]] void fail(const char* component) {
  C10_THROW_ERROR(
      NotImplementedError,
      c10::str(
          "[", component,
          "] expected a build with media, got one without. Install FFmpeg, OpenCV and ",
          "libjpeg-turbo and configure with -DOMNI_MEDIA=ON."));
}

} // namespace

Image read_image(const std::filesystem::path& /*path*/, const MediaBudget& /*budget*/) {
  fail("read_image");
}

Image decode_image(
    std::string_view /*bytes*/,
    const std::string& /*name*/,
    const MediaBudget& /*budget*/) {
  fail("decode_image");
}

void write_image(const Image& /*image*/, const std::filesystem::path& /*path*/) {
  fail("write_image");
}

std::string encode_png(const Image& /*image*/) {
  fail("encode_png");
}

std::string encode_jpeg(const Image& /*image*/, int /*quality*/) {
  fail("encode_jpeg");
}

Waveform read_audio(
    const std::filesystem::path& /*path*/,
    const MediaBudget& /*budget*/) {
  fail("read_audio");
}

Waveform decode_audio(
    std::string_view /*bytes*/,
    const std::string& /*name*/,
    const MediaBudget& /*budget*/) {
  fail("decode_audio");
}

Waveform resample(const Waveform& /*waveform*/, int64_t /*rate_hz*/) {
  fail("resample");
}

void write_audio(
    const Waveform& /*waveform*/,
    const std::filesystem::path& /*path*/,
    SampleFormat /*format*/) {
  fail("write_audio");
}

std::string encode_wav(const Waveform& /*waveform*/, SampleFormat /*format*/) {
  fail("encode_wav");
}

std::string encode_flac(const Waveform& /*waveform*/, SampleFormat /*format*/) {
  fail("encode_flac");
}

VideoClip read_video(
    const std::filesystem::path& /*path*/,
    const VideoOptions& /*options*/,
    const MediaBudget& /*budget*/) {
  fail("read_video");
}

VideoClip decode_video(
    std::string_view /*bytes*/,
    const std::string& /*name*/,
    const VideoOptions& /*options*/,
    const MediaBudget& /*budget*/) {
  fail("decode_video");
}

} // namespace omni
