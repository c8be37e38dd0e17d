// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>

#include "kernels/reference.h"
#include "tests/bench/kernels/op_bench.h"

namespace omni::bench {
namespace {

using namespace omni::kernels;

constexpr int64_t kWidth = 256, kHeads = 4, kHeadWidth = 64, kFeedForward = 704;
// One id of a decoder, a training batch of the nano backbone, and more than any cache.
constexpr int64_t kRowCounts[] = {1, 4096, 131072};

std::string variant_of(at::ScalarType dtype, int64_t rows) {
  return name_of(dtype) + ", rows " + std::to_string(rows);
}

// A single row is one of a decoder, which trains nothing.
size_t trained(int64_t rows, size_t num_differentiable) {
  return rows > 1 ? num_differentiable : 0;
}

void add_norms(std::vector<OpBench>& all, at::ScalarType dtype, int64_t rows) {
  const auto inputs = [=]() -> Tensors {
    return {
        random_values({rows, kWidth}, dtype), random_values({rows, kWidth}, dtype),
        random_values({kWidth}, dtype)};
  };
  all.push_back(
      {.op = "rms_norm",
       .variant = variant_of(dtype, rows),
       .inputs = [=]() -> Tensors {
         return {random_values({rows, kWidth}, dtype), random_values({kWidth}, dtype)};
       },
       .fused = [](const Tensors& in) -> Tensors { return {rms_norm(in[0], in[1])}; },
       .reference = [](const Tensors& in) -> Tensors {
         return {at::rms_norm(in[0], {kWidth}, in[1], 1e-6)};
       },
       .num_differentiable = trained(rows, 2)});
  all.push_back(
      {.op = "add_rms_norm",
       .variant = variant_of(dtype, rows),
       .inputs = inputs,
       .fused = [](const Tensors& in) -> Tensors {
         const AddRmsNorm out = add_rms_norm(in[0], in[1], in[2]);
         return {out.normed, out.sum};
       },
       .reference = [](const Tensors& in) -> Tensors {
         const at::Tensor sum = in[0] + in[1];
         return {at::rms_norm(sum, {kWidth}, in[2], 1e-6), sum};
       },
       .num_differentiable = trained(rows, 3),
       // The sum and what comes from above; x and the residual have one gradient.
       .bytes_back = [](const Tensors&,
                        const Tensors& out) { return 2.0 * bytes_of(out); }});
  const auto as_tensors = [](const QuantizedRmsNorm& out) -> Tensors {
    return {out.quantized, out.scales, out.sum};
  };
  all.push_back(
      {.op = "quantized_add_rms_norm",
       .variant = variant_of(dtype, rows),
       .inputs = inputs,
       .fused =
           [=](const Tensors& in) {
             return as_tensors(quantized_add_rms_norm(in[0], in[1], in[2]));
           },
       .reference =
           [=](const Tensors& in) {
             return as_tensors(
                 reference::quantized_add_rms_norm(in[0], in[1], in[2], {}));
           }});
}

// q, k and v of a merged projection, weights of the two norms, cos and sin.
Tensors projected(at::ScalarType dtype, int64_t rows) {
  const at::Tensor qkv = random_values({rows, 3 * kHeads * kHeadWidth}, dtype);
  const auto part = [&](int64_t i) {
    return qkv.narrow(1, i * kHeads * kHeadWidth, kHeads * kHeadWidth)
        .unflatten(1, {kHeads, kHeadWidth});
  };
  const at::Tensor angles = random_values({rows, kHeadWidth / 2}, at::kFloat);
  return {
      part(0),
      part(1),
      random_values({kHeadWidth}, dtype),
      random_values({kHeadWidth}, dtype),
      angles.cos(),
      angles.sin(),
      part(2)};
}

void add_rotary(std::vector<OpBench>& all, at::ScalarType dtype, int64_t rows) {
  const auto turned = [](const Tensors& in, const auto& op) -> Tensors {
    const QkNormRopeOptions options{.q_weight = in[2], .k_weight = in[3]};
    const QueriesAndKeys out = op(in[0], in[1], RotaryTables{in[4], in[5]}, options);
    return {out.q, out.k};
  };
  all.push_back(
      {.op = "qk_norm_rope",
       .variant = variant_of(dtype, rows),
       .inputs =
           [=] {
             Tensors in = projected(dtype, rows);
             in.pop_back(); // values are not turned
             return in;
           },
       .fused = [=](const Tensors& in) { return turned(in, qk_norm_rope); },
       .reference =
           [=](const Tensors& in) { return turned(in, reference::qk_norm_rope); },
       .num_differentiable = trained(rows, 4)});
  const auto written = [](const Tensors& in, const auto& op) -> Tensors {
    const QkNormRopeOptions options{.q_weight = in[2], .k_weight = in[3]};
    return {
        op(in[0], in[1], in[6], RotaryTables{in[4], in[5]}, CacheRows{in[7], in[8]},
           options)};
  };
  all.push_back(
      {.op = "qk_norm_rope_to_cache",
       .variant = variant_of(dtype, rows),
       .inputs =
           [=] {
             Tensors in = projected(dtype, rows);
             for (int i = 0; i < 2; ++i) {
               in.push_back(random_values({kHeads, rows, kHeadWidth}, dtype));
             }
             return in; // the cache is only written
           },
       .fused = [=](const Tensors& in) { return written(in, qk_norm_rope_to_cache); },
       .reference =
           [=](const Tensors& in) {
             return written(in, reference::qk_norm_rope_to_cache);
           }});
}

void add_gates(std::vector<OpBench>& all, at::ScalarType dtype, int64_t rows) {
  // Wide rows: a quarter of them is as much.
  const int64_t count = rows > 4096 ? rows / 4 : rows;
  const auto inputs = [=]() -> Tensors {
    return {random_values({count, 2 * kFeedForward}, dtype)};
  };
  all.push_back(
      {.op = "swiglu",
       .variant = variant_of(dtype, count),
       .inputs = inputs,
       .fused = [](const Tensors& in) -> Tensors { return {swiglu(in[0])}; },
       .reference = [](const Tensors& in) -> Tensors {
         const auto halves = in[0].chunk(2, -1);
         return {at::silu(halves[0]) * halves[1]};
       },
       .num_differentiable = trained(count, 1)});
  for (const auto& [name, form] :
       {std::pair("tanh", Gelu::Tanh), std::pair("none", Gelu::Exact)}) {
    all.push_back(
        {.op = "geglu",
         .variant = variant_of(dtype, count) + (form == Gelu::Tanh ? ", tanh" : ""),
         .inputs = inputs,
         .fused = [form = form](const Tensors& in) -> Tensors {
           return {geglu(in[0], form)};
         },
         .reference = [name = name](const Tensors& in) -> Tensors {
           const auto halves = in[0].chunk(2, -1);
           return {at::gelu(halves[0], name) * halves[1]};
         },
         .num_differentiable = trained(count, 1)});
  }
}

void add_splice(std::vector<OpBench>& all, at::ScalarType dtype, int64_t rows) {
  const int64_t media = std::max<int64_t>(1, rows / 4);
  all.push_back(
      {.op = "splice_rows",
       .variant = variant_of(dtype, rows) + ", a quarter new",
       .inputs = [=]() -> Tensors {
         return {
             random_values({rows, kWidth}, dtype),
             random_values({media, kWidth}, dtype),
             at::randperm(rows, at::kLong).narrow(0, 0, media)};
       },
       .fused = [](const Tensors& in) -> Tensors {
         return {splice_rows(in[0], in[1], in[2])};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::splice_rows(in[0], in[1], in[2])};
       },
       .num_differentiable = trained(rows, 2),
       // Rows that others replace need not be read.
       .bytes =
           [](const Tensors& in, const Tensors& out) {
             return 2.0 * bytes_of(out) + bytes_of({in[2]});
           }});
}

} // namespace

std::vector<OpBench> row_benches() {
  std::vector<OpBench> all;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t rows : kRowCounts) {
      add_norms(all, dtype, rows);
      add_rotary(all, dtype, rows);
      add_gates(all, dtype, rows);
      add_splice(all, dtype, rows);
    }
  }
  return all;
}

} // namespace omni::bench
