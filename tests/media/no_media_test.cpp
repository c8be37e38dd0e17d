// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// A build without media links, and says what is missing.
#include <ATen/ATen.h>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "tests/support/catch.h"

using namespace omni;

TEST_CASE("without media every function says how to get it") {
  const auto check = [](const std::string& component, const auto& call) {
    CAPTURE(component);
    CHECK_THROWS_AS(call(), c10::NotImplementedError);
    CHECK_THROWS_WITH(
        call(),
        omni::testing::Contains("[" + component + "] expected a build with media") &&
            omni::testing::Contains("-DOMNI_MEDIA=ON"));
  };
  const Image image{at::zeros({1, 1, 3}, at::kByte), ""};
  const Waveform sound{at::zeros({1}), 8000, ""};
  check("read_image", [] { return read_image("a.png"); });
  check("decode_image", [] { return decode_image(""); });
  check("write_image", [&] { write_image(image, "a.png"); });
  check("encode_png", [&] { return encode_png(image); });
  check("encode_jpeg", [&] { return encode_jpeg(image); });
  check("read_audio", [] { return read_audio("a.wav"); });
  check("decode_audio", [] { return decode_audio(""); });
  check("resample", [&] { return resample(sound, 16000); });
  check("write_audio", [&] { write_audio(sound, "a.wav"); });
  check("encode_wav", [&] { return encode_wav(sound); });
  check("encode_flac", [&] { return encode_flac(sound); });
  check("read_video", [] { return read_video("a.mp4"); });
  check("decode_video", [] { return decode_video(""); });
}
