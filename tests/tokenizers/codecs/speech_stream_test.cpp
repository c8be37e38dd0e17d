// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include <random>

#include "tests/support/catch.h"
#include "tokenizers/vocoder.h"

namespace omni {
namespace {

SpeechCodecOptions tiny_codec() {
  return {
      .num_mels = 16,
      .width = 24,
      .inner_width = 32,
      .num_encoder_blocks = 1,
      .num_decoder_blocks = 2,
      .num_frame_blocks = 2,
      .kernel_size = 5};
}

VocoderOptions tiny_vocoder() {
  return {
      .sample_rate_hz = 4000,
      .fft_size = 128,
      .hop = 32,
      .num_mels = 16,
      .max_hz = 2000.0,
      .width = 24,
      .inner_width = 32,
      .num_blocks = 2,
      .kernel_size = 5};
}

std::vector<int64_t> random_codes(int64_t num_codes, std::mt19937& random) {
  std::uniform_int_distribution<int64_t> code(0, 999);
  std::vector<int64_t> codes(num_codes);
  for (int64_t& value : codes) {
    value = code(random);
  }
  return codes;
}

} // namespace

TEST_CASE("streamed pieces joined equal the whole decode, however they are cut") {
  at::manual_seed(18);
  std::mt19937 random(18);
  SpeechCodec codec(tiny_codec());
  Vocoder vocoder(tiny_vocoder());
  const torch::NoGradGuard no_grad;
  SpeechStream stream(codec, vocoder, vocoder->options);
  for (const int64_t num_codes : {1, 2, 13, 40, 90}) {
    const auto codes = random_codes(num_codes, random);
    const at::Tensor whole =
        vocoder(codec->decode(torch::tensor(codes).unsqueeze(0))).squeeze(0);
    REQUIRE(whole.abs().max().item<float>() > 1e-3F);
    for (const int64_t max_chunk : {1, 3, 11, 200}) {
      CAPTURE(num_codes, max_chunk);
      std::vector<at::Tensor> pieces;
      std::uniform_int_distribution<int64_t> size(0, max_chunk);
      for (int64_t begin = 0; begin < num_codes;) {
        const int64_t end = std::min(num_codes, begin + size(random));
        pieces.push_back(stream.push({codes.begin() + begin, codes.begin() + end}));
        begin = end;
      }
      pieces.push_back(stream.finish()); // and the same stream serves the next round
      const at::Tensor joined = at::cat(pieces);
      REQUIRE(joined.sizes() == whole.sizes());
      CHECK((joined - whole).abs().max().item<float>() < 1e-5F);
    }
  }
}

TEST_CASE("a stream gives sound as soon as it is final") {
  at::manual_seed(19);
  std::mt19937 random(19);
  SpeechCodec codec(tiny_codec());
  Vocoder vocoder(tiny_vocoder());
  SpeechStream stream(codec, vocoder, vocoder->options);
  const int64_t code_context = codec->options.decode_context_codes();
  const int64_t frame_context = vocoder->context_frames();
  const int64_t num_codes = code_context + frame_context / 4 + 3;
  const int64_t frames = (num_codes - code_context) * 4 - frame_context;
  REQUIRE(frames > 0);
  CHECK(stream.push(random_codes(num_codes, random)).size(0) == frames * 32);
  CHECK(stream.push(random_codes(1, random)).size(0) == 4 * 32);
  CHECK(stream.push({}).size(0) == 0);
}

TEST_CASE("without a vocoder everything comes with finish") {
  at::manual_seed(20);
  std::mt19937 random(20);
  SpeechCodec codec(tiny_codec());
  SpeechStream stream(codec, Vocoder(nullptr), tiny_vocoder());
  const auto codes = random_codes(9, random);
  CHECK(stream.push(codes).size(0) == 0);
  const at::Tensor samples = stream.finish();
  const at::Tensor mel = codec->decode(torch::tensor(codes).unsqueeze(0)).squeeze(0);
  CHECK(at::equal(samples, griffin_lim(mel, tiny_vocoder())));
  CHECK(stream.finish().size(0) == 0);
}

TEST_CASE("a stream survives a wrong code and refuses parts that do not fit") {
  at::manual_seed(21);
  SpeechCodec codec(tiny_codec());
  Vocoder vocoder(tiny_vocoder());
  SpeechStream stream(codec, vocoder, vocoder->options);
  CHECK_THROWS_WITH(
      stream.push({5, 1000}),
      omni::testing::Contains(
          "[speech_stream] expected codes in [0, 1000), got 1000."));
  CHECK(stream.finish().size(0) == 0);
  CHECK_THROWS_WITH(
      SpeechStream(codec, Vocoder(nullptr), VocoderOptions{}),
      omni::testing::Contains(
          "[speech_stream] expected codec and vocoder of equal num_mels, "
          "got 16 and 80."));
}

} // namespace omni
