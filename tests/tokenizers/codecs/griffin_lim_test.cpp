// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include "tests/support/catch.h"
#include "tokenizers/log_mel.h"

namespace omni {
namespace {

// Half a second of "a": harmonics of a falling 130 Hz voice under formants at 700,
// 1,200 and 2,600 Hz, with a soft start and end.
at::Tensor vowel() {
  const at::Tensor t = at::arange(8000, at::kDouble) / 16000.0;
  const at::Tensor phase = (t * 130.0 - t.square() * 30.0) * (2.0 * M_PI);
  at::Tensor wave = at::zeros_like(t);
  for (int harmonic = 1; harmonic * 130 < 7000; ++harmonic) {
    const double hz = harmonic * 130.0;
    double gain = 0.0;
    for (const auto& [centre, width, height] :
         {std::tuple{700.0, 130.0, 1.0}, {1200.0, 150.0, 0.5}, {2600.0, 250.0, 0.2}}) {
      gain += height / (1.0 + std::pow((hz - centre) / width, 2.0));
    }
    wave = wave + gain * at::sin(phase * harmonic);
  }
  const at::Tensor envelope = at::sin(t * (2.0 * M_PI)).clamp_min(0.0).sqrt();
  return (0.15 * wave * envelope).to(at::kFloat);
}

} // namespace

TEST_CASE("Griffin-Lim speaks a vowel whose mel is the one asked for") {
  const VocoderOptions options;
  const at::Tensor mel = log_mel_of(vowel().unsqueeze(0), options).squeeze(0);
  const at::Tensor samples = griffin_lim(mel, options, 60);
  REQUIRE(samples.sizes() == at::IntArrayRef({8000}));
  CHECK(samples.abs().max().item<float>() <= 1.0F);
  const at::Tensor again = log_mel_of(samples.unsqueeze(0), options).squeeze(0);
  // In natural-log units where there is sound: 0.3 is 2.6 dB.
  const at::Tensor is_loud = mel > -4.0;
  const at::Tensor error = (again - mel).abs().masked_select(is_loud).mean();
  CHECK(error.item<float>() < 0.3F);

  SECTION("iterations help") {
    const at::Tensor rough = griffin_lim(mel, options, 0);
    const at::Tensor rough_mel = log_mel_of(rough.unsqueeze(0), options).squeeze(0);
    const at::Tensor rough_error =
        (rough_mel - mel).abs().masked_select(is_loud).mean();
    CHECK(error.item<float>() < 0.5F * rough_error.item<float>());
  }
}

TEST_CASE("Griffin-Lim repeats itself and leaves the global generator alone") {
  const VocoderOptions options;
  const at::Tensor mel = log_mel_of(vowel().unsqueeze(0), options).squeeze(0);
  at::manual_seed(1);
  const at::Tensor first = griffin_lim(mel, options, 4);
  const at::Tensor drawn = at::rand({3});
  at::manual_seed(1);
  const at::Tensor expected = at::rand({3});
  at::manual_seed(2);
  CHECK(at::equal(first, griffin_lim(mel, options, 4)));
  CHECK(at::equal(drawn, expected));
}

TEST_CASE("Griffin-Lim takes any length and refuses other shapes") {
  const VocoderOptions options;
  CHECK(griffin_lim(at::full({0, 80}, -9.0), options).size(0) == 0);
  const at::Tensor silence = griffin_lim(at::full({1, 80}, std::log(1e-4)), options);
  REQUIRE(silence.size(0) == 160);
  CHECK(silence.abs().max().item<float>() < 1e-2F);
  CHECK_THROWS_WITH(
      griffin_lim(at::zeros({4, 40}), options),
      omni::testing::Contains("[griffin_lim] expected `mel` [-1, 80], got [4, 40]."));
  CHECK_THROWS_AS(griffin_lim(at::zeros({4, 80}), options, -1), c10::ValueError);
}

} // namespace omni
