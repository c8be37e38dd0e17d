// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/speech_codec.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include "tests/support/catch.h"

namespace omni {
namespace {

SpeechCodecOptions tiny() {
  return {
      .num_mels = 10,
      .width = 32,
      .inner_width = 64,
      .num_encoder_blocks = 1,
      .num_decoder_blocks = 2,
      .num_frame_blocks = 1,
      .kernel_size = 3};
}

// Smooth made-up log-mel [B, T, M]: each item a few slow waves.
at::Tensor smooth_mel(int64_t batch, int64_t time, int64_t mels) {
  const at::Tensor t = at::arange(time, at::kFloat).view({1, time, 1}) * 0.15;
  const at::Tensor speed = at::rand({batch, 1, mels}) + 0.3;
  return -4.0 + 2.5 * at::sin(t * speed + at::rand({batch, 1, mels}) * 6.0);
}

double total(const CodecLosses& losses) {
  double sum = 0.0;
  for (const auto& [name, term] : losses.terms) {
    sum += term.item<double>();
  }
  return sum;
}

} // namespace

TEST_CASE("a second of speech is 25 codes") {
  SpeechCodec codec(SpeechCodecOptions{});
  CHECK(codec->options.num_codes() == 1000);
  CHECK(codec->options.decode_context_codes() == 14);
  CHECK(codec->encode(at::zeros({2, 100, 80})).sizes() == at::IntArrayRef({2, 25}));
}

TEST_CASE("code counts round up and decoding gives whole groups") {
  at::manual_seed(8);
  SpeechCodec codec(tiny());
  for (const int64_t num_frames : {0, 1, 3, 4, 5, 41}) {
    CAPTURE(num_frames);
    const at::Tensor codes = codec->encode(smooth_mel(2, num_frames, 10));
    REQUIRE(codes.sizes() == at::IntArrayRef({2, (num_frames + 3) / 4}));
    CHECK(codes.scalar_type() == at::kLong);
    const at::Tensor mel = codec->decode(codes);
    CHECK(mel.sizes() == at::IntArrayRef({2, codes.size(1) * 4, 10}));
    CHECK_FALSE(mel.requires_grad());
  }
}

TEST_CASE("a partial group counts as if its last frame went on") {
  at::manual_seed(9);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(1, 18, 10);
  const at::Tensor held = at::cat({mel, mel.narrow(1, 17, 1).expand({1, 2, 10})}, 1);
  CHECK(at::equal(codec->encode(mel), codec->encode(held)));
}

TEST_CASE("decoding of a code reaches exactly decode_context_codes") {
  at::manual_seed(10);
  SpeechCodec codec(tiny()); // 2 blocks of 1 code and 1 frame of 4: 3 codes
  const int64_t context = codec->options.decode_context_codes();
  REQUIRE(context == 3);
  const at::Tensor codes = at::randint(0, 1000, {1, 15});
  at::Tensor other = codes.clone();
  other[0][7] = (codes[0][7] + 500) % 1000;
  const at::Tensor change =
      (codec->decode(other) - codec->decode(codes)).abs().amax(2).view({15, 4}).amax(1);
  for (int64_t q = 0; q < 15; ++q) {
    CAPTURE(q);
    if (std::abs(q - 7) > context) {
      CHECK(change[q].item<float>() < 1e-6F);
    }
  }
  CHECK(change[7 - context].item<float>() > 1e-6F);
  CHECK(change[7 + context].item<float>() > 1e-6F);
}

TEST_CASE("padded items lose as they would alone") {
  at::manual_seed(11);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(2, 24, 10);
  const std::vector<int64_t> lengths = {24, 13};
  at::Tensor padded = mel.clone();
  padded[1].slice(0, 13).fill_(77.0); // what lies in the padding must not matter
  const auto together = codec->losses(padded, torch::tensor(lengths)).terms;
  double weighted_l1 = 0.0;
  double weighted_delta = 0.0;
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor alone = mel.narrow(0, i, 1).narrow(1, 0, lengths[i]);
    const auto terms = codec->losses(alone, torch::tensor({lengths[i]})).terms;
    weighted_l1 += terms[0].second.item<double>() * double(lengths[i]);
    weighted_delta += terms[1].second.item<double>() * double(lengths[i] - 1);
  }
  CHECK(together[0].second.item<double>() == Approx(weighted_l1 / 37.0).epsilon(1e-5));
  CHECK(
      together[1].second.item<double>() == Approx(weighted_delta / 35.0).epsilon(1e-5));
}

