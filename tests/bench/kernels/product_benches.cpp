// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/reference.h"
#include "tests/bench/kernels/op_bench.h"

namespace omni::bench {
namespace {

using namespace omni::kernels;

const char* format_name(WeightFormat format) {
  switch (format) {
    case WeightFormat::Bfloat16:
      return "bf16";
    case WeightFormat::Int8:
      return "int8";
    case WeightFormat::Int4:
      break;
  }
  return "int4";
}

// x, the panels, and the plain weight that the twin takes.
OpBench packed_linear_bench(
    WeightFormat format,
    int64_t rows,
    int64_t num_rows,
    int64_t num_columns) {
  const std::string sizes = std::to_string(rows) + " x " + std::to_string(num_columns) +
      " to " + std::to_string(num_rows);
  return {
      .op = "packed_linear",
      .variant = std::string(format_name(format)) + ", " + sizes,
      .inputs = [=]() -> Tensors {
        const at::Tensor weight =
            random_values({num_rows, num_columns}, at::kBFloat16) * 0.05;
        return {
            random_values({rows, num_columns}, at::kBFloat16),
            pack_weight(weight, format).panels, weight};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {
            packed_linear(in[0], PackedWeight{format, num_rows, num_columns, in[1]})};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {at::linear(in[0], in[2])};
      },
      .operations = 2.0 * static_cast<double>(rows * num_rows * num_columns),
      .peak = format == WeightFormat::Bfloat16 ? Peak::Bf16 : Peak::Int8,
      .bytes =
          [](const Tensors& in, const Tensors& out) {
            return bytes_of({in[0], in[1]}) + bytes_of(out);
          }};
}

OpBench grouped_linear_bench(at::ScalarType dtype) {
  constexpr int64_t kBlocks = 8, kRows = 512, kIn = 512, kOut = 1024; // rows of each
  const std::vector<int64_t> counts(kBlocks, kRows);
  return {
      .op = "grouped_linear",
      .variant = name_of(dtype) + ", 8 matrices, 512 rows each",
      .inputs = [=]() -> Tensors {
        return {
            random_values({kBlocks * kRows, kIn}, dtype),
            random_values({kBlocks, kOut, kIn}, dtype) * 0.05};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {grouped_linear(in[0], in[1], counts)};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {at::bmm(in[0].view({kBlocks, kRows, kIn}), in[1].transpose(1, 2))
                    .flatten(0, 1)};
      },
      .num_differentiable = 2,
      .operations = 2.0 * kBlocks* kRows* kIn* kOut,
      .peak = peak_of(dtype)};
}

OpBench linear_cross_entropy_bench(at::ScalarType dtype, int64_t supervised_percent) {
  constexpr int64_t kRows = 4096, kWidth = 256, kVocab = 4224;
  return {
      .op = "linear_cross_entropy",
      .variant = name_of(dtype) + ", " + std::to_string(supervised_percent) +
          " % of rows learned",
      .inputs = [=]() -> Tensors {
        at::Tensor targets = at::arange(0, kRows, at::kLong);
        targets.masked_fill_(targets.remainder(100) >= supervised_percent, -100);
        return {
            random_values({kRows, kWidth}, dtype),
            random_values({kVocab, kWidth}, dtype) * 0.05, targets};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {linear_cross_entropy(in[0], in[1], in[2]).loss};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {at::cross_entropy_loss(
            at::linear(in[0], in[1]).to(at::kFloat), in[2], {}, at::Reduction::Sum)};
      },
      .num_differentiable = 2,
      .operations =
          2.0 * kRows* kWidth* kVocab* static_cast<double>(supervised_percent) / 100.0,
      .peak = peak_of(dtype)};
}

// What an encoder of 30 s of sound has, and more than any cache.
OpBench depthwise_conv1d_bench(at::ScalarType dtype, int64_t batch, int64_t rows) {
  constexpr int64_t kChannels = 384, kTaps = 15;
  return {
      .op = "depthwise_conv1d",
      .variant = name_of(dtype) + ", 15 taps, " + std::to_string(batch) + " x " +
          std::to_string(rows) + " x 384",
      .inputs = [=]() -> Tensors {
        return {
            random_values({batch, rows, kChannels}, dtype),
            random_values({kTaps, kChannels}, dtype),
            random_values({kChannels}, dtype)};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {depthwise_conv1d(in[0], in[1], in[2])};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::depthwise_conv1d(in[0], in[1], in[2])};
      },
      .num_differentiable = 3,
      .operations = 2.0 * kTaps* kChannels* static_cast<double>(batch * rows)};
}

} // namespace

std::vector<OpBench> product_benches() {
  std::vector<OpBench> all;
  for (const auto format :
       {WeightFormat::Bfloat16, WeightFormat::Int8, WeightFormat::Int4}) {
    all.push_back(packed_linear_bench(format, 1, 1536, 576)); // of SmolLM2
    all.push_back(packed_linear_bench(format, 1, 32768, 4096));
    all.push_back(packed_linear_bench(format, 512, 2048, 2048));
  }
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    all.push_back(grouped_linear_bench(dtype));
    all.push_back(linear_cross_entropy_bench(dtype, 100));
    all.push_back(linear_cross_entropy_bench(dtype, 30));
    all.push_back(depthwise_conv1d_bench(dtype, 1, 750));
    all.push_back(depthwise_conv1d_bench(dtype, 48, 3000));
  }
  return all;
}

} // namespace omni::bench
