// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cmath>

#include "kernels/reference.h"
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {
namespace {

// How the pairs of a head turn: by any angles, or by positions on three axes. Then
// pairs have their axes in sections, four, two and two, or in turn until those are used
// up.
enum class Angles { Any, Sections, InTurn };

// [rows, 8], of two tokens of text, the same on all axes, and a picture three wide.
at::Tensor three_axis_angles(Angles angles, int64_t rows) {
  const auto as_ids = at::TensorOptions(at::kLong);
  const at::Tensor row = at::arange(rows, as_ids), cell = row - 2;
  const at::Tensor positions = at::stack(
      {row.clamp_max(2), at::where(cell < 0, row, cell.floor_divide(3) + 2),
       at::where(cell < 0, row, cell.remainder(3) + 2)},
      1);
  const at::Tensor axes = angles == Angles::Sections
      ? at::tensor({0, 0, 0, 0, 1, 1, 2, 2}, as_ids)
      : at::tensor({0, 1, 2, 0, 1, 2, 0, 0}, as_ids);
  const at::Tensor frequencies = at::pow(50.0, at::arange(8, at::kDouble) / -8.0);
  return (positions.index_select(1, axes) * frequencies).to(at::kFloat);
}

// cos and sin [rows, half].
Tensors tables_of(Angles angles, int64_t rows, int64_t half) {
  const at::Tensor used = angles == Angles::Any
      ? normal({rows, half}, at::kFloat, 9) * 3.0
      : three_axis_angles(angles, rows);
  return {used.cos(), used.sin()};
}

// From inputs, whatever dtype they were converted to.
RotaryTables tables_at(const Tensors& in, size_t place) {
  return {in[place].to(at::kFloat), in[place + 1].to(at::kFloat)};
}

struct Heads {
  int64_t num_heads;
  int64_t num_kv_heads;
  int64_t width;
  int64_t half; // of the rotary width; 0: no tables
  bool has_norm;
  bool is_interleaved;
  bool is_batched; // [2, rows, H, K] with tables of [rows]
  Angles angles = Angles::Any; // else half is 8
};

OpCase qk_norm_rope_case(std::string variant, Heads heads) {
  const auto arguments = [=](const Tensors& in) {
    QkNormRopeOptions options{
        .weight_offset = 0.5, .is_interleaved = heads.is_interleaved};
    if (heads.has_norm) {
      options.q_weight = in[2];
      options.k_weight = in[3];
    }
    RotaryTables angles;
    if (heads.half > 0) {
      angles = tables_at(in, heads.has_norm ? 4 : 2);
    }
    return std::pair(angles, options);
  };
  return {
      .op = "qk_norm_rope",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        std::vector<int64_t> q = {rows, heads.num_heads, heads.width};
        std::vector<int64_t> k = {rows, heads.num_kv_heads, heads.width};
        if (heads.is_batched) {
          q.insert(q.begin(), 2);
          k.insert(k.begin(), 2);
        }
        Tensors in = {normal(q, dtype, 1), normal(k, dtype, 2)};
        if (heads.has_norm) {
          in.push_back(normal({heads.width}, dtype, 3));
          in.push_back(normal({heads.width}, dtype, 4));
        }
        if (heads.half > 0) {
          const Tensors tables = tables_of(heads.angles, rows, heads.half);
          in.insert(in.end(), tables.begin(), tables.end());
        }
        return in;
      },
      .fused = [=](const Tensors& in) -> Tensors {
        const auto [angles, options] = arguments(in);
        const auto out = qk_norm_rope(in[0], in[1], angles, options);
        return {out.q, out.k};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        const auto [angles, options] = arguments(in);
        const auto out = reference::qk_norm_rope(in[0], in[1], angles, options);
        return {out.q, out.k};
      },
      .num_differentiable = heads.has_norm ? size_t{4} : size_t{2},
      .float32_gradient_tolerance = 2e-5};
}

// The keys and values land in the middle of a cache: one after the other, or backwards
// in rows that are named.
OpCase qk_norm_rope_to_cache_case(
    std::string variant,
    bool is_interleaved,
    bool names_rows = false,
    Angles angles = Angles::Any) {
  constexpr int64_t kBegin = 2, kMore = 5;
  const auto call = [=](const Tensors& in, const auto& op) -> Tensors {
    const at::Tensor &q = in[0], &k = in[1], &v = in[2];
    const CacheRows cache{
        at::zeros({k.size(1), k.size(0) + kMore, k.size(2)}, k.options()),
        at::zeros({v.size(1), v.size(0) + kMore, v.size(2)}, v.options()), kBegin,
        names_rows ? in[5] : at::Tensor()};
    const QkNormRopeOptions options{
        .q_weight = in[3],
        .k_weight = in[4],
        .weight_offset = 0.5,
        .is_interleaved = is_interleaved};
    const at::Tensor turned = op(q, k, v, tables_at(in, 6), cache, options);
    return {turned, cache.keys, cache.values};
  };
  return {
      .op = "qk_norm_rope_to_cache",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        const Tensors tables = tables_of(angles, rows, 8);
        return {
            normal({rows, 4, 18}, dtype, 1),
            normal({rows, 2, 18}, dtype, 2),
            normal({rows, 2, 11}, dtype, 5),
            normal({18}, dtype, 3),
            normal({18}, dtype, 4),
            at::arange(rows, at::kLong).flip(0) + kBegin,
            tables[0],
            tables[1]};
      },
      .fused = [=](const Tensors& in) { return call(in, qk_norm_rope_to_cache); },
      .reference =
          [=](const Tensors& in) {
            return call(in, reference::qk_norm_rope_to_cache);
          }};
}

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

