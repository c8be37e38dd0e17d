// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using testing::normal;

TEST_CASE("8 bits are the norm in steps of a 127th of its largest entry") {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t width : {1, 16, 70, 256}) {
      INFO(dtype << ", " << width);
      const at::Tensor x = normal({5, width}, dtype, 1);
      const at::Tensor residual = normal({5, width}, at::kFloat, 2);
      const at::Tensor weight = normal({width}, dtype, 3);
      const RmsNormOptions options{1e-5, 1.0, 0.5};
      const QuantizedRmsNorm out = quantized_add_rms_norm(x, residual, weight, options);
      // In float32 throughout: the norm is never rounded to the dtype of x.
      const AddRmsNorm plain =
          add_rms_norm(x.to(at::kFloat), residual, weight.to(at::kFloat), options);
      CHECK(at::equal(out.sum, plain.sum));
      const at::Tensor largest = plain.normed.abs().amax(-1);
      CHECK(at::allclose(out.scales, largest / 127.0, 1e-6));
      CHECK(at::equal(out.quantized.abs().amax(-1), at::full({5}, 127, at::kChar)));
      const at::Tensor steps = plain.normed / out.scales.unsqueeze(-1);
      CHECK((out.quantized - steps).abs().max().item<float>() < 0.501f);
    }
  }
}

TEST_CASE("without a residual the sum is the branch times its multiplier") {
  const at::Tensor x = normal({3, 20}, at::kBFloat16, 1);
  const at::Tensor weight = normal({20}, at::kFloat, 2);
  const RmsNormOptions options{.branch_multiplier = 0.3};
  const QuantizedRmsNorm out = quantized_add_rms_norm(x, std::nullopt, weight, options);
  CHECK(out.sum.scalar_type() == at::kBFloat16);
  CHECK(at::equal(out.sum, x * 0.3));
  const QuantizedRmsNorm of_sum = quantized_add_rms_norm(out.sum, std::nullopt, weight);
  CHECK(at::equal(out.quantized, of_sum.quantized));
  CHECK(at::equal(out.scales, of_sum.scales));
}

TEST_CASE("a row of zeros has scale 0 and stays zero; halves go to the even step") {
  const at::Tensor ones = at::ones({4});
  const QuantizedRmsNorm zeros =
      quantized_add_rms_norm(at::zeros({2, 4}), std::nullopt, ones);
  CHECK(at::equal(zeros.scales, at::zeros({2})));
  CHECK(at::equal(zeros.quantized, at::zeros({2, 4}, at::kChar)));
  // The mean of the squares is 64^2, so that nothing but the steps is rounded.
  const at::Tensor halves = at::tensor(
      {127.0f, 0.5f, 1.5f, -2.5f, 31.5f, -127.0f, 127.0f, 127.0f, 4.0f, 1.0f, -1.0f,
       1.0f, 0.0f, 0.0f, 0.0f, 0.0f});
  const at::Tensor steps = at::tensor(
      {127, 0, 2, -2, 32, -127, 127, 127, 4, 1, -1, 1, 0, 0, 0, 0}, at::kChar);
  const QuantizedRmsNorm even =
      quantized_add_rms_norm(halves, std::nullopt, at::ones({16}), {.eps = 0.0});
  CHECK(at::equal(even.quantized, steps));
  CHECK(even.scales.item<float>() == 1.0f / 64);
  const QuantizedRmsNorm none =
      quantized_add_rms_norm(at::zeros({2, 0}), std::nullopt, at::ones({0}));
  CHECK(at::equal(none.scales, at::zeros({2})));
}

} // namespace omni::kernels
