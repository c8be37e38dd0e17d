// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/quantized_linear.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_rows, num_outputs, num_inputs, group;
  bool has_bias;
  bool is_askew = false;
};

const Case kInt8Cases[] = {
    {1, 1, 1, 1, false},   {1, 5, 7, 7, true},       {1, 9, 64, 64, false},
    {3, 6, 64, 16, true},  {6, 3, 1040, 1040, true}, {1, 4, 96, 96, true, true},
    {0, 4, 32, 32, false}, {2, 4, 0, 1, true},       {1, 0, 32, 32, false},
    {4, 8, 600, 24, false}}; // a group of one and a half packs

const Case kInt4Cases[] = {{1, 1, 32, 32, false},  {1, 9, 64, 32, true},
                           {3, 6, 1056, 32, true}, {5, 4, 96, 32, false, true},
                           {0, 4, 32, 32, false},  {2, 4, 0, 32, true}};

// The level of entry i in a row of weights.
template <template <int> typename Levels>
int level_at(const uint8_t* row, int i) {
  if constexpr (Levels<1>::kEntriesPerByte == 1) {
    return static_cast<int8_t>(row[i]);
  } else {
    return (i % 2 == 0 ? row[i / 2] & 15 : row[i / 2] >> 4) - 8;
  }
}

template <template <int> typename Levels, int kRows, typename T>
void start(const QuantizedLinear<T>& args, ThreadOrder order) {
  const bool takes_packs = quantized_linear_takes_packs<Levels>(args);
  run_kernel(quantized_linear_launch(args), order, [&] {
    if (takes_packs) {
      quantized_linear_kernel<Levels<kLinearBytes>, kLinearBytes, kRows>(args);
    } else {
      quantized_linear_kernel<Levels<1>, 1, kRows>(args);
    }
  });
}

template <template <int> typename Levels, typename T>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.num_outputs, c.num_inputs, c.group, c.is_askew);
  const int row_bytes = c.num_inputs / Levels<1>::kEntriesPerByte;
  const int groups = c.num_inputs / c.group;
  std::mt19937_64 random(11);
  std::vector<uint8_t> weight(c.num_outputs * row_bytes);
  for (uint8_t& byte : weight) {
    byte = static_cast<uint8_t>(random()); // every level, -128 and -8 among them
  }
  const auto x = random_values<T>(c.num_rows * c.num_inputs, 12, 0.1f);
  const auto scales = random_values<float>(c.num_outputs * groups, 13, 0.01f);
  const auto bias = random_values<T>(c.num_outputs, 14);
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<T> in(x), bias_in(bias), out_buffer(c.num_rows * c.num_outputs);
    Buffer<uint8_t> weight_in(weight, c.is_askew);
    Buffer<float> scales_in(scales);
    QuantizedLinear<T> args;
    args.x = in.data();
    args.weight = weight_in.data();
    args.scales = scales_in.data();
    args.bias = c.has_bias ? bias_in.data() : nullptr;
    args.out = out_buffer.data();
    args.num_rows = c.num_rows;
    args.num_outputs = c.num_outputs;
    args.num_inputs = c.num_inputs;
    args.group = c.group;
    CHECK(
        quantized_linear_takes_packs<Levels>(args) ==
        (!c.is_askew && c.group % Levels<kLinearBytes>::kEntries == 0));
    rows_together(c.num_rows) == 1 ? start<Levels, 1>(args, order)
                                   : start<Levels, kLinearRows>(args, order);
    return out_buffer.values();
  });
  std::vector<double> expected;
  for (int n = 0; n < c.num_rows; ++n) {
    for (int o = 0; o < c.num_outputs; ++o) {
      double sum = c.has_bias ? to_double(bias[o]) : 0.0;
      for (int i = 0; i < c.num_inputs; ++i) {
        sum += to_double(x[n * c.num_inputs + i]) *
            double{scales[o * groups + i / c.group]} *
            level_at<Levels>(weight.data() + o * row_bytes, i);
      }
      expected.push_back(sum);
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
}

TEST_CASE("CUDA int8 weights multiply few rows, by a scale a channel or a group") {
  for (const Case& c : kInt8Cases) {
    check<Int8Levels, float>(c);
    check<Int8Levels, Bf16>(c);
  }
}

TEST_CASE("CUDA int4 weights multiply few rows, by a scale a group of 32") {
  for (const Case& c : kInt4Cases) {
    check<Int4Levels, float>(c);
    check<Int4Levels, Bf16>(c);
  }
}

} // namespace
} // namespace omni::testing
