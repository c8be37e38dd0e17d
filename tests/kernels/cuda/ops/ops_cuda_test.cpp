// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the op table does not ask of the CUDA ops: where their kernels run, what they
// refuse, what goes to the reference, sizes that need more than one launch.
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/cuda/decode_attention_cuda.h"
#include "kernels/cuda/rms_norm_cuda.h"
#include "kernels/path.h"
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"
#include "tests/support/cuda_launches.h"
#include "tests/support/cuda_stream_emulation.h"
#include "tests/support/recorded_calls.h"

namespace omni::kernels::testing {
namespace {

using omni::testing::Contains;
using omni::testing::emulated_stream;
using omni::testing::take_started_kernels;

c10::OperatorHandle op_of(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(("omni::" + name).c_str(), "");
}

void call_cuda(const std::string& name, std::vector<c10::IValue> arguments) {
  op_of(name).callBoxedForDispatchKey(c10::DispatchKey::CUDA, arguments);
}

// Kernels that `call` starts.
template <typename Call>
size_t num_started(const Call& call) {
  take_started_kernels();
  call();
  return take_started_kernels().size();
}

// A tensor that says that it is on a device which is not there.
at::Tensor on_no_device(at::ScalarType dtype) {
  return at::detail::make_tensor<c10::TensorImpl>(
      c10::DispatchKeySet(c10::DispatchKey::CUDA), c10::scalarTypeToTypeMeta(dtype),
      at::Device(at::kCUDA, 0));
}

} // namespace

TEST_CASE("ops with a CUDA kernel are these, and say so") {
  std::set<std::string> names;
  for (const std::string& name : op_names()) {
    if (op_of(name).hasKernelForDispatchKey(c10::DispatchKey::CUDA)) {
      names.insert(name);
      CHECK(explain(name, {on_no_device(at::kBFloat16)}) == "cuda: fused, BFloat16");
    } else {
      CHECK_THAT(
          explain(name, {on_no_device(at::kBFloat16)}),
          Contains("reference: no fused kernel for cuda"));
    }
    CHECK(
        explain(name, {on_no_device(at::kDouble)}).starts_with("reference: no fused"));
  }
  for (const char* name :
       {"add_rms_norm",
        "combine_rows",
        "decode_attention",
        "fsq_decode",
        "fsq_encode",
        "fsq_quantize",
        "gather_rows",
        "geglu",
        "grouped_linear",
        "linear_cross_entropy",
        "packed_linear",
        "patchify",
        "qk_norm_rope",
        "qk_norm_rope_to_cache",
        "quantized_add_rms_norm",
        "rms_norm",
        "sample",
        "residual_vq_decode",
        "residual_vq_encode",
        "route_experts",
        "sample_rows",
        "sort_pairs",
        "splice_rows",
        "swiglu"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("an op that LibTorch has a fused call for on CUDA says which") {
  const at::Tensor x = on_no_device(at::kBFloat16);
  for (const char* op :
       {"causal_attention", "cached_causal_attention", "full_attention"}) {
    CHECK(
        explain(op, {x}) ==
        "reference: no fused kernel for cuda, LibTorch's scaled_dot_product_attention");
  }
  CHECK(
      explain("depthwise_conv1d", {x}) ==
      "reference: no fused kernel for cuda, LibTorch's conv1d");
  CHECK(
      explain("causal_attention", {x.to(at::kMeta)}) ==
      "reference: no fused kernel for meta");
}

TEST_CASE("gradients on a CUDA device are fused where its op has a kernel") {
  const at::Tensor x = on_no_device(at::kBFloat16), on_cpu = at::zeros({2});
  CHECK(takes_fused_path("rms_norm", {x, at::Tensor(), on_no_device(at::kFloat)}));
  CHECK(takes_fused_path("rms_norm", {on_cpu}));
  CHECK(!takes_fused_path("rms_norm", {x, on_cpu}));
  CHECK(!takes_fused_path("rms_norm", {on_no_device(at::kDouble)}));
  CHECK(!takes_fused_path("causal_attention", {x}));
}

TEST_CASE("CUDA kernels start on the current stream, and none for empty tensors") {
  for (const OpCase& op_case : op_table()) {
    INFO(op_case.op << " (" << op_case.variant << ")");
    const bool has_kernel =
        op_of(op_case.op).hasKernelForDispatchKey(c10::DispatchKey::CUDA);
    take_started_kernels();
    op_case.fused(op_case.inputs(3, at::kFloat));
    const auto started = take_started_kernels();
    const bool has_own = has_kernel && op_case.op != "grouped_linear"; // or LibTorch's
    CHECK(started.empty() == !has_own);
    for (const auto& kernel : started) {
      CHECK(kernel.stream == emulated_stream());
    }
    // A cache is never empty, and sort_pairs counts nothing for each of the experts.
    if (op_case.op != "decode_attention" && op_case.op != "sort_pairs") {
      CHECK(num_started([&] { op_case.fused(op_case.inputs(0, at::kFloat)); }) == 0);
    }
  }
}

TEST_CASE("CUDA ops refuse tensors on more than one device") {
  const at::Tensor x = at::zeros({2, 4}), other = at::zeros({2, 4}, at::kMeta);
  const at::Tensor ids = at::zeros({2}, at::TensorOptions(at::kMeta).dtype(at::kLong));
  const std::string got = "expected all tensors on cpu, got one on meta.";
  CHECK_THROWS_WITH(
      call_cuda("rms_norm", {x, other[0], 1e-6, 0.0}), Contains("[rms_norm] " + got));
  CHECK_THROWS_WITH(
      call_cuda("add_rms_norm", {x, other, x[0], 1e-6, 0.0, 1.0}),
      Contains("[add_rms_norm] " + got));
  CHECK_THROWS_WITH(
      call_cuda("splice_rows", {x, x, ids}), Contains("[splice_rows] " + got));
  CHECK_THROWS_WITH(
      call_cuda("linear_cross_entropy", {x, x, ids, c10::IValue(), 1.0, 0.0}),
      Contains("[linear_cross_entropy] " + got));
  CHECK_THROWS_WITH(
      call_cuda(
          "decode_attention",
          {x, x.unsqueeze(0), other.unsqueeze(0), 1.0, c10::IValue(), int64_t{0}}),
      Contains("[decode_attention] " + got));
  CHECK_THROWS_AS(call_cuda("rms_norm", {x, other[0], 1e-6, 0.0}), c10::ValueError);
}

TEST_CASE("CUDA ops check their arguments before anything else") {
  const at::Tensor x = at::zeros({2, 4});
  CHECK_THROWS_AS(rms_norm(x, at::zeros({3})), c10::ValueError);
  CHECK_THROWS_AS(swiglu(at::zeros({3})), c10::ValueError);
  CHECK_THROWS_AS(swiglu(x, x.to(at::kBFloat16)), c10::TypeError);
  CHECK_THROWS_AS(
      splice_rows(x, x, at::tensor({0, 2}, at::TensorOptions(at::kLong))),
      c10::IndexError);
  CHECK_THROWS_AS(fsq_encode(x, {2}), c10::ValueError);
  CHECK_THROWS_AS(decode_attention(x, x, x, 1.0), c10::ValueError);
}

TEST_CASE("a launch that CUDA refuses is an error of its op, once") {
  const at::Tensor x = at::ones({2, 4}), weight = at::ones({4});
  omni::testing::fail_next_launch();
  CHECK_THROWS_WITH(
      rms_norm(x, weight),
      Contains("[kernels] expected CUDA to start rms_norm, got \"too many resources "
               "requested for launch\"."));
  CHECK(!omni::testing::has_launch_error());
  CHECK_NOTHROW(rms_norm(x, weight));
}

TEST_CASE("more blocks than a device takes are refused before they are narrowed") {
  cuda::RmsNorm<float, float, float> norm;
  norm.width = 4;
  norm.num_rows = (int64_t{1} << 32) + 1; // one, in 32 bits
  CHECK_THROWS_WITH(
      cuda::launch_rms_norm(norm, nullptr),
      Contains("[kernels] expected at most 2147483647 blocks of rms_norm, got "
               "4294967297."));
  cuda::DecodeAttention<float> attention;
  attention.num_rows = 1;
  attention.num_heads = attention.num_groups = 65536;
  CHECK_THROWS_WITH(
      cuda::launch_decode_attention(attention, nullptr),
      Contains("at most 65535 blocks of decode_attention, got 65536."));
}

TEST_CASE("what has no CUDA kernel takes the reference") {
  const int64_t wide = cuda::kRmsNormMostWidth + 8;
  const at::Tensor x = normal({2, wide}, at::kFloat, 1), weight = x[1];
  CHECK(num_started([&] {
          CHECK(at::equal(rms_norm(x, weight), reference::rms_norm(x, weight, {})));
        }) == 0);
  const int64_t key_width = cuda::kAttendMostKeyWidth + 1;
  const at::Tensor q = normal({1, key_width}, at::kFloat, 1), keys = q.unsqueeze(0);
  CHECK(num_started([&] { decode_attention(q, keys, keys, 0.1); }) == 0);
  at::Tensor logits = at::zeros({1 << 19});
  logits[7] = 3.0;
  CHECK(num_started([&] { CHECK(sample(logits, {}) == 7); }) == 0);
  CHECK(num_started([&] { swiglu(x.to(at::kDouble)); }) == 0);
}

TEST_CASE("rows as wide as shared memory holds take the kernel, and any width back") {
  for (const int64_t width : {cuda::kRmsNormMostWidth, cuda::kRmsNormMostWidth + 9}) {
    const auto gradients = [&](const auto& norm, at::ScalarType dtype) {
      const at::Tensor x = normal({2, width}, dtype, 1).requires_grad_(true);
      const at::Tensor weight = normal({width}, dtype, 2).requires_grad_(true);
      (norm(x, weight, RmsNormOptions{}) * normal({2, width}, dtype, 3))
          .sum()
          .backward();
      return Tensors{x.grad(), weight.grad()};
    };
    const auto expected = gradients(&reference::rms_norm, at::kDouble);
    CHECK(difference(gradients(&rms_norm, at::kFloat), expected, 1e-5) == "");
  }
}

TEST_CASE("the CUDA loss takes its rows in chunks") {
  constexpr int64_t kRows = 8195; // a chunk of a small vocabulary is 8192
  const at::Tensor targets =
      at::arange(kRows, at::TensorOptions(at::kLong)).remainder(2);
  targets[3] = targets[kRows - 2] = kIgnoredTarget;
  const auto outputs = [&](const auto& op, at::ScalarType dtype) {
    const at::Tensor hidden = normal({kRows, 4}, dtype, 1).requires_grad_(true);
    const at::Tensor weight = normal({2, 4}, dtype, 2).requires_grad_(true);
    const LinearCrossEntropy loss =
        op(hidden, weight, targets, LinearCrossEntropyOptions{});
    (loss.loss / kRows).backward();
    return Tensors{loss.row_losses, hidden.grad() * kRows, weight.grad()};
  };
  take_started_kernels();
  const Tensors got = outputs(&linear_cross_entropy, at::kFloat);
  CHECK(take_started_kernels().size() == 2);
  const auto expected = outputs(&reference::linear_cross_entropy, at::kDouble);
  CHECK(difference(got, expected, 1e-5) == "");
}

TEST_CASE("the CUDA loss waits once, and starts nothing for ignored rows") {
  const at::Tensor hidden = normal({6, 4}, at::kFloat, 1).requires_grad_(true);
  const at::Tensor weight = normal({5, 4}, at::kFloat, 2);
  const at::Tensor ignored = at::full({6}, kIgnoredTarget, at::kLong);
  CHECK(num_started([&] {
          linear_cross_entropy(hidden, weight, ignored).loss.backward();
        }) == 0);
  CHECK(at::equal(hidden.grad(), at::zeros({6, 4})));
  at::Tensor some = ignored.clone();
  some[4] = 2;
  for (const at::Tensor& targets : {some, at::zeros_like(ignored)}) {
    const auto call = [&] { linear_cross_entropy(hidden, weight, targets); };
    CHECK(num_started(call) == 1);
    CHECK(
        omni::testing::waiting_operators(call) ==
        std::set<std::string>{"aten::nonzero"});
  }
  // All rows are taken as they are.
  const auto called = omni::testing::called_operators(
      [&] { linear_cross_entropy(hidden, weight, at::zeros_like(ignored)); });
  CHECK(!called.contains("aten::index_select"));
  CHECK(!called.contains("aten::index_copy_"));
}

TEST_CASE("long caches are split among blocks and merged") {
  const at::Tensor q = normal({4, 16}, at::kFloat, 1);
  const at::Tensor keys = normal({2, 600, 16}, at::kFloat, 2);
  const at::Tensor values = normal({2, 600, 24}, at::kFloat, 3);
  for (const int64_t first : {0, 90, 599}) {
    const at::Tensor k = keys.narrow(1, first, 600 - first);
    const at::Tensor v = values.narrow(1, first, 600 - first);
    take_started_kernels();
    const at::Tensor got = decode_attention(q, k, v, 0.3);
    CHECK(take_started_kernels().size() == (first == 599 ? 1 : 2));
    const Tensors in = in_float64({q, k, v});
    const Tensors expected = {reference::decode_attention(in[0], in[1], in[2], 0.3)};
    CHECK(difference({got}, expected, 5e-6) == "");
  }
}

TEST_CASE("a row placed by the device is not looked at by the host") {
  const at::Tensor q = normal({1, 4, 16}, at::kFloat, 1);
  const at::Tensor k = normal({1, 2, 16}, at::kFloat, 2);
  const at::Tensor keys = at::full({2, 600, 16}, NAN);
  const at::Tensor values = at::full({2, 600, 16}, NAN);
  const at::Tensor row = at::zeros({1}, at::TensorOptions(at::kLong));
  for (const int64_t index : {0, 1, 2, 3}) {
    row.fill_(index);
    const at::Tensor angles = normal({1, 8}, at::kFloat, 10 + index);
    const at::Tensor v = normal({1, 2, 16}, at::kFloat, 20 + index);
    const RotaryTables tables{angles.cos(), angles.sin()};
    at::Tensor attended;
    size_t num_kernels = 0;
    const auto waiting = omni::testing::waiting_operators([&] {
      num_kernels = num_started([&] {
        const at::Tensor turned = qk_norm_rope_to_cache(
            q, k, v, tables, {.keys = keys, .values = values, .rows = row});
        attended = decode_attention(turned[0], keys, values, 0.3, {row, 3});
      });
    });
    CHECK(waiting.empty());
    CHECK(num_kernels == 2); // of any row: a window needs no second split
    const int64_t begin = std::max<int64_t>(index - 2, 0), size = index + 1 - begin;
    const QueriesAndKeys turned = reference::qk_norm_rope(q, k, tables, {});
    CHECK(difference({keys.select(1, index)}, in_float64({turned.k[0]}), 5e-6) == "");
    CHECK(at::equal(values.select(1, index), v[0]));
    const at::Tensor expected = reference::decode_attention(
        turned.q[0], keys.narrow(1, begin, size), values.narrow(1, begin, size), 0.3);
    CHECK(difference({attended}, in_float64({expected}), 5e-6) == "");
    row.fill_(599); // the same launches, whatever the row
    CHECK(num_started([&] {
            decode_attention(q[0], keys, values, 0.3, {row, 0});
          }) == 2);
  }
}

TEST_CASE("weights keep their precision whatever the dtype of the rows") {
  const at::Tensor weight = normal({64}, at::kFloat, 1);
  for (const auto rows_dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto stream_dtype : {at::kFloat, at::kBFloat16}) {
      for (const auto weight_dtype : {at::kFloat, at::kBFloat16}) {
        INFO(rows_dtype << " " << stream_dtype << " " << weight_dtype);
        const Tensors in = {
            normal({3, 64}, rows_dtype, 2), normal({3, 64}, stream_dtype, 3),
            weight.to(weight_dtype)};
        const auto got = add_rms_norm(in[0], in[1], in[2], {});
        const auto same = reference::add_rms_norm(in[0], in[1], in[2], {});
        CHECK(got.normed.scalar_type() == rows_dtype);
        CHECK(got.sum.scalar_type() == stream_dtype);
        // The same rounding: to the last bit but one of the sum.
        const double tolerance = rows_dtype == at::kFloat ? 2e-6 : 8e-3;
        CHECK(difference({got.normed}, in_float64({same.normed}), tolerance) == "");
        CHECK(difference({got.sum}, in_float64({same.sum}), 0.0) == "");
      }
    }
  }
}

} // namespace omni::kernels::testing