// Pieces of merged rows, as an encoder has them.
OpCase
full_attention_case(std::string variant, int64_t heads, int64_t groups, int64_t width) {
  const auto split = [](const Tensors& in) {
    return std::pair(
        in[1].narrow(3, 0, in[0].size(3)), in[1].narrow(3, in[0].size(3), 24));
  };
  return {
      .op = "full_attention",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({2, rows, heads, width}, dtype, 1),
            normal({2, 2 * rows + 1, groups, width + 24}, dtype, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        const auto [k, v] = split(in);
        return {full_attention(in[0], k, v, 0.3)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        const auto [k, v] = split(in);
        return {reference::full_attention(in[0], k, v, 0.3)};
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

// Memory for more rows than are in use.
OpCase last_row_case(std::string variant, int64_t window) {
  const auto call = [=](const Tensors& in, const auto& op) -> Tensors {
    return {op(in[0], in[1], in[2], 0.3, SeenRows{in[3], window})};
  };
  return {
      .op = "decode_attention",
      .variant = std::move(variant),
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        const int64_t capacity = 20 * rows + 1;
        return {
            normal({6, 16}, dtype, 1), normal({2, capacity, 16}, dtype, 2),
            normal({2, capacity, 19}, dtype, 3), at::full({1}, 15 * rows, at::kLong)};
      },
      .fused = [=](const Tensors& in) { return call(in, decode_attention); },
      .reference =
          [=](const Tensors& in) { return call(in, reference::decode_attention); },
      .reads_all = false,
      .float32_tolerance = 5e-6};
}

// Latent rows: the values are the first columns of the keys, in the same memory.
OpCase latent_decode_attention_case(int64_t heads, int64_t rank, int64_t rope_width) {
  const auto values = [=](const at::Tensor& rows) { return rows.narrow(2, 0, rank); };
  const double scale = 1.0 / std::sqrt(static_cast<double>(rank + rope_width));
  return {
      .op = "decode_attention",
      .variant = c10::str("latent rows, ", rank, " + ", rope_width),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        const int64_t width = rank + rope_width;
        return {
            normal({heads, width}, dtype, 1),
            normal({1, 2 * rows + 1, width}, dtype, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {decode_attention(in[0], in[1], values(in[1]), scale)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::decode_attention(in[0], in[1], values(in[1]), scale)};
      },
      .float32_tolerance = 5e-6};
}

} // namespace

std::vector<OpCase> attention_cases() {
  return {
      qk_norm_rope_case("half", {4, 2, 16, 8, true, false, false}),
      qk_norm_rope_case("interleaved", {4, 2, 16, 8, true, true, false}),
      qk_norm_rope_case("half, wide, batched", {2, 2, 64, 32, true, false, true}),
      qk_norm_rope_case("partial half", {3, 1, 22, 5, true, false, true}),
      qk_norm_rope_case("partial interleaved", {3, 3, 22, 5, true, true, true}),
      qk_norm_rope_case("no norm", {4, 2, 16, 8, false, false, false}),
      qk_norm_rope_case("no norm, interleaved", {1, 1, 10, 5, false, true, false}),
      qk_norm_rope_case("no tables", {4, 2, 16, 0, true, false, false}),
      qk_norm_rope_case(
          "three axes in sections",
          {4, 2, 16, 8, true, false, false, Angles::Sections}),
      qk_norm_rope_case(
          "three axes in turn, batched",
          {3, 1, 20, 8, true, false, true, Angles::InTurn}),
      qk_norm_rope_case(
          "three axes in turn, interleaved",
          {2, 2, 16, 8, false, true, false, Angles::InTurn}),
      qk_norm_rope_to_cache_case("half", false),
      qk_norm_rope_to_cache_case("interleaved", true),
      qk_norm_rope_to_cache_case("rows that are named", false, true),
      qk_norm_rope_to_cache_case(
          "three axes in sections", false, false, Angles::Sections),
      qk_norm_rope_to_cache_case("three axes in turn", true, true, Angles::InTurn),
      causal_attention_case("grouped", 6, 2, {0.3, 0}),
      causal_attention_case("one group, window", 3, 1, {0.3, 4}),
      cached_causal_attention_case("grouped", 6, 2, {0.3, 0}),
      cached_causal_attention_case("ungrouped, window", 4, 4, {0.3, 5}),
      full_attention_case("grouped", 6, 2, 16),
      full_attention_case("ungrouped, wide", 3, 3, 72),
      full_attention_case("odd width", 2, 1, 19),
      decode_attention_case("grouped", 6, 2, 16),
      decode_attention_case("one group, odd", 3, 1, 19),
      decode_attention_case("ungrouped", 4, 4, 64),
      last_row_case("up to a row", 0),
      last_row_case("a window up to a row", 300),
      latent_decode_attention_case(5, 512, 64),
      latent_decode_attention_case(3, 40, 7)};
}

} // namespace omni::kernels::testing
