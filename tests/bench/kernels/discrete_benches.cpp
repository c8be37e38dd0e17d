// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/reference.h"
#include "tests/bench/kernels/op_bench.h"

namespace omni::bench {
namespace {

using namespace omni::kernels;

const std::vector<int64_t> kLevels = {8, 5, 5, 5};

// Of rows in the cache, and of more than it holds.
std::string rows_named(int64_t rows) {
  return "rows " + std::to_string(rows);
}

void add_patchify(std::vector<OpBench>& all, int64_t count, int64_t side) {
  const PatchifyOptions options{.patch_size = 8, .merge = 2};
  all.push_back(
      {.op = "patchify",
       .variant = std::to_string(count) + " of " + std::to_string(side) + " pixels",
       .inputs = [=]() -> Tensors {
         return {at::randint(0, 256, {count, side, side, 3}, at::kByte)};
       },
       .fused = [=](const Tensors& in) -> Tensors {
         return {patchify(in[0], options)};
       },
       .reference = [=](const Tensors& in) -> Tensors {
         return {reference::patchify(in[0], options)};
       }});
}

void add_fsq(std::vector<OpBench>& all, int64_t rows) {
  const auto values = [=]() -> Tensors {
    return {random_values({rows, 4}, at::kFloat)};
  };
  all.push_back(
      {.op = "fsq_encode",
       .variant = rows_named(rows),
       .inputs = values,
       .fused = [](const Tensors& in) -> Tensors {
         return {fsq_encode(in[0], kLevels)};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::fsq_encode(in[0], kLevels)};
       }});
  all.push_back(
      {.op = "fsq_decode",
       .variant = rows_named(rows),
       .inputs = [=]() -> Tensors { return {at::randint(0, 1000, {rows}, at::kLong)}; },
       .fused = [](const Tensors& in) -> Tensors {
         return {fsq_decode(in[0], kLevels)};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::fsq_decode(in[0], kLevels)};
       }});
  all.push_back(
      {.op = "fsq_quantize",
       .variant = rows_named(rows),
       .inputs = values,
       .fused = [](const Tensors& in) -> Tensors {
         return {fsq_quantize(in[0], kLevels)};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::fsq_quantize(in[0], kLevels)};
       },
       .num_differentiable = 1});
}

void add_residual_vq(std::vector<OpBench>& all) {
  constexpr int64_t kRows = 1024, kStages = 8, kCodes = 1024, kWidth = 64;
  const auto codebooks = [] {
    return random_values({kStages, kCodes, kWidth}, at::kFloat);
  };
  all.push_back(
      {.op = "residual_vq_encode",
       .variant = "8 stages of 1024, " + rows_named(kRows),
       .inputs = [=]() -> Tensors {
         return {random_values({kRows, kWidth}, at::kFloat), codebooks()};
       },
       .fused = [](const Tensors& in) -> Tensors {
         return {residual_vq_encode(in[0], in[1])};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::residual_vq_encode(in[0], in[1])};
       },
       // A difference, a square and a sum for each entry of each codeword.
       .operations = 3.0 * kRows * kStages * kCodes * kWidth});
  for (const int64_t rows : {int64_t{4096}, int64_t{524288}}) {
    all.push_back(
        {.op = "residual_vq_decode",
         .variant = "8 stages of 1024, " + rows_named(rows),
         .inputs = [=]() -> Tensors {
           return {at::randint(0, kCodes, {rows, kStages}, at::kLong), codebooks()};
         },
         .fused = [](const Tensors& in) -> Tensors {
           return {residual_vq_decode(in[0], in[1])};
         },
         .reference = [](const Tensors& in) -> Tensors {
           return {reference::residual_vq_decode(in[0], in[1])};
         }});
  }
}

void add_routing(std::vector<OpBench>& all, int64_t rows) {
  constexpr int64_t kExperts = 64, kPerRow = 8;
  const RouteOptions options{.experts_per_row = kPerRow};
  const std::string variant = "8 of 64 experts, " + rows_named(rows);
  const auto routed = [](const ExpertRoutes& out) -> Tensors {
    return {out.ids, out.weights};
  };
  all.push_back(
      {.op = "route_experts",
       .variant = variant,
       .inputs = [=]() -> Tensors {
         return {random_values({rows, kExperts}, at::kFloat)};
       },
       .fused =
           [=](const Tensors& in) {
             return routed(route_experts(in[0], std::nullopt, options));
           },
       .reference =
           [=](const Tensors& in) {
             return routed(reference::route_experts(in[0], std::nullopt, options));
           },
       .num_differentiable = 1});
  const auto sorted = [](const SortedPairs& out) -> Tensors {
    return {out.rows, out.places, out.counts};
  };
  all.push_back(
      {.op = "sort_pairs",
       .variant = variant,
       .inputs = [=]() -> Tensors {
         return {at::randint(0, kExperts, {2 * rows, kPerRow}, at::kInt)};
       },
       .fused = [=](const Tensors& in) { return sorted(sort_pairs(in[0], kExperts)); },
       .reference =
           [=](const Tensors& in) {
             return sorted(reference::sort_pairs(in[0], kExperts));
           }});
}

