// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/spectrum.h"

#include <torch/torch.h>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("istft undoes stft for whole hops") {
  const auto [options, num_hops] = GENERATE(table<StftOptions, int64_t>(
      {{StftOptions{640, 160}, 25},
       {StftOptions{640, 160}, 1}, // shorter than a window
       {StftOptions{256, 64}, 40},
       {StftOptions{64, 32}, 9},
       {StftOptions{96, 16}, 7}}));
  at::manual_seed(4);
  const at::Tensor x = at::randn({3, num_hops * options.hop});
  const at::Tensor spectrum = stft(x, options);
  CHECK(spectrum.sizes() == at::IntArrayRef({3, num_hops, options.fft_size / 2 + 1}));
  const at::Tensor y = istft(spectrum, options);
  REQUIRE(y.sizes() == x.sizes());
  // Rounding of two transforms, over the window where it alone reaches: at least 1/2,
  // but sin^2(pi / 64) = 0.0024 at the very end where a window is two hops of 32.
  const float bound = options.fft_size == 2 * options.hop ? 1e-6F / 0.0024F : 1e-5F;
  CHECK(((y - x).abs().max() / x.abs().max()).item<float>() < bound);
}

TEST_CASE("stft frames are centred at multiples of the hop, as torch.stft's") {
  const StftOptions options{128, 32};
  at::manual_seed(5);
  const at::Tensor x = at::randn({2, 320});
  const at::Tensor expected = at::stft(
                                  x, 128, 32, 128, at::hann_window(128),
                                  /*center=*/true, "constant",
                                  /*normalized=*/false,
                                  /*onesided=*/true,
                                  /*return_complex=*/true)
                                  .transpose(1, 2);
  const at::Tensor ours = stft(x, options);
  REQUIRE(ours.size(1) == 10); // torch has an eleventh, at sample 320
  CHECK(at::allclose(ours, expected.narrow(1, 0, 10), 1e-4, 1e-4));
}

TEST_CASE("a part of a hop gets a frame of its own") {
  const StftOptions options{64, 16};
  CHECK(stft(at::ones({1, 33}), options).size(1) == 3);
  CHECK(stft(at::ones({1, 0}), options).size(1) == 0);
  CHECK(istft(stft(at::ones({1, 0}), options), options).size(1) == 0);
}

TEST_CASE("stft and istft have gradients") {
  const StftOptions options{16, 4};
  at::manual_seed(6);
  const at::Tensor x = at::randn({1, 20}).requires_grad_(true);
  const at::Tensor y = istft(stft(x, options), options);
  const at::Tensor probe = at::randn({1, 20});
  (y * probe).sum().backward();
  // The pair is the identity, and so is its Jacobian.
  CHECK(at::allclose(x.grad(), probe, 1e-4, 1e-5));
}

TEST_CASE("transforms refuse sizes that cannot be inverted") {
  CHECK_THROWS_WITH(
      stft(at::zeros({1, 100}), StftOptions{100, 30}),
      omni::testing::Contains(
          "[stft] expected an even fft_size that is a multiple of hop"));
  CHECK_THROWS_AS(stft(at::zeros({1, 100}), StftOptions{64, 64}), c10::ValueError);
  CHECK_THROWS_WITH(
      istft(at::zeros({1, 5, 20}, at::kComplexFloat), StftOptions{64, 16}),
      omni::testing::Contains(
          "[istft] expected `spectrum` [-1, -1, 33], got [1, 5, 20]."));
}

} // namespace omni
