// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/vocoder.h"

#include <torch/torch.h>

#include "tests/support/catch.h"
#include "tokenizers/log_mel.h"

namespace omni {
namespace {

VocoderOptions tiny() {
  return {
      .sample_rate_hz = 4000,
      .fft_size = 128,
      .hop = 32,
      .num_mels = 16,
      .max_hz = 2000.0,
      .width = 32,
      .inner_width = 64,
      .num_blocks = 2,
      .kernel_size = 3};
}

// Two notes with harmonics, [2, S] at 4 kHz.
at::Tensor notes(int64_t num_samples) {
  const at::Tensor t = at::arange(num_samples, at::kFloat) / 4000.0;
  std::vector<at::Tensor> waves;
  for (const double hz : {180.0, 260.0}) {
    at::Tensor wave = at::zeros_like(t);
    for (int harmonic = 1; harmonic < 6; ++harmonic) {
      wave = wave + at::sin(t * (2.0 * M_PI * hz * harmonic)) * (0.2 / harmonic);
    }
    waves.push_back(wave);
  }
  return at::stack(waves);
}

at::Tensor sum_of_terms(const CodecLosses& losses) {
  at::Tensor sum = at::zeros({});
  for (const auto& [name, term] : losses.terms) {
    sum = sum + term;
  }
  return sum;
}

} // namespace

TEST_CASE("a vocoder gives one hop of samples for every frame") {
  at::manual_seed(14);
  Vocoder vocoder(tiny());
  for (const int64_t num_frames : {0, 1, 7}) {
    const at::Tensor samples = vocoder(at::randn({2, num_frames, 16}) - 4.0);
    CHECK(samples.sizes() == at::IntArrayRef({2, num_frames * 32}));
    CHECK(samples.scalar_type() == at::kFloat);
    if (num_frames > 0) {
      CHECK(samples.abs().max().item<float>() <= 1.0F);
    }
  }
  CHECK(Vocoder(VocoderOptions{})->context_frames() == 20);
}

TEST_CASE("an untrained vocoder already has the loudness that the mel tells") {
  at::manual_seed(15);
  const VocoderOptions options = tiny();
  Vocoder vocoder(options);
  const at::Tensor wave = notes(3200);
  for (const double gain : {1.0, 0.1}) {
    const at::Tensor mel = log_mel_of(wave * gain, options);
    const at::Tensor made = log_mel_of(vocoder(mel), options);
    // Phases are arbitrary yet, which spreads and cancels: within 2 nepers on average.
    CHECK((made - mel).abs().mean().item<float>() < 2.0F);
  }
}

TEST_CASE("samples of a frame depend on context_frames either side and no more") {
  at::manual_seed(16);
  Vocoder vocoder(tiny());
  const torch::NoGradGuard no_grad;
  const int64_t context = vocoder->context_frames();
  REQUIRE(context == 4);
  const at::Tensor mel = at::randn({1, 19, 16}) - 4.0;
  at::Tensor other = mel.clone();
  other[0][9] += 2.0;
  const at::Tensor change =
      (vocoder(other) - vocoder(mel)).abs().view({19, 32}).amax(1);
  for (int64_t t = 0; t < 19; ++t) {
    CAPTURE(t);
    if (std::abs(t - 9) > context) {
      CHECK(change[t].item<float>() < 1e-6F);
    }
  }
  CHECK(change[9 - context].item<float>() > 1e-6F);
}

TEST_CASE("training on a batch makes the vocoder reproduce it") {
  at::manual_seed(17);
  const VocoderOptions options = tiny();
  Vocoder vocoder(options);
  const at::Tensor wave = notes(1920);
  const at::Tensor mel = log_mel_of(wave, options);
  torch::optim::AdamW optimizer(
      vocoder->parameters(), torch::optim::AdamWOptions(4e-3));
  const double first = sum_of_terms(vocoder->losses(mel, wave)).item<double>();
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    sum_of_terms(vocoder->losses(mel, wave)).backward();
    optimizer.step();
  }
  const CodecLosses after = vocoder->losses(mel, wave);
  // Magnitudes come fast, phases slowly: 0.63 is reached here.
  CHECK(sum_of_terms(after).item<double>() < 0.7 * first);
  CHECK(after.figures[0].first == "mel_l1");
  CHECK(after.figures[1].first == "log_spectral_distance");
  CHECK_FALSE(after.figures[1].second.requires_grad());
}

TEST_CASE("a vocoder of bfloat16 parameters still speaks in float32") {
  at::manual_seed(18);
  Vocoder vocoder(tiny());
  const torch::NoGradGuard no_grad;
  const at::Tensor mel = at::randn({1, 6, 16}) - 4.0;
  vocoder->to(at::kBFloat16);
  const at::Tensor low = vocoder(mel);
  vocoder->to(at::kFloat); // the parameters stay rounded
  CHECK(at::allclose(vocoder(mel), low, 1e-5, 1e-5));
}

TEST_CASE("the vocoder names what it cannot take") {
  Vocoder vocoder(tiny());
  CHECK_THROWS_WITH(
      vocoder(at::zeros({1, 4, 80})),
      omni::testing::Contains(
          "[vocoder] expected `mel` [-1, -1, 16], got [1, 4, 80]."));
  CHECK_THROWS_WITH(
      vocoder->losses(at::zeros({1, 4, 16}), at::zeros({1, 127})),
      omni::testing::Contains("[vocoder] expected `samples` [1, 128], got [1, 127]."));
  VocoderOptions options = tiny();
  options.hop = 48;
  CHECK_THROWS_WITH(
      Vocoder(options),
      omni::testing::Contains(
          "[vocoder] expected an even fft_size that is a multiple of hop"));
}

} // namespace omni
