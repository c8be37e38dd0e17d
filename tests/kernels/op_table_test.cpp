// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/op_table.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/autograd.h>

#include <algorithm>
#include <set>

#include "kernels/kernels.h"
#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"

namespace omni::kernels::testing {
namespace {

constexpr int64_t kRowCounts[] = {0, 1, 2, 7, 33};

// Of the device under test.
Tensors inputs_of(const OpCase& op_case, int64_t rows, at::ScalarType dtype) {
  Tensors inputs = op_case.inputs(rows, dtype);
  for (at::Tensor& input : inputs) {
    input = input.to(tested_device());
  }
  return inputs;
}

// Leaves that take gradients where the case says so.
Tensors as_leaves(const OpCase& op_case, const Tensors& inputs) {
  Tensors leaves;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool differentiable = i < op_case.num_differentiable;
    leaves.push_back(
        differentiable ? inputs[i].detach().clone().requires_grad_(true) : inputs[i]);
  }
  return leaves;
}

// Sum of the differentiable outputs times fixed numbers, in float64.
at::Tensor project(const Tensors& outputs) {
  at::Tensor sum = at::zeros({}, at::TensorOptions(tested_device()).dtype(at::kDouble));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].requires_grad()) {
      const at::Tensor cotangent =
          normal(outputs[i].sizes(), at::kBFloat16, 100 + i).to(sum.options());
      sum = sum + (outputs[i].to(at::kDouble) * cotangent).sum();
    }
  }
  return sum;
}

Tensors gradients(
    const OpCase& op_case,
    const std::function<Tensors(const Tensors&)>& op,
    const Tensors& inputs) {
  const Tensors leaves = as_leaves(op_case, inputs);
  return torch::autograd::grad(
      {project(op(leaves))},
      Tensors(leaves.begin(), leaves.begin() + op_case.num_differentiable));
}

// The same values laid out with gaps between rows and between the entries before them.
at::Tensor with_gaps(const at::Tensor& tensor) {
  if (tensor.dim() < 2) {
    return at::stack({tensor, tensor}, -1).select(-1, 0);
  }
  const at::Tensor wide = at::cat({tensor, tensor, tensor}, -1);
  const at::Tensor tall = at::cat({wide, wide}, 0);
  return tall.narrow(0, 0, tensor.size(0)).narrow(-1, tensor.size(-1), tensor.size(-1));
}

// Strides reversed: the last axis is not the fast one.
at::Tensor transposed(const at::Tensor& tensor) {
  return tensor.dim() < 2 ? tensor
                          : tensor.transpose(0, -1).contiguous().transpose(0, -1);
}

struct BackwardCall {
  std::string name;
  std::vector<c10::IValue> arguments; // the gradient is the first
  std::string overload = "";
};

std::vector<BackwardCall> backward_calls() {
  const auto zeros = [](at::IntArrayRef sizes) { return at::zeros(sizes); };
  const at::Tensor ids = at::arange(6, at::kLong);
  const at::Tensor x = zeros({6, 4}), heads = zeros({6, 2, 4}),
                   frames = zeros({2, 6, 4});
  const c10::IValue absent;
  return {
      {"swiglu_backward", {x, zeros({6, 8})}},
      {"swiglu_backward", {x, x, x}, "pair"},
      {"geglu_backward", {x, zeros({6, 8}), true}},
      {"geglu_backward", {x, x, x, false}, "pair"},
      {"add_rms_norm_backward", {x, x, x, x[0], 1e-6, 0.0, 1.0}},
      {"qk_norm_rope_backward",
       {heads, heads, heads, heads, absent, absent, x[0], x[0], 1e-6, 0.0, false}},
      {"fsq_quantize_backward", {x, x, std::vector<int64_t>{8, 5, 5, 5}}},
      {"splice_rows_backward", {x, ids}},
      {"causal_attention_backward",
       {heads, heads, heads, heads, heads, std::vector<int64_t>{0, 6}, 1.0,
        int64_t{0}}},
      {"depthwise_conv1d_backward", {frames, frames, zeros({3, 4})}},
      {"gather_rows_backward", {x, ids, int64_t{6}}},
      {"combine_rows_backward", {zeros({3, 4}), x, ids, zeros({3, 2})}},
      {"grouped_linear_weight_backward",
       {x, zeros({6, 5}), zeros({2, 4, 5}), std::vector<int64_t>{2, 4}}},
      {"route_experts_backward",
       {zeros({6, 1}), zeros({6, 8}), ids.unsqueeze(1), true, false, 1.0}}};
}

