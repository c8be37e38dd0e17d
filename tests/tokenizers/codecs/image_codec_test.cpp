// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/image_codec.h"

#include <torch/torch.h>

#include <cmath>

#include "tests/support/catch.h"
#include "tokenizers/fsq.h"

namespace omni {
namespace {

ImageCodecOptions tiny() {
  return {.image_size = 32, .width = 32, .deep_width = 48, .num_blocks = 1};
}

// Discs of one colour on a ground of another, [B, 3, size, size] in [-1, 1].
at::Tensor discs(int64_t batch, int64_t size) {
  const at::Tensor axis = at::arange(size, at::kFloat) / double(size);
  const at::Tensor centre = at::rand({2, batch, 1, 1}) * 0.6 + 0.2;
  const at::Tensor distance = ((axis.view({1, size, 1}) - centre[0]).square() +
                               (axis.view({1, 1, size}) - centre[1]).square())
                                  .sqrt();
  const at::Tensor is_inside = (distance < 0.25).unsqueeze(1).to(at::kFloat);
  const at::Tensor ink = at::rand({batch, 3, 1, 1}) * 2.0 - 1.0;
  const at::Tensor ground = at::rand({batch, 3, 1, 1}) * 0.4 + 0.5;
  return is_inside * ink + (1.0 - is_inside) * ground;
}

at::Tensor sum_of_terms(const CodecLosses& losses) {
  at::Tensor sum = at::zeros({});
  for (const auto& [name, term] : losses.terms) {
    sum = sum + term;
  }
  return sum;
}

} // namespace

TEST_CASE("a 64 px picture is 64 codes and comes back as 64 px") {
  at::manual_seed(22);
  ImageCodec codec(ImageCodecOptions{});
  CHECK(codec->options.num_codes() == 1000);
  const at::Tensor codes = codec->encode(discs(2, 64));
  REQUIRE(codes.sizes() == at::IntArrayRef({2, 64}));
  CHECK(codes.scalar_type() == at::kLong);
  const at::Tensor pixels = codec->decode(codes);
  REQUIRE(pixels.sizes() == at::IntArrayRef({2, 3, 64, 64}));
  CHECK(pixels.abs().max().item<float>() <= 1.0F);
  CHECK_FALSE(pixels.requires_grad());
  CHECK(codec->decode(at::zeros({0, 64}, at::kLong)).size(0) == 0);
}

TEST_CASE("training on a batch makes the image codec reproduce it") {
  at::manual_seed(23);
  ImageCodec codec(tiny());
  const at::Tensor pixels = discs(8, 32);
  const auto decoded_error = [&] {
    return at::mse_loss(codec->decode(codec->encode(pixels)), pixels).item<double>();
  };
  const double before = decoded_error();
  const double first = sum_of_terms(codec->losses(pixels)).item<double>();
  torch::optim::AdamW optimizer(codec->parameters(), torch::optim::AdamWOptions(2e-3));
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    sum_of_terms(codec->losses(pixels)).backward();
    optimizer.step();
  }
  codec->eval();
  CHECK(sum_of_terms(codec->losses(pixels)).item<double>() < 0.4 * first);
  CHECK(decoded_error() < 0.15 * before);
}

