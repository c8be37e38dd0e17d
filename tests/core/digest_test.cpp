// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/digest.h"

#include <ATen/ATen.h>

#include <set>

#include "tests/support/catch.h"

namespace omni {
namespace {

TEST_CASE("digests of bytes are XXH3 of 128 bits") {
  // Published values of the algorithm.
  CHECK(digest("") == "99aa06d3014798d86001c324468d497f");
  CHECK(digest("a") == "a96faf705af16834e6c632b61e964e1f");
  CHECK(digest(std::string(1000, 'x')).size() == 32);
}

TEST_CASE("a tensor's digest is of dtype, sizes and elements") {
  const at::Tensor x = at::arange(6, at::kFloat);
  std::set<std::string> digests;
  for (const at::Tensor& other :
       {x, x.view({2, 3}), x.view({3, 2}), x.view({1, 6}), x.to(at::kDouble),
        x.to(at::kInt), x + 1, x.view(at::kInt), at::empty({0}), at::empty({0, 1}),
        at::zeros({}), at::zeros({1}), x.view({2, 3}).t()}) {
    digests.insert(digest(other));
    CHECK(digest(other).size() == 32);
  }
  CHECK(digests.size() == 13);
}

TEST_CASE("strides do not matter") {
  const at::Tensor x = at::rand({4, 6});
  CHECK(digest(x.t()) == digest(x.t().contiguous()));
  CHECK(digest(x.slice(1, 0, 6, 2)) == digest(x.slice(1, 0, 6, 2).clone()));
  CHECK(digest(x) == digest(x.clone().requires_grad_()));
}

} // namespace
} // namespace omni
