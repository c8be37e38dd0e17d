// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/audio_processor.h"

#include <cmath>
#include <numbers>

#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using omni::testing::max_difference;

namespace {

constexpr double kTau = 2.0 * std::numbers::pi;

// As `sound` in tests/golden/make_mel_golden.py.
at::Tensor sound(int64_t num_samples = 8000) {
  at::Tensor samples = at::zeros({num_samples}, at::kFloat);
  auto* data = samples.mutable_data_ptr<float>();
  for (int64_t i = 0; i < num_samples; ++i) {
    const auto n = static_cast<double>(i);
    double value = 0.4 * std::sin(kTau * 440.0 * n / 16000);
    value += 0.3 * std::sin(kTau * (200.0 + 0.3 * n) * n / 16000);
    value += 0.1 * (static_cast<double>(i * 7919 % 1000) / 1000.0 - 0.5);
    data[i] = i >= 3000 && i < 4500 ? 0.0f : static_cast<float>(value);
  }
  return samples;
}

AudioProcessorOptions whisper() {
  AudioProcessorOptions options;
  options.fft_size = 400;
  options.log_scale = LogScale::Whisper;
  options.power = 2.0;
  options.floor = 1e-10;
  return options;
}

} // namespace

TEST_CASE("log-mel frames equal the definitions", "[audio_processor]") {
  AudioProcessorOptions htk;
  htk.fft_size = 512;
  htk.num_mels = 24;
  htk.max_hz = 7600.0;
  htk.mel_scale = MelScale::Htk;
  htk.power = 2.0;
  htk.floor = 1e-6;
  omni::testing::GoldenReader golden("mel.bin", at::kFloat);
  for (const auto& options : {whisper(), AudioProcessorOptions{}, htk}) {
    const at::Tensor expected = golden.next({50, options.num_mels});
    const at::Tensor got = AudioProcessor(options).process({sound(), 16000, ""});
    CAPTURE(options.fft_size);
    REQUIRE(got.sizes() == expected.sizes());
    CHECK(max_difference(got, expected) < 1e-4);
  }
  CHECK(golden.is_empty());
}

TEST_CASE("the number of frames is S / hop, at least one", "[audio_processor]") {
  const AudioProcessor processor{AudioProcessorOptions{}};
  for (const int64_t num_samples : {1, 2, 159, 160, 319, 320, 321, 1599, 1600, 1601}) {
    const at::Tensor mel = processor.process({sound(num_samples), 16000, ""});
    CAPTURE(num_samples);
    CHECK(mel.size(0) == std::max<int64_t>(num_samples / 160, 1));
    CHECK(mel.size(1) == 80);
    CHECK(mel.isfinite().all().item<bool>());
  }
}

TEST_CASE("a sound shorter than a frame is mirrored repeatedly", "[audio_processor]") {
  // The first frame of few samples, by the discrete Fourier sum itself.
  const int64_t num_samples = GENERATE(1, 2, 7, 100);
  const at::Tensor samples = sound(num_samples);
  const AudioProcessorOptions options;
  const int64_t fft = options.fft_size;
  const auto* data = samples.const_data_ptr<float>();
  std::vector<double> frame;
  for (int64_t i = 0; i < fft; ++i) {
    int64_t at = i - fft / 2;
    while (at < 0 || at >= num_samples) { // bounce off both ends
      at = at < 0 ? -at : 2 * (num_samples - 1) - at;
      if (num_samples == 1) {
        at = 0;
      }
    }
    const double window =
        0.5 - 0.5 * std::cos(kTau * static_cast<double>(i) / static_cast<double>(fft));
    frame.push_back(data[at] * window);
  }
  at::Tensor magnitudes = at::zeros({fft / 2 + 1}, at::kDouble);
  for (int64_t bin = 0; bin <= fft / 2; ++bin) {
    double real = 0.0;
    double imaginary = 0.0;
    for (int64_t i = 0; i < fft; ++i) {
      const double angle =
          kTau * static_cast<double>(bin * i % fft) / static_cast<double>(fft);
      real += frame[static_cast<size_t>(i)] * std::cos(angle);
      imaginary -= frame[static_cast<size_t>(i)] * std::sin(angle);
    }
    magnitudes[bin] = std::hypot(real, imaginary);
  }
  const at::Tensor expected =
      at::matmul(mel_filters(options).to(at::kDouble), magnitudes)
          .clamp_min(1e-4)
          .log();
  const at::Tensor got = AudioProcessor(options).process({samples, 16000, ""});
  CAPTURE(num_samples);
  CHECK(max_difference(got[0], expected) < 1e-3);
}

TEST_CASE("mel filters have area one and peak at their centre", "[audio_processor]") {
  AudioProcessorOptions options;
  options.fft_size = 16000; // bins of 1 Hz
  options.num_mels = 20;
  const at::Tensor filters_MF = mel_filters(options);
  REQUIRE(filters_MF.sizes() == at::IntArrayRef({20, 8001}));
  const at::Tensor areas_M = filters_MF.sum(1);
  CHECK(max_difference(areas_M, at::ones({20})) < 1e-3);
  // Slaney's scale is linear below 1 kHz: edges at equal steps of the first.
  const double last_mel = 15.0 + std::log(8.0) * 27.0 / std::log(6.4);
  const double step_hz = last_mel / 21.0 * 200.0 / 3.0;
  CHECK(
      static_cast<double>(filters_MF[0].argmax().item<int64_t>()) ==
      Approx(step_hz).margin(1.0));
  CHECK(
      static_cast<double>(filters_MF[2].argmax().item<int64_t>()) ==
      Approx(3.0 * step_hz).margin(1.0));
}

