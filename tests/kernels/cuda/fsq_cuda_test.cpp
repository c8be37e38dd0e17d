// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/fsq.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

const std::vector<std::vector<int64_t>> kLevels =
    {{2}, {3}, {8, 5, 5, 5}, {8, 8, 8, 6, 5}, std::vector<int64_t>(62, 2)};

template <typename T>
std::vector<int64_t> encode(
    const std::vector<T>& values,
    const std::vector<int64_t>& levels,
    ThreadOrder order = ThreadOrder::Forward) {
  const int64_t rows = static_cast<int64_t>(values.size() / levels.size());
  Buffer<T> in(values);
  Buffer<int64_t> codes(rows);
  const FsqGrid grid = fsq_grid(levels.data(), static_cast<int>(levels.size()));
  run_kernel(fsq_launch(rows), order, [&] {
    fsq_encode_kernel(in.data(), codes.data(), rows, grid);
  });
  return codes.values();
}

std::vector<float> decode(
    const std::vector<int64_t>& codes,
    const std::vector<int64_t>& levels,
    ThreadOrder order = ThreadOrder::Forward) {
  const int64_t rows = static_cast<int64_t>(codes.size());
  Buffer<int64_t> in(codes);
  Buffer<float> values(codes.size() * levels.size());
  const FsqGrid grid = fsq_grid(levels.data(), static_cast<int>(levels.size()));
  run_kernel(fsq_launch(rows), order, [&] {
    fsq_decode_kernel(in.data(), values.data(), rows, grid);
  });
  return values.values();
}

// The bounded value before rounding.
double bounded(double value, int64_t level) {
  const double half = (level - 1) * (1.0 + 1e-3) / 2.0;
  const double offset = level % 2 == 0 ? 0.5 : 0.0;
  return std::tanh(value + std::atanh(offset / half)) * half - offset;
}

template <typename T>
std::vector<T> quantize(
    const std::vector<T>& values,
    const std::vector<int64_t>& levels,
    ThreadOrder order) {
  const int64_t rows = static_cast<int64_t>(values.size() / levels.size());
  Buffer<T> in(values), out(values.size());
  const FsqGrid grid = fsq_grid(levels.data(), static_cast<int>(levels.size()));
  run_kernel(fsq_launch(rows), order, [&] {
    fsq_quantize_kernel(in.data(), out.data(), rows, grid);
  });
  return out.values();
}

template <typename T>
std::vector<T> quantize_backward(
    const std::vector<T>& grads,
    const std::vector<T>& values,
    const std::vector<int64_t>& levels,
    ThreadOrder order) {
  const int64_t rows = static_cast<int64_t>(values.size() / levels.size());
  Buffer<T> grad(grads), in(values), out(values.size());
  const FsqGrid grid = fsq_grid(levels.data(), static_cast<int>(levels.size()));
  run_kernel(fsq_launch(rows), order, [&] {
    fsq_quantize_backward_kernel(grad.data(), in.data(), out.data(), rows, grid);
  });
  return out.values();
}

template <typename T>
void check(const std::vector<int64_t>& levels, int64_t rows) {
  CAPTURE(levels.size(), rows);
  const size_t dims = levels.size();
  const auto values = random_values<T>(rows * dims, 8, 2.0f);
  const auto codes =
      in_every_order([&](ThreadOrder order) { return encode(values, levels, order); });
  const auto back =
      in_every_order([&](ThreadOrder order) { return decode(codes, levels, order); });
  for (int64_t row = 0; row < rows; ++row) {
    int64_t rest = codes[row];
    for (size_t i = 0; i < dims; ++i) {
      const double exact = bounded(to_double(values[row * dims + i]), levels[i]);
      const int64_t digit = rest % levels[i];
      // Half a step, and what float32 adds to it next to a tie.
      REQUIRE(std::abs(digit - levels[i] / 2 - exact) < 0.5 + 1e-5);
      REQUIRE(
          back[row * dims + i] ==
          static_cast<float>(digit - levels[i] / 2) /
              static_cast<float>(levels[i] / 2));
      rest /= levels[i];
    }
    REQUIRE(rest == 0);
  }
}

TEST_CASE("CUDA codes are the digits of the rounded values in mixed radix") {
  for (const auto& levels : kLevels) {
    for (const int64_t rows : {0, 1, 127, 300}) {
      check<float>(levels, rows);
      check<Bf16>(levels, rows);
    }
  }
}

template <typename T>
void check_quantize(const std::vector<int64_t>& levels) {
  CAPTURE(levels.size());
  const size_t dims = levels.size();
  const auto values = random_values<T>(130 * dims, 8, 2.0f);
  const auto grads = random_values<T>(values.size(), 9);
  const auto rounded = in_every_order(
      [&](ThreadOrder order) { return quantize(values, levels, order); });
  const auto codes = encode(values, levels);
  const auto decoded = decode(codes, levels);
  const auto gradient = in_every_order([&](ThreadOrder order) {
    return quantize_backward(grads, values, levels, order);
  });
  std::vector<double> expected;
  for (size_t i = 0; i < values.size(); ++i) {
    REQUIRE(to_double(rounded[i]) == to_double(from_float<T>(decoded[i])));
    const int64_t level = levels[i % dims];
    const double value = to_double(values[i]), step = 1e-6;
    const double slope =
        (bounded(value + step, level) - bounded(value - step, level)) / (2 * step);
    expected.push_back(to_double(grads[i]) * slope / static_cast<double>(level / 2));
  }
  CHECK(distance(gradient, expected) < kTolerance<T>);
}

TEST_CASE(
    "CUDA quantised values are the decoded codes, with the slope before rounding") {
  for (const auto& levels : kLevels) {
    check_quantize<float>(levels);
    check_quantize<Bf16>(levels);
  }
}

TEST_CASE("CUDA grid values encode to the code that they came from") {
  const std::vector<int64_t> levels = {4, 3, 2};
  std::vector<int64_t> codes(24);
  for (int64_t code = 0; code < 24; ++code) {
    codes[code] = code;
  }
  // Values far out reach the ends of the grid: they are finite all the same.
  std::vector<float> values = decode(codes, levels);
  for (size_t i = 0; i < values.size(); ++i) {
    const double half = (levels[i % 3] - 1) * (1.0 + 1e-3) / 2.0;
    const double offset = levels[i % 3] % 2 == 0 ? 0.5 : 0.0;
    const double q = values[i] * static_cast<double>(levels[i % 3] / 2);
    values[i] =
        static_cast<float>(std::atanh((q + offset) / half) - std::atanh(offset / half));
  }
  CHECK(encode(values, levels) == codes);
}

TEST_CASE("A CUDA code is in the codebook whatever the values are") {
  const auto codes =
      encode<float>({NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0.0f}, {8, 5});
  for (const int64_t code : codes) {
    CHECK(code >= 0);
    CHECK(code < 40);
  }
}

} // namespace
} // namespace omni::testing
