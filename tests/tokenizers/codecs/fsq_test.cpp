// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/fsq.h"

#include <torch/torch.h>

#include <cmath>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("every code survives decode, unbounding and encode") {
  const std::vector<int64_t> levels = GENERATE(
      std::vector<int64_t>{8, 5, 5, 5}, std::vector<int64_t>{2, 3},
      std::vector<int64_t>{7, 4, 2, 6}, std::vector<int64_t>{9});
  const int64_t num_codes = num_fsq_codes(levels, "test");
  const at::Tensor codes = at::arange(num_codes);
  const at::Tensor latent = fsq_codes_to_latent(codes, levels, "test");
  REQUIRE(latent.sizes() == at::IntArrayRef({num_codes, int64_t(levels.size())}));
  CHECK(latent.min().item<float>() >= -1.0F);
  CHECK(latent.max().item<float>() <= 1.0F);

  // The values that bound to the middle of each level: the bound's inverse.
  std::vector<at::Tensor> columns;
  for (size_t i = 0; i < levels.size(); ++i) {
    const double level = static_cast<double>(levels[i]);
    const double half = (level - 1.0) * (1.0 + 1e-3) / 2.0;
    const double offset = levels[i] % 2 == 0 ? 0.5 : 0.0;
    const at::Tensor digit = latent.select(1, int64_t(i)).to(at::kDouble) *
        static_cast<double>(levels[i] / 2);
    columns.push_back(at::atanh((digit + offset) / half) - std::atanh(offset / half));
  }
  const at::Tensor values = at::stack(columns, 1).to(at::kFloat);
  CHECK(at::equal(fsq_latent_to_codes(values, levels), codes));
  CHECK(at::allclose(fsq_quantize_latent(values, levels), latent));
  CHECK(fsq_share_used(values, levels).item<float>() == Approx(1.0));
}

TEST_CASE("the first dimension is the least significant digit") {
  const std::vector<int64_t> levels = {8, 5, 5, 5};
  const at::Tensor latent =
      fsq_codes_to_latent(torch::tensor({0, 1, 8, 40, 200, 999}), levels, "test");
  const at::Tensor expected = torch::tensor(
      {{-1.0F, -1.0F, -1.0F, -1.0F},
       {-0.75F, -1.0F, -1.0F, -1.0F},
       {-1.0F, -0.5F, -1.0F, -1.0F},
       {-1.0F, -1.0F, -0.5F, -1.0F},
       {-1.0F, -1.0F, -1.0F, -0.5F},
       {0.75F, 1.0F, 1.0F, 1.0F}});
  CHECK(at::allclose(latent, expected));
}

TEST_CASE("quantising passes the gradient of the bounded value") {
  const std::vector<int64_t> levels = {5};
  const at::Tensor values =
      torch::tensor({{-2.0F}, {-0.3F}, {0.0F}, {0.4F}}).requires_grad_(true);
  fsq_quantize_latent(values, levels).sum().backward();
  // d/dv tanh(v) * half / (level / 2), half = 2 * 1.001
  const at::Tensor slope = (1.0 - values.detach().tanh().square()) * 1.001;
  CHECK(at::allclose(values.grad(), slope, 1e-4, 1e-6));
}

TEST_CASE("the latent loss is least at mean 0 and deviation 1") {
  at::manual_seed(6);
  const at::Tensor noise = at::randn({1000, 3});
  const at::Tensor centred = noise - noise.mean(0);
  const at::Tensor deviation = centred.square().mean(0).sqrt();
  const at::Tensor standard = (centred / deviation).view({50, 20, 3});
  CHECK(fsq_latent_loss(standard).item<float>() == Approx(0.0).margin(1e-5));
  CHECK(fsq_latent_loss(standard + 2.0).item<float>() == Approx(4.0).epsilon(1e-3));
  CHECK(fsq_latent_loss(standard * 3.0).item<float>() == Approx(4.0).epsilon(1e-3));
  const at::Tensor constant = at::full({4, 2}, 5.0).requires_grad_(true);
  fsq_latent_loss(constant).backward();
  CHECK(constant.grad().isfinite().all().item<bool>());
}

TEST_CASE("FSQ names codes and levels that cannot be") {
  const std::vector<int64_t> levels = {8, 5, 5, 5};
  CHECK_THROWS_WITH(
      fsq_codes_to_latent(torch::tensor({3, 1000}), levels, "image_codec"),
      omni::testing::Contains(
          "[image_codec] expected codes in [0, 1000), got values from 3 to 1000."));
  CHECK_THROWS_AS(
      fsq_codes_to_latent(torch::tensor({-1}), levels, "x"), c10::IndexError);
  CHECK_THROWS_AS(
      fsq_codes_to_latent(torch::tensor({1.0F}), levels, "x"), c10::TypeError);
  CHECK_THROWS_WITH(
      num_fsq_codes({8, 1}, "speech_codec"),
      omni::testing::Contains("[speech_codec] expected FSQ levels of at least 2"));
  CHECK_THROWS_AS(num_fsq_codes({}, "x"), c10::ValueError);
  CHECK_THROWS_AS(num_fsq_codes({65536, 65536, 65536, 65536}, "x"), c10::ValueError);
}

} // namespace omni