void add_expert_rows(std::vector<OpBench>& all, at::ScalarType dtype, int64_t rows) {
  constexpr int64_t kWidth = 256, kPerRow = 4;
  all.push_back(
      {.op = "gather_rows",
       .variant = name_of(dtype) + ", " + rows_named(rows),
       .inputs = [=]() -> Tensors {
         return {random_values({rows, kWidth}, dtype), at::randperm(rows, at::kLong)};
       },
       .fused = [](const Tensors& in) -> Tensors {
         return {gather_rows(in[0], in[1])};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {in[0].index_select(0, in[1])};
       },
       .num_differentiable = 1,
       .bytes_back =
           [](const Tensors& in, const Tensors& out) {
             return bytes_of(in) + bytes_of(out); // of values none counts
           }});
  all.push_back(
      {.op = "combine_rows",
       .variant = name_of(dtype) + ", " + rows_named(rows) + ", 4 of each",
       .inputs = [=]() -> Tensors {
         return {
             random_values({rows, kWidth}, dtype),
             random_values({rows / kPerRow, kPerRow}, at::kFloat),
             at::randperm(rows, at::kLong)};
       },
       .fused = [](const Tensors& in) -> Tensors {
         return {combine_rows(in[0], in[2], in[1])};
       },
       .reference = [](const Tensors& in) -> Tensors {
         return {reference::combine_rows(in[0], in[2], in[1])};
       },
       .num_differentiable = 2});
}

void add_sampling(std::vector<OpBench>& all, at::ScalarType dtype) {
  const auto add = [&](const char* variant, int64_t vocab, SampleOptions options) {
    all.push_back(
        {.op = "sample",
         .variant = name_of(dtype) + ", " + variant,
         .inputs = [=]() -> Tensors { return {random_values({vocab}, dtype) * 3}; },
         .fused = [=](const Tensors& in) -> Tensors {
           sample(in[0], options, 0.4);
           return {};
         },
         .reference = [=](const Tensors& in) -> Tensors {
           reference::sample(in[0], options, 0.4).item<int64_t>();
           return {};
         }});
  };
  add("greedy of 4224", 4224, {});
  add("top-k 50 of 4224", 4224, {.temperature = 1.0, .top_k = 50});
  add("top-p 0.9 of 4224", 4224, {.temperature = 1.0, .top_p = 0.9});
  add("top-p 0.9 of 150000", 150000, {.temperature = 1.0, .top_p = 0.9});
  constexpr int64_t kVocabs = 8, kVocab = 1024; // a frame of speech
  std::vector<SampleRow> rows;
  for (int64_t i = 0; i < kVocabs; ++i) {
    rows.push_back({i * kVocab, kVocab, 0.4, {.temperature = 1.0, .top_k = 50}});
  }
  all.push_back(
      {.op = "sample_rows",
       .variant = name_of(dtype) + ", top-k 50 of 8 x 1024",
       .inputs = [=]() -> Tensors {
         return {random_values({kVocabs * kVocab}, dtype) * 3};
       },
       .fused = [=](const Tensors& in) -> Tensors {
         sample_rows(in[0], rows);
         return {};
       },
       .reference = [=](const Tensors& in) -> Tensors {
         reference::sample_rows(in[0], rows);
         return {};
       }});
}

} // namespace

std::vector<OpBench> discrete_benches() {
  std::vector<OpBench> all;
  add_patchify(all, 16, 64);
  add_patchify(all, 48, 512);
  add_fsq(all, 4096);
  add_fsq(all, int64_t{4} << 20);
  add_residual_vq(all);
  add_routing(all, 2048);
  add_routing(all, int64_t{512} << 10);
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    add_expert_rows(all, dtype, 4096);
    add_expert_rows(all, dtype, int64_t{256} << 10);
    add_sampling(all, dtype);
  }
  return all;
}

} // namespace omni::bench
