// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/initial_values.h"

#include <ATen/ATen.h>

#include <thread>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("initial values are normal numbers of the deviation asked for") {
  torch::manual_seed(3);
  const at::Tensor parameter = at::zeros({100, 100}).set_requires_grad(true);
  fill_normal(parameter, 0.25);
  CHECK(parameter.mean().item<double>() == Approx(0.0).margin(0.01));
  CHECK(parameter.std().item<double>() == Approx(0.25).margin(0.01));
  CHECK(parameter.is_leaf());
}

TEST_CASE("what will be loaded is left as it is, on this thread alone") {
  at::Tensor parameter = at::full({3}, 7.0);
  {
    const LeaveUnset outer;
    {
      const LeaveUnset inner;
      fill_normal(parameter, 1.0);
    }
    fill_normal(parameter, 1.0);
    CHECK(parameter.eq(7.0).all().item<bool>());
    std::thread([&] { fill_normal(parameter, 1.0); }).join();
    CHECK_FALSE(parameter.eq(7.0).any().item<bool>());
    parameter.fill_(7.0);
  }
  fill_normal(parameter, 1.0);
  CHECK_FALSE(parameter.eq(7.0).any().item<bool>());
}

} // namespace omni
