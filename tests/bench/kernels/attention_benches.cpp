// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/reference.h"
#include "tests/bench/kernels/op_bench.h"

namespace omni::bench {
namespace {

using namespace omni::kernels;

// A multiplication and an addition for each entry of q k^T, and of its product with v.
double operations_of(double seen_rows, int64_t heads, int64_t width) {
  return 4.0 * seen_rows * static_cast<double>(heads * width);
}

OpBench causal_attention_bench(at::ScalarType dtype) {
  constexpr int64_t kSpans = 4, kLength = 1024, kHeads = 4, kWidth = 64;
  const auto attend = [](const Tensors& in, const auto& op) -> Tensors {
    std::vector<RowSpan> spans;
    for (int64_t i = 0; i < kSpans; ++i) {
      spans.push_back({i * kLength, kLength});
    }
    return {op(in[0], in[1], in[2], spans, CausalAttentionOptions{0.125, 0})};
  };
  return {
      .op = "causal_attention",
      .variant = name_of(dtype) + ", 4 spans of 1024",
      .inputs = [=]() -> Tensors {
        const auto rows = [&] {
          return random_values({kSpans * kLength, kHeads, kWidth}, dtype);
        };
        return {rows(), rows(), rows()};
      },
      .fused = [=](const Tensors& in) { return attend(in, causal_attention); },
      .reference =
          [=](const Tensors& in) { return attend(in, reference::causal_attention); },
      .num_differentiable = 3,
      .operations =
          operations_of(kSpans * kLength * (kLength + 1) / 2.0, kHeads, kWidth),
      .peak = peak_of(dtype)};
}

OpBench cached_causal_attention_bench(at::ScalarType dtype) {
  constexpr int64_t kNew = 128, kAll = 2048, kHeads = 16, kGroups = 4, kWidth = 64;
  const CausalAttentionOptions options{0.125, 0};
  return {
      .op = "cached_causal_attention",
      .variant = name_of(dtype) + ", 128 new rows of 2048",
      .inputs = [=]() -> Tensors {
        return {
            random_values({kNew, kHeads, kWidth}, dtype),
            random_values({kGroups, kAll, kWidth}, dtype),
            random_values({kGroups, kAll, kWidth}, dtype)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {cached_causal_attention(in[0], in[1], in[2], options)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::cached_causal_attention(in[0], in[1], in[2], options)};
      },
      .operations = operations_of(kNew * (kAll - (kNew - 1) / 2.0), kHeads, kWidth),
      .peak = peak_of(dtype)};
}

OpBench full_attention_bench(at::ScalarType dtype) {
  constexpr int64_t kRows = 1024, kHeads = 16, kWidth = 72; // of a vision tower
  const double scale = 0.118;
  return {
      .op = "full_attention",
      .variant = name_of(dtype) + ", 1024 rows, 16 x 72",
      .inputs = [=]() -> Tensors {
        const auto rows = [&] {
          return random_values({1, kRows, kHeads, kWidth}, dtype);
        };
        return {rows(), rows(), rows()};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {full_attention(in[0], in[1], in[2], scale)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::full_attention(in[0], in[1], in[2], scale)};
      },
      .operations = operations_of(kRows * kRows, kHeads, kWidth),
      .peak = peak_of(dtype)};
}

OpBench decode_attention_bench(
    at::ScalarType dtype,
    int64_t heads,
    int64_t groups,
    int64_t rows,
    int64_t width) {
  return {
      .op = "decode_attention",
      .variant = name_of(dtype) + ", " + std::to_string(heads) + " heads of " +
          std::to_string(groups) + " groups, " + std::to_string(rows) + " rows",
      .inputs = [=]() -> Tensors {
        return {
            random_values({heads, width}, dtype),
            random_values({groups, rows, width}, dtype),
            random_values({groups, rows, width}, dtype)};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {decode_attention(in[0], in[1], in[2], 0.125)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {at::scaled_dot_product_attention(
            in[0].view({1, heads, 1, width}), in[1].unsqueeze(0), in[2].unsqueeze(0),
            {}, 0.0, false, 0.125, /*enable_gqa=*/true)};
      },
      .operations = operations_of(static_cast<double>(rows), heads, width),
      .peak = peak_of(dtype)};
}

} // namespace

std::vector<OpBench> attention_benches() {
  std::vector<OpBench> all;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    all.push_back(causal_attention_bench(dtype));
    all.push_back(cached_causal_attention_bench(dtype));
    all.push_back(full_attention_bench(dtype));
    all.push_back(decode_attention_bench(dtype, 4, 4, 512, 64)); // of omni-nano
    all.push_back(decode_attention_bench(dtype, 9, 3, 512, 64)); // of SmolLM2
    all.push_back(decode_attention_bench(dtype, 32, 8, 32768, 128));
  }
  return all;
}

} // namespace omni::bench
