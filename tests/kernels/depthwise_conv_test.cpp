// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include "kernels/reference.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

struct Case {
  int64_t batch;
  int64_t time;
  int64_t channels;
  int64_t kernel;
};

// Output and the three gradients of sum(y * probe).
std::vector<at::Tensor> run(
    at::Tensor (*convolve)(const at::Tensor&, const at::Tensor&, const at::Tensor&),
    const std::vector<at::Tensor>& inputs,
    const at::Tensor& probe) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().clone().requires_grad_(true));
  }
  const at::Tensor y = convolve(leaves[0], leaves[1], leaves[2]);
  (y * probe).sum().backward();
  return {y.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
}

} // namespace

TEST_CASE("depthwise convolution equals conv1d in values and gradients") {
  const Case c = GENERATE(
      Case{2, 11, 8, 7}, Case{1, 1, 3, 7}, // every tap but the centre is outside
      Case{3, 2, 5, 3}, Case{2, 30, 17, 1},
      Case{4, 5, 1, 9}); // a kernel longer than the signal
  at::manual_seed(1);
  const std::vector<at::Tensor> inputs = {
      at::randn({c.batch, c.time, c.channels}), at::randn({c.kernel, c.channels}),
      at::randn({c.channels})};
  const at::Tensor probe = at::randn({c.batch, c.time, c.channels});
  const auto ours = run(depthwise_conv1d, inputs, probe);
  const auto expected = run(reference::depthwise_conv1d, inputs, probe);
  for (size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i, c.time, c.kernel);
    CHECK(at::allclose(ours[i], expected[i], 1e-5, 1e-5));
  }
}

TEST_CASE("depthwise convolution takes transposed and bfloat16 rows") {
  at::manual_seed(2);
  const at::Tensor x = at::randn({2, 6, 9}).transpose(1, 2); // [2, 9, 6]
  const at::Tensor weight = at::randn({7, 6});
  const at::Tensor bias = at::randn({6});
  const at::Tensor y = depthwise_conv1d(x, weight, bias);
  CHECK(at::allclose(y, reference::depthwise_conv1d(x, weight, bias), 1e-5, 1e-5));
  const at::Tensor low = depthwise_conv1d(x.to(at::kBFloat16), weight, bias);
  CHECK(low.scalar_type() == at::kFloat);
  CHECK(at::allclose(low, y, 0.05, 0.05));
}

TEST_CASE("depthwise convolution rejects wrong shapes by name") {
  const at::Tensor bias = at::zeros({4});
  CHECK_THROWS_WITH(
      depthwise_conv1d(at::zeros({2, 5, 3}), at::zeros({7, 4}), bias),
      omni::testing::Contains(
          "[depthwise_conv1d] expected x [B, T, C], weight [K, C] and bias [C], got "
          "[2, 5, 3], [7, 4] and [4]."));
  CHECK_THROWS_WITH(
      depthwise_conv1d(at::zeros({2, 5, 4}), at::zeros({6, 4}), bias),
      omni::testing::Contains("expected a kernel of odd size, got 6."));
}

} // namespace omni::kernels