TEST_CASE("a batch equals its items, again and again", "[audio_processor]") {
  for (const auto& options : {whisper(), AudioProcessorOptions{}}) {
    const AudioProcessor processor(options);
    const at::Tensor samples_BS =
        at::stack({sound(), sound().flip({0}) * 0.1, sound() * 0.5});
    const at::Tensor batch = processor.log_mel(samples_BS);
    REQUIRE(batch.sizes() == at::IntArrayRef({3, 50, 80}));
    for (int64_t b = 0; b < 3; ++b) {
      const at::Tensor alone = processor.log_mel(samples_BS.narrow(0, b, 1))[0];
      CHECK(max_difference(batch[b], alone) < 1e-5);
    }
    CHECK(at::equal(batch, processor.log_mel(samples_BS)));
  }
}

TEST_CASE("a long sound is cut into pieces without a seam", "[audio_processor]") {
  const AudioProcessor processor{AudioProcessorOptions{}};
  const at::Tensor samples = sound(160 * 2500);
  const at::Tensor mel = processor.process({samples, 16000, ""});
  REQUIRE(mel.size(0) == 2500);
  // Frames around the first seam, 1024, from a cut of the sound that begins elsewhere.
  const at::Tensor cut = samples.narrow(0, 160 * 1000, 160 * 60);
  const at::Tensor part = processor.process({cut, 16000, ""});
  CHECK(max_difference(mel.narrow(0, 1004, 50), part.narrow(0, 4, 50)) < 1e-4);
}

TEST_CASE("log_mel has the slope of finite differences", "[audio_processor]") {
  const double power = GENERATE(1.0, 2.0, 1.5);
  AudioProcessorOptions options;
  options.power = power;
  const AudioProcessor processor(options);
  at::Tensor samples = sound(900).unsqueeze(0).set_requires_grad(true);
  const auto loss = [&](const at::Tensor& x) {
    const at::Tensor mel = processor.log_mel(x);
    return (mel * at::arange(mel.numel(), at::kFloat).sin().view_as(mel))
        .to(at::kDouble)
        .sum();
  };
  loss(samples).backward();
  const at::Tensor slope = samples.grad();
  const at::NoGradGuard no_grad;
  // Along a smooth direction, with a step that float32 resolves and over which the
  // logarithm of quiet bins is still straight.
  const at::Tensor direction = at::arange(900, at::kFloat).mul(0.05).cos().unsqueeze(0);
  const double step = 5e-5;
  const double expected =
      (loss(samples + step * direction) - loss(samples - step * direction))
          .item<double>() /
      (2 * step);
  CHECK((slope * direction).sum().item<double>() == Approx(expected).epsilon(0.01));
}

TEST_CASE("silence has a finite log and slope", "[audio_processor]") {
  const AudioProcessor processor{AudioProcessorOptions{}};
  at::Tensor silence = at::zeros({1, 1600}).set_requires_grad(true);
  const at::Tensor mel = processor.log_mel(silence);
  CHECK(max_difference(mel, at::full_like(mel, std::log(1e-4))) < 1e-6);
  mel.sum().backward();
  CHECK(silence.grad().abs().max().item<float>() == 0.0f);
}

TEST_CASE("another sample rate is resampled first", "[audio_processor]") {
  const AudioProcessor processor{AudioProcessorOptions{}};
  const auto tone = [](int64_t rate) {
    return at::arange(rate / 2, at::kDouble)
        .mul(kTau * 700.0 / static_cast<double>(rate))
        .sin()
        .to(at::kFloat);
  };
  const at::Tensor direct = processor.process({tone(16000), 16000, ""});
  const at::Tensor converted = processor.process({tone(22050), 22050, ""});
  REQUIRE(converted.sizes() == direct.sizes());
  // Away from the edges and above the floor of far bins.
  const at::Tensor loud = direct.narrow(0, 5, 40);
  const at::Tensor difference = (loud - converted.narrow(0, 5, 40)).abs();
  CHECK(difference.masked_select(loud > -2.0).max().item<float>() < 0.01f);
}

TEST_CASE("AudioProcessor says what is wrong", "[audio_processor]") {
  const AudioProcessor processor{AudioProcessorOptions{}};
  CHECK_THROWS_WITH(
      processor.log_mel(at::zeros({100})),
      Contains("[audio_processor] expected `samples`"));
  CHECK_THROWS_WITH(
      processor.log_mel(at::zeros({1, 100}, at::kDouble)),
      Contains("expected samples float32 [B, S]"));
  CHECK_THROWS_WITH(
      processor.log_mel(at::zeros({1, 0})), Contains("at least one sample"));
  CHECK_THROWS_WITH(
      processor.process({at::zeros({10}), 0, ""}), Contains("positive rate"));
  AudioProcessorOptions options;
  options.max_hz = 9000.0;
  CHECK_THROWS_WITH(AudioProcessor(options), Contains("0 <= min_hz < max_hz <= 8000"));
  options.max_hz = 8000.0;
  options.hop = 0;
  CHECK_THROWS_WITH(AudioProcessor(options), Contains("hop 0"));
}
