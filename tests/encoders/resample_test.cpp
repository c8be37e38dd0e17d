// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cmath>
#include <numbers>
#include <utility>

#include "encoders/audio_processor.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;

namespace {

at::Tensor tone(double hz, int64_t rate_hz, int64_t num_samples) {
  return at::arange(num_samples, at::kDouble)
      .mul(2.0 * std::numbers::pi * hz / static_cast<double>(rate_hz))
      .add(0.3)
      .sin()
      .to(at::kFloat);
}

// What lies further than 60 ms from both ends.
at::Tensor inner(const at::Tensor& samples, int64_t rate_hz) {
  const int64_t margin = rate_hz * 6 / 100;
  return samples.narrow(0, margin, samples.numel() - 2 * margin);
}

} // namespace

TEST_CASE("a tone stays the same tone at another rate", "[resample]") {
  // 44099 and 16001 share no divisor: their filters are made as they are needed.
  const auto [from, to] = GENERATE(
      std::pair<int64_t, int64_t>{44100, 16000},
      std::pair<int64_t, int64_t>{16000, 44100},
      std::pair<int64_t, int64_t>{8000, 16000},
      std::pair<int64_t, int64_t>{48000, 16000},
      std::pair<int64_t, int64_t>{22050, 16000},
      std::pair<int64_t, int64_t>{11025, 11024},
      std::pair<int64_t, int64_t>{16001, 7919});
  const auto lower = static_cast<double>(std::min(from, to));
  for (const double share : {0.01, 0.2, 0.42, 0.45}) { // of the lower rate
    const double hz = share * lower;
    const at::Tensor got = resample_samples(tone(hz, from, from / 5), from, to);
    CAPTURE(from, to, hz);
    REQUIRE(got.numel() == (from / 5 * to + from - 1) / from);
    const at::Tensor expected = tone(hz, to, got.numel());
    CHECK(
        omni::testing::max_difference(inner(got, to), inner(expected, to)) <
        (share < 0.45 ? 1e-4 : 1e-3));
  }
}

TEST_CASE("what the lower rate cannot hold is gone", "[resample]") {
  const at::Tensor got = resample_samples(tone(8100.0, 44100, 20000), 44100, 16000);
  CHECK(inner(got, 16000).abs().max().item<float>() < 1e-4f); // -80 dB
}

TEST_CASE("a constant stays a constant", "[resample]") {
  const at::Tensor got = resample_samples(at::full({4000}, 0.7f), 12000, 16000);
  CHECK(
      omni::testing::max_difference(
          inner(got, 16000), at::full_like(inner(got, 16000), 0.7)) < 1e-6);
}

TEST_CASE("resample_samples is linear, repeatable and never late", "[resample]") {
  at::Tensor click = at::zeros({2001});
  click[1000] = 1.0f;
  const at::Tensor up = resample_samples(click, 16000, 48000);
  CHECK(up.abs().argmax().item<int64_t>() == 3000);
  CHECK(at::equal(up, resample_samples(click, 16000, 48000)));
  CHECK(omni::testing::max_difference(up, up.flip({0}).roll(-2)) < 1e-6); // symmetric
}

TEST_CASE("resample_samples of nothing, of little, of the same rate", "[resample]") {
  const at::Tensor samples = tone(100.0, 8000, 50);
  CHECK(resample_samples(samples, 8000, 8000).is_same(samples));
  CHECK(resample_samples(samples.narrow(0, 0, 0), 8000, 16000).numel() == 0);
  CHECK(resample_samples(samples.narrow(0, 0, 1), 8000, 16000).numel() == 2);
  CHECK(resample_samples(samples.narrow(0, 0, 1), 48000, 16000).numel() == 1);
}

TEST_CASE("resample_samples says what is wrong", "[resample]") {
  CHECK_THROWS_WITH(
      resample_samples(at::zeros({5}, at::kDouble), 8000, 16000),
      Contains("[resample_samples] expected samples float32 [S], got Double"));
  CHECK_THROWS_WITH(
      resample_samples(at::zeros({2, 5}), 8000, 16000), Contains("`samples`"));
  CHECK_THROWS_WITH(
      resample_samples(at::zeros({5}), 0, 16000), Contains("got 0 Hz to 16000 Hz"));
  CHECK_THROWS_WITH(
      resample_samples(at::zeros({5}), 1, 16000),
      Contains("less than 256 times apart"));
}
