// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Speed of the codecs on one thread: training steps (forward, backward, AdamW) and
// decoding, in processor time so that a busy machine does not count. One line a codec.
#include <torch/torch.h>

#include <ATen/autocast_mode.h>

#include <cstdio>
#include <ctime>
#include <functional>

#include "tokenizers/image_codec.h"
#include "tokenizers/vocoder.h"

namespace {

double seconds_of(const std::function<void()>& work, int repeats) {
  work();
  const std::clock_t begin = std::clock();
  for (int i = 0; i < repeats; ++i) {
    work();
  }
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / repeats;
}

template <typename Module>
std::function<void()> training_step(
    Module& module,
    std::function<omni::CodecLosses()> losses,
    bool is_bfloat16) {
  auto optimizer = std::make_shared<torch::optim::AdamW>(
      module->parameters(), torch::optim::AdamWOptions(1e-4));
  return [=] {
    optimizer->zero_grad();
    at::autocast::set_autocast_enabled(at::kCPU, is_bfloat16);
    at::Tensor loss = at::zeros({});
    for (const auto& [name, term] : losses().terms) {
      loss = loss + term;
    }
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    loss.backward();
    optimizer->step();
  };
}

void bench_image(bool is_bfloat16) {
  omni::ImageCodec codec(omni::ImageCodecOptions{});
  const at::Tensor pixels = at::rand({16, 3, 64, 64}) * 2.0 - 1.0;
  const double step = seconds_of(
      training_step(
          codec, [&] { return codec->losses(pixels); }, is_bfloat16),
      10);
  const at::Tensor codes = codec->encode(pixels);
  const double decode =
      seconds_of([&] { (void)codec->decode(codes[0].unsqueeze(0)); }, 20);
  std::printf(
      "image codec    %s  training %7.1f pictures/s   decode of one %6.1f ms\n",
      is_bfloat16 ? "bf16" : "fp32", 16.0 / step, decode * 1e3);
}

void bench_speech(bool is_bfloat16) {
  omni::SpeechCodec codec(omni::SpeechCodecOptions{});
  const at::Tensor mel = at::randn({32, 200, 80}) * 2.5 - 4.0;
  const at::Tensor lengths = at::full({32}, 200, at::kLong);
  const double step = seconds_of(
      training_step(
          codec, [&] { return codec->losses(mel, lengths); }, is_bfloat16),
      5);
  const at::Tensor codes = codec->encode(mel.slice(0, 0, 1));
  const double decode = seconds_of([&] { (void)codec->decode(codes); }, 20);
  std::printf(
      "speech codec   %s  training %7.1f s of speech/s  decode real-time factor %.4f\n",
      is_bfloat16 ? "bf16" : "fp32", 64.0 / step, decode / 2.0);
}

void bench_vocoder(bool is_bfloat16) {
  const omni::VocoderOptions options;
  omni::Vocoder vocoder(options);
  const at::Tensor mel = at::randn({16, 64, 80}) - 5.0;
  const at::Tensor samples = at::randn({16, 64 * 160}) * 0.1;
  const double step = seconds_of(
      training_step(
          vocoder, [&] { return vocoder->losses(mel, samples); }, is_bfloat16),
      5);
  const torch::NoGradGuard no_grad;
  const at::Tensor long_mel = at::randn({1, 200, 80}) - 5.0;
  const double decode = seconds_of([&] { (void)vocoder(long_mel); }, 10);
  const double griffin =
      seconds_of([&] { (void)omni::griffin_lim(long_mel[0], options); }, 3);
  std::printf(
      "vocoder        %s  training %7.1f s of speech/s  real-time factor %.4f "
      "(Griffin-Lim %.4f)\n",
      is_bfloat16 ? "bf16" : "fp32", 10.24 / step, decode / 2.0, griffin / 2.0);
}

} // namespace

int main() {
  at::set_num_threads(1);
  at::manual_seed(0);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  for (const bool is_bfloat16 : {false, true}) {
    bench_image(is_bfloat16);
    bench_speech(is_bfloat16);
    bench_vocoder(is_bfloat16);
  }
  return 0;
}
