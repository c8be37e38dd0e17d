// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/log_mel.h"

#include <torch/torch.h>

#include "omni/core/mel_filters.h"
#include "tests/support/catch.h"

namespace omni {

// Numbers of librosa 0.11, filters.mel(sr=16000, n_fft=640, n_mels=80, norm="slaney").
TEST_CASE("mel filters equal librosa's") {
  const at::Tensor slaney = mel_filter_bank({});
  REQUIRE(slaney.sizes() == at::IntArrayRef({80, 321}));
  CHECK(slaney[0][1].item<float>() == Approx(0.0180276483).epsilon(1e-5));
  CHECK(slaney[0][2].item<float>() == Approx(0.0176515337).epsilon(1e-5));
  CHECK(slaney[3][5].item<float>() == Approx(0.0095779961).epsilon(1e-5));
  CHECK(slaney[40][90].item<float>() == 0.0F);
  CHECK(slaney[79][310].item<float>() == Approx(0.00280474406).epsilon(1e-5));
  CHECK(slaney.sum().item<float>() == Approx(3.19773436).epsilon(1e-5));

  const at::Tensor htk = mel_filter_bank({.is_slaney = false});
  CHECK(htk[0][1].item<float>() == Approx(0.0388878323).epsilon(1e-5));
  CHECK(htk[79][315].item<float>() == Approx(0.00178739545).epsilon(1e-5));
  CHECK(htk.sum().item<float>() == Approx(3.19744062).epsilon(1e-5));

  const at::Tensor other = mel_filter_bank(
      {.sample_rate_hz = 24000,
       .fft_size = 1024,
       .num_mels = 20,
       .min_hz = 50.0,
       .max_hz = 7600.0});
  CHECK(other[0][10].item<float>() == Approx(0.00484195445).epsilon(1e-5));
  CHECK(other[10][86].item<float>() == Approx(0.00107517466).epsilon(1e-5));
  CHECK(other.sum().item<float>() == Approx(0.853368044).epsilon(1e-5));
}

TEST_CASE("mel filters refuse impossible limits") {
  CHECK_THROWS_WITH(
      mel_filter_bank({.max_hz = 9000.0}),
      omni::testing::Contains(
          "[mel_filters] expected 0 <= min_hz < max_hz <= 8000, got 0 and 9000."));
  CHECK_THROWS_AS(mel_filter_bank({.num_mels = 0}), c10::ValueError);
}

TEST_CASE("a sine lands in the band of its frequency with its height") {
  const VocoderOptions options;
  const double hz = 1000.0;
  const at::Tensor t = at::arange(8000, at::kDouble) / 16000.0;
  const at::Tensor wave = (0.5 * at::sin(t * (2.0 * M_PI * hz))).to(at::kFloat);
  const at::Tensor mel = log_mel_of(wave.unsqueeze(0), options);
  REQUIRE(mel.sizes() == at::IntArrayRef({1, 50, 80}));
  // A Hann window of 640 gives magnitude 0.5 * 640 / 4 = 80 at bin 40, half at 39, 41.
  const at::Tensor filters = mel_filters_of(options);
  const at::Tensor expected =
      (80.0 * filters.select(1, 40) + 40.0 * filters.select(1, 39) +
       40.0 * filters.select(1, 41))
          .clamp_min(options.floor)
          .log();
  CHECK(at::allclose(mel[0][25], expected, 1e-3, 2e-2));
  CHECK(mel[0][25].argmax().item<int64_t>() == expected.argmax().item<int64_t>());
  const at::Tensor silence = log_mel_of(at::zeros({1, 800}), options);
  CHECK(at::allclose(silence, at::full_like(silence, std::log(options.floor))));
}

TEST_CASE("inverted mel has the mel it came from and no negative magnitude") {
  const VocoderOptions options;
  at::manual_seed(7);
  const at::Tensor filters = mel_filters_of(options);
  const at::Tensor truth = (at::randn({6, 321}) - 2.0).exp();
  const at::Tensor mel = truth.matmul(filters.t()).log();
  const at::Tensor magnitudes = magnitudes_from_log_mel(mel, options);
  REQUIRE(magnitudes.sizes() == truth.sizes());
  CHECK(magnitudes.min().item<float>() >= 0.0F);
  const at::Tensor again = magnitudes.matmul(filters.t()).log();
  CHECK((again - mel).abs().mean().item<float>() < 0.01F);
}

} // namespace omni