// With another gradient in place of its own.
void call_backward(const BackwardCall& call, const at::Tensor& grad) {
  torch::jit::Stack arguments = call.arguments;
  arguments[0] = grad;
  c10::Dispatcher::singleton()
      .findSchemaOrThrow(("omni::" + call.name).c_str(), call.overload.c_str())
      .callBoxed(arguments);
}

} // namespace

TEST_CASE("every op has a row in the table or a test of its own") {
  std::set<std::string> covered = {"sample", "sample_rows"};
  for (const OpCase& op_case : op_table()) {
    covered.insert(op_case.op);
  }
  const std::set<std::string> registered(op_names().begin(), op_names().end());
  CHECK(covered == registered);
}

TEST_CASE("fused forward agrees with the reference in float64") {
  for (const OpCase& op_case : op_table()) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      for (const int64_t rows : kRowCounts) {
        INFO(op_case.op << " (" << op_case.variant << "), " << dtype << ", " << rows);
        const Tensors inputs = inputs_of(op_case, rows, dtype);
        const Tensors got = op_case.fused(inputs);
        const Tensors same_dtype = op_case.reference(inputs);
        for (size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].scalar_type() == same_dtype[i].scalar_type());
          CHECK(got[i].is_contiguous());
        }
        CHECK(
            difference(
                got, op_case.reference(in_float64(inputs)),
                dtype == at::kFloat ? op_case.float32_tolerance
                                    : op_case.bfloat16_tolerance) == "");
      }
    }
  }
}

TEST_CASE("fused gradients agree with autograd through the reference in float64") {
  for (const OpCase& op_case : op_table()) {
    if (op_case.num_differentiable == 0) {
      continue;
    }
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      for (const int64_t rows : kRowCounts) {
        INFO(op_case.op << " (" << op_case.variant << "), " << dtype << ", " << rows);
        const Tensors inputs = inputs_of(op_case, rows, dtype);
        const Tensors got = gradients(op_case, op_case.fused, inputs);
        for (size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].scalar_type() == inputs[i].scalar_type());
        }
        CHECK(
            difference(
                got, gradients(op_case, op_case.reference, in_float64(inputs)),
                dtype == at::kFloat ? op_case.float32_gradient_tolerance
                                    : op_case.bfloat16_gradient_tolerance) == "");
      }
    }
  }
}

TEST_CASE("gradients in float64 agree with finite differences") {
  constexpr double kStep = 1e-5;
  for (const OpCase& op_case : op_table()) {
    if (op_case.num_differentiable == 0 || !op_case.is_smooth) {
      continue;
    }
    INFO(op_case.op << " (" << op_case.variant << ")");
    const Tensors inputs = in_float64(inputs_of(op_case, 2, at::kDouble));
    const Tensors analytic = gradients(op_case, op_case.fused, inputs);
    for (size_t i = 0; i < op_case.num_differentiable; ++i) {
      // Along three random directions instead of entry by entry.
      for (uint64_t seed = 0; seed < 3; ++seed) {
        const at::Tensor direction =
            normal(inputs[i].sizes(), at::kDouble, 50 + seed).to(tested_device());
        const auto at_offset = [&](double offset) {
          Tensors moved = as_leaves(op_case, inputs);
          moved[i] = (inputs[i] + direction * offset).requires_grad_(true);
          return project(op_case.fused(moved)).item<double>();
        };
        const double numeric = (at_offset(kStep) - at_offset(-kStep)) / (2 * kStep);
        CHECK(
            (analytic[i] * direction).sum().item<double>() ==
            Approx(numeric).epsilon(1e-6).margin(1e-7));
      }
    }
  }
}

