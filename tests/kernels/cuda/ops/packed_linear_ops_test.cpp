// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Products of packed weights, and of blocks of rows, where CUDA tensors go.
#include <ATen/core/dispatch/Dispatcher.h>

#include "kernels/path.h"
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"
#include "tests/support/cuda_launches.h"
#include "tests/support/recorded_calls.h"

namespace omni::kernels::testing {
namespace {

using omni::testing::called_operators;
using omni::testing::Contains;
using omni::testing::take_started_kernels;

constexpr WeightFormat kFormats[] = {
    WeightFormat::Bfloat16, WeightFormat::Int8, WeightFormat::Int4};

PackedWeight
weight_of(WeightFormat format, int64_t rows, int64_t columns, double size = 0.1) {
  return pack_weight(normal({rows, columns}, at::kFloat, 2) * size, format);
}

// Of x and weights as they are, in float64.
Tensors
expected_of(const at::Tensor& x, const PackedWeight& weight, const at::Tensor& bias) {
  const at::Tensor entries = unpack_weight(weight).to(at::kDouble);
  return {at::linear(
      x.to(at::kDouble), entries, bias.defined() ? bias.to(at::kDouble) : bias)};
}

double tolerance_of(at::ScalarType dtype) {
  return dtype == at::kFloat ? 5e-6 : 1e-2;
}

} // namespace

TEST_CASE("CUDA products of packed weights take any numbers, of any count of rows") {
  for (const WeightFormat format : kFormats) {
    for (const int64_t outputs : {1, 17, 33}) {
      const PackedWeight weight = weight_of(format, outputs, 70);
      for (const auto dtype : {at::kFloat, at::kBFloat16}) {
        const at::Tensor bias = normal({outputs}, dtype, 3);
        for (const int64_t rows : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 40}) {
          INFO(static_cast<int>(format) << ", " << outputs << ", " << dtype);
          INFO(rows);
          const at::Tensor x = normal({rows, 70}, dtype, 1);
          take_started_kernels();
          const at::Tensor got = packed_linear(x, weight, bias);
          CHECK(take_started_kernels().size() == (rows == 0 ? 0 : 1));
          CHECK(got.scalar_type() == dtype);
          const Tensors expected = expected_of(x, weight, bias);
          CHECK(difference({got}, expected, tolerance_of(dtype)) == "");
        }
      }
    }
  }
}

TEST_CASE("CUDA products of packed weights keep leading axes") {
  const PackedWeight weight = weight_of(WeightFormat::Int8, 17, 40);
  for (const int64_t length : {3, 30}) {
    const at::Tensor x = normal({2, length, 40}, at::kFloat, 1);
    const at::Tensor got = packed_linear(x, weight);
    CHECK(got.sizes() == at::IntArrayRef({2, length, 17}));
    CHECK(difference({got}, expected_of(x, weight, {}), 5e-6) == "");
  }
  CHECK(
      packed_linear(normal({40}, at::kFloat, 1), weight).sizes() ==
      at::IntArrayRef({17}));
}

TEST_CASE("a large packed weight is unpacked in parts") {
  constexpr int64_t kColumns = 16384, kRows = 1024 + 33; // a part is 1024 rows
  const PackedWeight weight = weight_of(WeightFormat::Bfloat16, kRows, kColumns, 0.01);
  const at::Tensor x = normal({17, kColumns}, at::kBFloat16, 1);
  const at::Tensor bias = normal({kRows}, at::kBFloat16, 3);
  take_started_kernels();
  const at::Tensor got = packed_linear(x, weight, bias);
  CHECK(take_started_kernels().size() == 2);
  CHECK(difference({got}, expected_of(x, weight, bias), 1e-2) == "");
}

TEST_CASE("panels that begin anywhere give the same") {
  for (const WeightFormat format : kFormats) {
    const PackedWeight weight = weight_of(format, 17, 40);
    PackedWeight askew = weight;
    const int64_t size = weight.panels.numel();
    askew.panels =
        at::empty({size + 1}, at::kByte).narrow(0, 1, size).view(weight.panels.sizes());
    askew.panels.copy_(weight.panels);
    for (const int64_t rows : {2, 30}) {
      const at::Tensor x = normal({rows, 40}, at::kFloat, 1);
      CHECK(at::equal(packed_linear(x, askew), packed_linear(x, weight)));
    }
  }
}

TEST_CASE("CUDA products of packed weights refuse what is elsewhere") {
  PackedWeight weight = weight_of(WeightFormat::Int8, 17, 40);
  const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("omni::packed_linear", "");
  std::vector<c10::IValue> arguments = {
      at::zeros({2, 40}), weight.panels.to(at::kMeta), c10::IValue(), 1, 17};
  CHECK_THROWS_WITH(
      op.callBoxedForDispatchKey(c10::DispatchKey::CUDA, arguments),
      Contains("[packed_linear] expected all tensors on cpu, got one on meta."));
}

TEST_CASE("blocks of whole bfloat16 rows are one product of LibTorch's") {
  const std::vector<int64_t> counts = {3, 0, 4};
  const auto is_one_product = [&](int64_t outputs, at::ScalarType dtype) {
    const at::Tensor x = normal({7, 24}, dtype, 1);
    const at::Tensor weight = normal({3, outputs, 24}, at::kFloat, 2) * 0.3;
    at::Tensor got;
    const auto called =
        called_operators([&] { got = grouped_linear(x, weight, counts); });
    const Tensors in = in_float64({x, weight.to(dtype)});
    const Tensors expected = {reference::grouped_linear(in[0], in[1], counts)};
    CHECK(difference({got}, expected, tolerance_of(dtype)) == "");
    return called.contains("aten::_grouped_mm");
  };
  CHECK(is_one_product(16, at::kBFloat16));
  CHECK(!is_one_product(19, at::kBFloat16)); // rows of the result are not whole
  CHECK(!is_one_product(16, at::kFloat));
}

} // namespace omni::kernels::testing