TEST_CASE("image losses are those of the straight-through reconstruction") {
  at::manual_seed(24);
  ImageCodecOptions options = tiny();
  options.detail_weight = 0.0;
  ImageCodec codec(options);
  const torch::NoGradGuard no_grad;
  const at::Tensor pixels = discs(3, 32);
  const CodecLosses losses = codec->losses(pixels);
  const at::Tensor latent =
      fsq_codes_to_latent(codec->encode(pixels), options.levels, "test");
  const at::Tensor output =
      codec->decoder->forward(latent.view({3, 4, 4, 4}).permute({0, 3, 1, 2}));
  const auto value = [&](size_t i) { return losses.terms[i].second.item<float>(); };
  REQUIRE(losses.terms.size() == 4);
  CHECK(losses.terms[0].first == "l1");
  CHECK(value(0) == Approx(at::l1_loss(output, pixels).item<float>()).epsilon(1e-4));
  const at::Tensor down = at::l1_loss(output.diff(1, 2), pixels.diff(1, 2));
  const at::Tensor right = at::l1_loss(output.diff(1, 3), pixels.diff(1, 3));
  CHECK(losses.terms[1].first == "edge_l1");
  CHECK(value(1) == Approx(0.5 * (down + right).item<float>()).epsilon(1e-4));
  const float mse = at::mse_loss(output, pixels).item<float>();
  CHECK(losses.terms[2].first == "mse");
  CHECK(value(2) == Approx(4.0 * mse).epsilon(1e-4));
  CHECK(losses.terms[3].first == "latent");
  CHECK(losses.figures[0].first == "psnr");
  CHECK(
      losses.figures[0].second.item<float>() ==
      Approx(10.0 * std::log10(4.0 / mse)).epsilon(1e-4));
  CHECK(losses.figures[1].first == "codes_used");
}

TEST_CASE("detail weighs more than even ground") {
  // The same codec and a picture half of stripes, half of ground: what is weighted
  // is the picture, so the loss moves towards the error among the stripes.
  at::manual_seed(25);
  at::Tensor pixels = at::full({1, 3, 32, 32}, 0.8);
  pixels.slice(3, 0, 16).slice(2, 0, 32, 2).fill_(-0.8);
  ImageCodecOptions options = tiny();
  std::vector<float> l1;
  for (const double detail_weight : {0.0, 4.0}) {
    at::manual_seed(25);
    options.detail_weight = detail_weight;
    ImageCodec codec(options);
    // A decoder that answers the ground's colour everywhere is wrong in stripes only.
    const torch::NoGradGuard no_grad;
    const std::string last = std::to_string(codec->decoder->size() - 2);
    for (auto& item : codec->decoder->named_parameters()) {
      if (item.key() == last + ".weight") {
        item.value().zero_();
      } else if (item.key() == last + ".bias") {
        item.value().fill_(0.8);
      }
    }
    l1.push_back(codec->losses(pixels).terms[0].second.item<float>());
  }
  CHECK(l1[0] == Approx(0.4).epsilon(1e-4)); // 1.6 on a quarter of the pixels
  CHECK(l1[1] > 1.4F * l1[0]); // 5 / 3.3, the share of the stripes' weight
}

TEST_CASE("an image codec in bfloat16 draws the same picture, roughly") {
  at::manual_seed(26);
  ImageCodec codec(tiny());
  const at::Tensor pixels = discs(2, 32);
  const at::Tensor codes = codec->encode(pixels);
  const at::Tensor whole = codec->decode(codes);
  codec->to(at::kBFloat16);
  const at::Tensor low = codec->decode(codes);
  CHECK(low.scalar_type() == at::kFloat);
  CHECK((low - whole).abs().mean().item<float>() < 0.05F);
  CHECK(codec->encode(pixels).sizes() == codes.sizes());
}

TEST_CASE("the image codec names what it cannot take") {
  ImageCodec codec(tiny());
  CHECK_THROWS_WITH(
      codec->encode(at::zeros({1, 3, 64, 64})),
      omni::testing::Contains("[image_codec] expected `pixels` [-1, 3, 32, 32], got"));
  CHECK_THROWS_WITH(
      codec->decode(at::zeros({1, 64}, at::kLong)),
      omni::testing::Contains("[image_codec] expected `codes` [-1, 16], got [1, 64]."));
  CHECK_THROWS_WITH(
      codec->decode(at::full({1, 16}, 1000, at::kLong)),
      omni::testing::Contains("[image_codec] expected codes in [0, 1000)"));
  CHECK_THROWS_AS(codec->decode(at::full({1, 16}, -1, at::kLong)), c10::IndexError);
  ImageCodecOptions options = tiny();
  options.image_size = 36;
  CHECK_THROWS_AS(ImageCodec(options), c10::ValueError);
}

} // namespace omni
