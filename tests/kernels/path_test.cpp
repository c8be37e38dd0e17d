// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("every op is registered under omni:: with a CPU, a Meta and a plain kernel") {
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const std::string& name : op_names()) {
    INFO(name);
    const auto op = dispatcher.findSchema({"omni::" + name, ""});
    REQUIRE(op.has_value());
    CHECK(op->hasKernelForDispatchKey(c10::DispatchKey::CPU));
    CHECK(op->hasKernelForDispatchKey(c10::DispatchKey::Meta));
    CHECK(op->hasKernelForDispatchKey(c10::DispatchKey::CompositeExplicitAutograd));
  }
  CHECK(dispatcher.findSchema({"omni::swiglu", "pair"}).has_value());
  CHECK(dispatcher.findSchema({"omni::geglu", "pair"}).has_value());
}

TEST_CASE("explain says which path a call takes") {
  const at::Tensor x = at::zeros({2, 4});
  CHECK(explain("rms_norm", {x, x[0]}) == "cpu: fused, Float");
  CHECK(explain("swiglu", {x.to(at::kBFloat16)}) == "cpu: fused, BFloat16");
  CHECK(
      explain("swiglu", {x.to(at::kDouble)}) ==
      "reference: no fused kernel for Double");
  CHECK(explain("swiglu", {x.to(at::kHalf)}) == "reference: no fused kernel for Half");
  CHECK(explain("swiglu", {x.to(at::kMeta)}) == "reference: no fused kernel for meta");
  CHECK(explain("patchify", {x.to(at::kByte)}) == "cpu: fused, no floating input");
  CHECK_THROWS_WITH(
      explain("softmax", {x}), Contains("[kernels] expected the name of an op"));
}

TEST_CASE("errors of the element-wise ops say what was expected") {
  const at::Tensor x = at::zeros({2, 5});
  CHECK_THROWS_WITH(
      swiglu(x), Contains("[swiglu] expected gate_up [.., 2F], got [2, 5]."));
  CHECK_THROWS_WITH(swiglu(x, at::zeros({5})), Contains("got [2, 5] and [5]."));
  CHECK_THROWS_AS(swiglu(x, x.to(at::kBFloat16)), c10::TypeError);
  CHECK_THROWS_AS(swiglu(at::zeros({4}, at::kLong)), c10::TypeError);
  CHECK_THROWS_WITH(
      geglu(x), Contains("[geglu] expected gate_up [.., 2F], got [2, 5]."));
  CHECK_THROWS_WITH(geglu(x, at::zeros({5})), Contains("[geglu] expected gate and up"));
  CHECK_THROWS_WITH(
      rms_norm(x, at::zeros({4})),
      Contains("[rms_norm] expected x [.., D] and weight [D], got [2, 5] and [4]."));
  CHECK_THROWS_AS(add_rms_norm(x, at::zeros({5}), at::zeros({5})), c10::ValueError);
}

TEST_CASE("add_rms_norm without a residual is rms_norm of the branch") {
  const at::Tensor x = at::randn({3, 8}), weight = at::randn({8});
  const AddRmsNorm plain = add_rms_norm(x, std::nullopt, weight);
  CHECK(plain.sum.is_same(x));
  CHECK(at::equal(plain.normed, rms_norm(x, weight)));
  const AddRmsNorm scaled =
      add_rms_norm(x, std::nullopt, weight, {.branch_multiplier = 0.5});
  CHECK(at::equal(scaled.sum, x * 0.5));
  CHECK(at::equal(scaled.normed, rms_norm(x * 0.5, weight)));
}

} // namespace omni::kernels