TEST_CASE("training on a batch makes the speech codec reproduce it") {
  at::manual_seed(12);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(4, 40, 10);
  const at::Tensor lengths = at::full({4}, 40, at::kLong);
  const auto decoded_error = [&] {
    return at::l1_loss(codec->decode(codec->encode(mel)), mel).item<double>();
  };
  const double before = decoded_error();
  const double first = total(codec->losses(mel, lengths));
  torch::optim::AdamW optimizer(codec->parameters(), torch::optim::AdamWOptions(4e-3));
  for (int step = 0; step < 80; ++step) {
    optimizer.zero_grad();
    at::Tensor loss = at::zeros({});
    for (const auto& [name, term] : codec->losses(mel, lengths).terms) {
      loss = loss + term;
    }
    loss.backward();
    optimizer.step();
  }
  CHECK(total(codec->losses(mel, lengths)) < 0.35 * first);
  CHECK(decoded_error() < 0.35 * before);
}

TEST_CASE("losses agree with decode(encode) and log their figures") {
  at::manual_seed(13);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(2, 20, 10);
  const CodecLosses losses = codec->losses(mel, torch::tensor({20, 20}));
  const at::Tensor decoded = codec->decode(codec->encode(mel));
  REQUIRE(losses.terms[0].first == "mel_l1");
  CHECK(
      losses.terms[0].second.item<float>() ==
      Approx(at::l1_loss(decoded, mel).item<float>()).epsilon(1e-5));
  CHECK(
      losses.terms[1].second.item<float>() ==
      Approx(0.5 * at::l1_loss(decoded.diff(1, 1), mel.diff(1, 1)).item<float>())
          .epsilon(1e-5));
  REQUIRE(losses.figures[1].first == "codes_used");
  const double used =
      double(std::get<0>(at::_unique(codec->encode(mel))).numel()) / 1000.0;
  CHECK(losses.figures[1].second.item<float>() == Approx(used));
  CHECK_FALSE(losses.figures[0].second.requires_grad());
}

TEST_CASE("the speech codec computes in float32 whatever its parameters are") {
  at::manual_seed(14);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(1, 20, 10);
  codec->to(at::kBFloat16);
  const at::Tensor codes = codec->encode(mel);
  const at::Tensor low = codec->decode(codes);
  codec->to(at::kFloat); // the parameters stay rounded
  CHECK(at::equal(codec->encode(mel), codes));
  CHECK(at::allclose(codec->decode(codes), low, 1e-5, 1e-5));
}

TEST_CASE("autocast trains towards the same losses") {
  at::manual_seed(15);
  SpeechCodec codec(tiny());
  const at::Tensor mel = smooth_mel(2, 20, 10);
  const at::Tensor lengths = torch::tensor({20, 20});
  const double exact = total(codec->losses(mel, lengths));
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const CodecLosses low = codec->losses(mel, lengths);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  for (const auto& [name, term] : low.terms) {
    CAPTURE(name);
    CHECK(term.scalar_type() == at::kFloat);
  }
  CHECK(total(low) == Approx(exact).epsilon(0.1));
}

TEST_CASE("the speech codec names what it cannot take") {
  SpeechCodec codec(tiny());
  CHECK_THROWS_WITH(
      codec->encode(at::zeros({1, 8, 80})),
      omni::testing::Contains(
          "[speech_codec] expected `mel` [-1, -1, 10], got [1, 8, 80]."));
  CHECK_THROWS_WITH(
      codec->decode(at::full({1, 2}, 1000, at::kLong)),
      omni::testing::Contains("[speech_codec] expected codes in [0, 1000)"));
  CHECK_THROWS_AS(codec->decode(at::full({1, 2}, -1, at::kLong)), c10::IndexError);
  CHECK_THROWS_WITH(
      codec->losses(at::zeros({1, 8, 10}), torch::tensor({9})),
      omni::testing::Contains(
          "[speech_codec] expected lengths in [1, 8], got values from 9 to 9."));
  SpeechCodecOptions options = tiny();
  options.kernel_size = 4;
  CHECK_THROWS_AS(SpeechCodec(options), c10::ValueError);
}

} // namespace omni
