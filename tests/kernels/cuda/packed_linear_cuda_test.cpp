// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cpu/packed_panels.h"
#include "kernels/cuda/packed_linear.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;
using kernels::WeightFormat;
namespace panels = kernels::cpu;

struct Case {
  int num_rows, num_outputs, num_inputs;
  bool has_bias;
  bool is_askew = false;
};

// Widths of whole chunks and groups, of parts of them, and of more than a block's pass.
const Case kCases[] = {{1, 1, 1, false},         {1, 16, 32, true},  {2, 17, 70, true},
                       {4, 33, 64, false},       {5, 5, 7, true},    {9, 35, 40, false},
                       {1, 3, 2100, true},       {3, 2, 545, false}, {0, 4, 32, true},
                       {3, 20, 96, false, true}, {1, 16, 8, true}};

// [O, I] as the panels of a format, and what these stand for.
struct Weight {
  std::vector<uint8_t> panels;
  std::vector<float> entries;
  int64_t panel_bytes;
};

Weight packed(WeightFormat format, int num_outputs, int num_inputs) {
  const auto rows = random_values<float>(num_outputs * num_inputs, 11, 0.1f);
  const int64_t bytes = panels::panel_bytes(format, num_inputs);
  const int64_t count = panels::num_panels(num_outputs);
  Weight weight{std::vector<uint8_t>(count * bytes), rows, bytes};
  for (int64_t p = 0; p < count; ++p) {
    const int64_t first = p * kPanelRows;
    const int64_t size = std::min<int64_t>(kPanelRows, num_outputs - first);
    auto* panel = reinterpret_cast<std::byte*>(weight.panels.data() + p * bytes);
    panels::pack_panel(
        format, rows.data() + first * num_inputs, num_inputs, size, num_inputs, panel);
    panels::unpack_panel(
        format, panel, size, num_inputs, weight.entries.data() + first * num_inputs,
        num_inputs);
  }
  return weight;
}

template <typename Panel, int kRows, typename T>
void start_product(const PackedLinear<T>& args, ThreadOrder order) {
  const bool takes_packs = packed_linear_takes_packs<Panel>(args);
  run_kernel(packed_linear_launch<Panel>(args), order, [&] {
    if (takes_packs) {
      packed_linear_kernel<Panel, kRows, Panel::kColumns>(args);
    } else {
      packed_linear_kernel<Panel, kRows, 1>(args);
    }
  });
}

template <typename Panel, typename T>
void check_product(WeightFormat format, const Case& c) {
  CAPTURE(c.num_rows, c.num_outputs, c.num_inputs, c.is_askew);
  const Weight weight = packed(format, c.num_outputs, c.num_inputs);
  const auto x = random_values<T>(c.num_rows * c.num_inputs, 12, 0.5f);
  const auto bias = random_values<T>(c.num_outputs, 13);
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<T> in(x, c.is_askew), bias_in(bias), out_buffer(c.num_rows * c.num_outputs);
    Buffer<uint8_t> panels_in(weight.panels);
    PackedLinear<T> args;
    args.x = in.data();
    args.panels = panels_in.data();
    args.bias = c.has_bias ? bias_in.data() : nullptr;
    args.out = out_buffer.data();
    args.num_rows = c.num_rows;
    args.num_outputs = c.num_outputs;
    args.num_inputs = c.num_inputs;
    args.panel_bytes = weight.panel_bytes;
    CHECK(
        packed_linear_takes_packs<Panel>(args) ==
        (!c.is_askew && c.num_inputs % Panel::kColumns == 0));
    packed_rows_together(c.num_rows) == 1
        ? start_product<Panel, 1>(args, order)
        : start_product<Panel, kPackedRows>(args, order);
    return out_buffer.values();
  });
  std::vector<double> expected;
  for (int n = 0; n < c.num_rows; ++n) {
    for (int o = 0; o < c.num_outputs; ++o) {
      double sum = c.has_bias ? to_double(bias[o]) : 0.0;
      for (int i = 0; i < c.num_inputs; ++i) {
        sum += to_double(x[n * c.num_inputs + i]) *
            double{weight.entries[o * c.num_inputs + i]};
      }
      expected.push_back(sum);
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
}

template <typename Panel, typename T>
void check_unpacking(WeightFormat format, const Case& c) {
  CAPTURE(c.num_outputs, c.num_inputs, c.is_askew);
  const Weight weight = packed(format, c.num_outputs, c.num_inputs);
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<uint8_t> panels_in(weight.panels);
    Buffer<T> out_buffer(c.num_outputs * c.num_inputs, c.is_askew);
    UnpackPanels<T> args;
    args.panels = panels_in.data();
    args.out = out_buffer.data();
    args.num_outputs = c.num_outputs;
    args.num_inputs = c.num_inputs;
    args.panel_bytes = weight.panel_bytes;
    const bool takes_packs = unpack_panels_takes_packs<Panel>(args);
    CHECK(takes_packs == (!c.is_askew && c.num_inputs % Panel::kColumns == 0));
    run_kernel(unpack_panels_launch<Panel>(args), order, [&] {
      if (takes_packs) {
        unpack_panels_kernel<Panel, Panel::kColumns>(args);
      } else {
        unpack_panels_kernel<Panel, 1>(args);
      }
    });
    return out_buffer.values();
  });
  std::vector<T> expected; // to the last bit
  for (const float entry : weight.entries) {
    expected.push_back(from_float<T>(entry));
  }
  CHECK(same_bits(out, expected));
}

template <typename Panel>
void check_format(WeightFormat format) {
  CAPTURE(static_cast<int>(format));
  for (const Case& c : kCases) {
    check_product<Panel, float>(format, c);
    check_product<Panel, Bf16>(format, c);
    check_unpacking<Panel, float>(format, c);
    check_unpacking<Panel, Bf16>(format, c);
  }
}

TEST_CASE("CUDA products of few rows read 16-bit panels, and unpack them") {
  check_format<Bfloat16Panel>(WeightFormat::Bfloat16);
}

TEST_CASE("CUDA products of few rows read 8-bit panels, and unpack them") {
  check_format<Int8Panel>(WeightFormat::Int8);
}

TEST_CASE("CUDA products of few rows read 4-bit panels, and unpack them") {
  check_format<Int4Panel>(WeightFormat::Int4);
}

TEST_CASE("CUDA 4-bit scales may be as small as a float16 is") {
  for (const uint16_t bits : {0x0000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff}) {
    const int exponent = bits >> 10, rest = bits & 0x3ff;
    const double value =
        exponent == 0 ? std::ldexp(rest, -24) : std::ldexp(1024 + rest, exponent - 25);
    CHECK(double{float_of_half(bits)} == value);
  }
}

} // namespace
} // namespace omni::testing