TEST_CASE("float64 takes the reference and keeps its dtype") {
  for (const OpCase& op_case : op_table()) {
    INFO(op_case.op << " (" << op_case.variant << ")");
    const Tensors inputs = in_float64(inputs_of(op_case, 3, at::kDouble));
    const bool is_floating = std::any_of(
        inputs.begin(), inputs.end(),
        [](const at::Tensor& t) { return t.is_floating_point(); });
    CHECK(
        difference(
            op_case.fused(inputs), op_case.reference(inputs),
            is_floating ? 0.0 : op_case.float32_tolerance) == "");
  }
}

TEST_CASE("inputs of any strides give the contiguous result") {
  for (const OpCase& op_case : op_table()) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      INFO(op_case.op << " (" << op_case.variant << "), " << dtype);
      const Tensors inputs = inputs_of(op_case, 5, dtype);
      const Tensors expected = op_case.fused(inputs);
      for (const auto layout : {with_gaps, transposed}) {
        Tensors moved;
        for (const at::Tensor& input : inputs) {
          moved.push_back(layout(input));
          CHECK(at::equal(moved.back(), input));
        }
        const Tensors got = op_case.fused(moved);
        CHECK(difference(got, expected, 1e-6) == "");
        if (op_case.num_differentiable > 0) {
          const auto on_moved = [&](const Tensors& leaves) {
            Tensors views;
            for (size_t i = 0; i < leaves.size(); ++i) {
              views.push_back(layout(leaves[i]));
            }
            return op_case.fused(views);
          };
          CHECK(
              difference(
                  gradients(op_case, on_moved, inputs),
                  gradients(op_case, op_case.fused, inputs),
                  dtype == at::kFloat ? 1e-5 : 2e-2) == "");
        }
      }
    }
  }
}

TEST_CASE("Meta gives the shapes and dtypes of the result") {
  for (const OpCase& op_case : op_table()) {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      INFO(op_case.op << " (" << op_case.variant << "), " << dtype);
      const Tensors inputs = inputs_of(op_case, 4, dtype);
      Tensors on_meta;
      for (const at::Tensor& input : inputs) {
        on_meta.push_back(input.to(at::kMeta));
      }
      const Tensors got = op_case.fused(on_meta);
      const Tensors expected = op_case.fused(inputs);
      REQUIRE(got.size() == expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].is_meta());
        CHECK(got[i].sizes() == expected[i].sizes());
        CHECK(got[i].strides() == expected[i].strides());
        CHECK(got[i].scalar_type() == expected[i].scalar_type());
      }
    }
  }
}

TEST_CASE("backward ops refuse a gradient that does not fit") {
  for (const BackwardCall& call : backward_calls()) {
    INFO(call.name << " " << call.overload);
    const at::Tensor grad = call.arguments[0].toTensor();
    CHECK_NOTHROW(call_backward(call, grad));
    const auto refuses = omni::testing::Contains("] expected ");
    CHECK_THROWS_WITH(
        call_backward(call, grad.narrow(-2, 0, grad.size(-2) - 1)), refuses);
    CHECK_THROWS_WITH(call_backward(call, grad.to(at::kDouble)), refuses);
  }
}

TEST_CASE("autocast does not change what an op computes") {
  const Tensors inputs = {
      normal({5, 24}, at::kFloat, 1), normal({37, 24}, at::kFloat, 2)};
  const at::Tensor targets = at::arange(5, at::kLong);
  const at::Tensor plain = linear_cross_entropy(inputs[0], inputs[1], targets).loss;
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor under_autocast =
      linear_cross_entropy(inputs[0], inputs[1], targets).loss;
  at::autocast::set_autocast_enabled(at::kCPU, false);
  CHECK(at::equal(plain, under_autocast));
}

TEST_CASE("results do not depend on the number of threads") {
  for (const OpCase& op_case : op_table()) {
    INFO(op_case.op << " (" << op_case.variant << ")");
    const Tensors inputs = inputs_of(op_case, 33, at::kFloat);
    const auto with_threads = [&](int number) {
      const test::TorchThreads threads(number);
      return op_case.fused(inputs);
    };
    const Tensors alone = with_threads(1);
    CHECK(difference(with_threads(2), alone, 1e-6) == "");
  }
}

} // namespace omni::kernels::testing
