// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/linear_map.h"

#include <ATen/ATen.h>

#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace omni {
namespace {

LinearMap rounded_map(int64_t input, int64_t output) {
  LinearMap map(LinearMapOptions{input, output, true});
  at::manual_seed(1);
  map->reset_parameters(0.1);
  at::Tensor bias = map->bias;
  {
    const at::NoGradGuard no_grad;
    bias.normal_();
  }
  map->to(at::kBFloat16, /*non_blocking=*/false);
  return map;
}

} // namespace

TEST_CASE("a map of bfloat16 rounds once, for few rows and many, packed or not") {
  LinearMap map = rounded_map(70, 33);
  for (const int64_t rows : {1, 15, 40}) { // where float32 is faster, many take it
    INFO(rows << " rows");
    const at::Tensor x = at::randn({rows, 70}).to(at::kBFloat16).requires_grad_(true);
    const auto exact = [](const at::Tensor& tensor) {
      return tensor.detach().to(at::kDouble);
    };
    const at::Tensor expected =
        at::linear(exact(x), exact(map->weight), exact(map->bias));
    const auto check = [&](const at::Tensor& y) {
      CHECK(y.scalar_type() == at::kBFloat16);
      CHECK(at::allclose(exact(y), expected, 1.0 / 128, 1e-2));
    };
    const at::Tensor plain = map->forward(x);
    check(plain);
    map->zero_grad();
    plain.sum().backward();
    CHECK(at::allclose(
        exact(map->weight.grad()), exact(x).sum(0).unsqueeze(0).expand({33, 70}),
        1.0 / 64, 2e-2));
    CHECK((x.grad().defined() && map->bias.grad().defined()));
    const at::NoGradGuard no_grad;
    map->prepare();
    check(map->forward(x));
  }
}

TEST_CASE("maps may be prepared and used by many threads at once") {
  const std::vector<LinearMap> maps = {rounded_map(64, 48), rounded_map(64, 48)};
  const at::Tensor x = at::randn({3, 64}).to(at::kBFloat16);
  const at::Tensor expected = at::linear(
      x.to(at::kDouble), maps[0]->weight.to(at::kDouble),
      maps[0]->bias.to(at::kDouble));
  std::vector<std::thread> threads;
  std::vector<int> are_near(6, 0);
  for (size_t i = 0; i < are_near.size(); ++i) {
    threads.emplace_back([&, i] {
      const at::NoGradGuard no_grad;
      if (i % 2 == 0) {
        prepare_where_there_is_room(maps);
      }
      LinearMap map = maps[i % 2];
      are_near[i] =
          at::allclose(map->forward(x).to(at::kDouble), expected, 1.0 / 128, 1e-2);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(are_near == std::vector<int>(6, 1));
  const bool is_fast = kernels::has_fast_packed_linear();
  for (const LinearMap& map : maps) {
    CHECK((map->packed() != nullptr) == is_fast);
    CHECK((map->bytes_to_prepare() == 0) == is_fast);
  }
}

} // namespace omni
