// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {
namespace {

// Two spans with rows before, between and behind them, as far as the rows allow.
OpCase causal_attention_case(
    std::string variant,
    int64_t heads,
    int64_t groups,
    CausalAttentionOptions options) {
  const auto spans = [](int64_t rows) {
    std::vector<RowSpan> made;
    if (rows > 0) {
      made.push_back({rows > 2 ? 1 : 0, (rows + 1) / 2});
    }
    if (rows > 6) {
      made.push_back({rows / 2 + 2, rows - rows / 2 - 3});
    }
    return made;
  };
  return {
      .op = "causal_attention",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({rows, heads, 16}, dtype, 1), normal({rows, groups, 16}, dtype, 2),
            normal({rows, groups, 16}, dtype, 3)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {causal_attention(in[0], in[1], in[2], spans(in[0].size(0)), options)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::causal_attention(
            in[0], in[1], in[2], spans(in[0].size(0)), options)};
      },
      .num_differentiable = 3,
      .float32_gradient_tolerance = 1e-5};
}

OpCase cached_causal_attention_case(
    std::string variant,
    int64_t heads,
    int64_t groups,
    CausalAttentionOptions options) {
  return {
      .op = "cached_causal_attention",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({rows, heads, 16}, dtype, 1),
            normal({groups, 2 * rows + 1, 16}, dtype, 2),
            normal({groups, 2 * rows + 1, 16}, dtype, 3)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {cached_causal_attention(in[0], in[1], in[2], options)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::cached_causal_attention(in[0], in[1], in[2], options)};
      },
      .float32_tolerance = 5e-6};
}

OpCase decode_attention_case(
    std::string variant,
    int64_t heads,
    int64_t groups,
    int64_t width) {
  return {
      .op = "decode_attention",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        const int64_t length = 2 * rows + 1;
        return {
            normal({heads, width}, dtype, 1), normal({groups, length, width}, dtype, 2),
            normal({groups, length, width + 3}, dtype, 3)};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {decode_attention(in[0], in[1], in[2], 0.3)};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::decode_attention(in[0], in[1], in[2], 0.3)};
      },
      .float32_tolerance = 5e-6};
}

} // namespace

std::vector<OpCase> attention_cases() {
  return {
      causal_attention_case("grouped", 6, 2, {0.3, 0}),
      causal_attention_case("one group, window", 3, 1, {0.3, 4}),
      cached_causal_attention_case("grouped", 6, 2, {0.3, 0}),
      cached_causal_attention_case("ungrouped, window", 4, 4, {0.3, 5}),
      decode_attention_case("grouped", 6, 2, 16),
      decode_attention_case("one group, odd", 3, 1, 19),
      decode_attention_case("ungrouped", 4, 4, 64)};
}

} // namespace omni::kernels::testing
