// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/rms_norm.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int64_t num_rows;
  int width;
  bool has_residual;
  bool is_askew = false;
};

const Case kCases[] = {
    {1, 1, false},          {3, 7, true},          {2, 64, true}, {2, 72, false},
    {2, 64, true, true},    {1, 130, true},        {0, 32, true}, {2, 8200, true},
    {1, 9001, false, true}, {4, 256, false, false}};

template <typename T, typename S, typename W>
struct Run {
  Case c;
  RmsNorm<T, S, W> options;
  std::vector<T> x;
  std::vector<S> residual;
  std::vector<W> weight;

  explicit Run(const Case& case_in) : c(case_in) {
    const size_t size = c.num_rows * c.width;
    x = random_values<T>(size, 1);
    residual = random_values<S>(size, 2, 3.0f);
    weight = random_values<W>(c.width, 3);
    options.num_rows = c.num_rows;
    options.width = c.width;
    options.eps = 1e-3f;
    options.weight_offset = 1.0f;
    options.branch_multiplier = 0.5f;
  }

  auto operator()(ThreadOrder order) const {
    Buffer<T> x_in(x, c.is_askew), normed(x.size(), c.is_askew);
    Buffer<S> residual_in(residual, c.is_askew), sum(x.size(), c.is_askew);
    Buffer<W> weight_in(weight, c.is_askew);
    Buffer<int8_t> quantized(x.size(), c.is_askew);
    Buffer<float> scales(c.num_rows);
    RmsNorm<T, S, W> args = options;
    args.x = x_in.data();
    args.residual = c.has_residual ? residual_in.data() : nullptr;
    args.weight = weight_in.data();
    args.normed = normed.data();
    args.sum = sum.data();
    args.quantized = quantized.data();
    args.scales = scales.data();
    const bool takes_packs = rms_norm_takes_packs(args);
    CHECK(takes_packs == (!c.is_askew && c.width % kPackSize<T> == 0));
    run_kernel(rms_norm_launch(args), order, [&] {
      takes_packs ? rms_norm_kernel<kPackSize<T>>(args) : rms_norm_kernel<1>(args);
    });
    return std::tuple(
        normed.values(), sum.values(), quantized.values(), scales.values());
  }
};

template <typename T, typename S, typename W>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.width, c.has_residual, c.is_askew);
  const Run<T, S, W> run(c);
  const auto [normed, sum, quantized, scales] = in_every_order(run);

  std::vector<double> expected_sum, expected;
  for (size_t i = 0; i < run.x.size(); ++i) {
    const double residual = c.has_residual ? to_double(run.residual[i]) : 0.0;
    expected_sum.push_back(residual + 0.5 * to_double(run.x[i]));
  }
  CHECK(distance(sum, expected_sum) < kTolerance<S>);
  for (int64_t row = 0; row < c.num_rows; ++row) {
    double squares = 0.0, largest = 0.0;
    for (int i = 0; i < c.width; ++i) {
      squares += std::pow(to_double(sum[row * c.width + i]), 2);
    }
    const double inverse = 1.0 / std::sqrt(squares / c.width + 1e-3);
    for (int i = 0; i < c.width; ++i) {
      expected.push_back(
          to_double(sum[row * c.width + i]) * inverse *
          (to_double(run.weight[i]) + 1.0));
      largest = std::max(largest, std::abs(expected.back()));
    }
    CHECK(scales[row] == Approx(largest / 127.0).epsilon(1e-4));
    for (int i = 0; i < c.width; ++i) {
      const size_t place = row * c.width + i;
      const double back = quantized[place] * scales[row];
      REQUIRE(std::abs(back - expected[place]) <= scales[row] * 0.51);
    }
  }
  CHECK(distance(normed, expected) < kTolerance<T>);
}

TEST_CASE("The CUDA norm follows its formula at every size and alignment") {
  for (const Case& c : kCases) {
    check<float, float, float>(c);
    check<float, Bf16, float>(c);
    check<Bf16, float, float>(c);
    check<Bf16, Bf16, float>(c);
    check<Bf16, Bf16, Bf16>(c);
  }
}

TEST_CASE("The CUDA norm may write the sum over the residual and leave the rest") {
  Buffer<float> x(random_values<float>(24, 1)), sum(random_values<float>(24, 2));
  const std::vector<float> before = sum.values();
  Buffer<float> weight(random_values<float>(12, 3));
  RmsNorm<float, float, float> args;
  args.x = x.data();
  args.residual = args.sum = sum.data();
  args.weight = weight.data();
  args.num_rows = 2;
  args.width = 12;
  run_kernel(
      rms_norm_launch(args), ThreadOrder::Reverse, [&] { rms_norm_kernel<4>(args); });
  for (size_t i = 0; i < 24; ++i) {
    CHECK(sum.values()[i] == before[i] + x.values()[i]);
  }
}

TEST_CASE("A CUDA row of zeros becomes int8 zeros with scale zero") {
  Buffer<float> x(std::vector<float>(9, 0.0f)), weight(std::vector<float>(9, 2.0f));
  Buffer<int8_t> quantized(9);
  Buffer<float> scale(1);
  RmsNorm<float, float, float> args;
  args.x = x.data();
  args.weight = weight.data();
  args.quantized = quantized.data();
  args.scales = scale.data();
  args.num_rows = 1;
  args.width = 9;
  run_kernel(
      rms_norm_launch(args), ThreadOrder::Forward, [&] { rms_norm_kernel<1>(args); });
  CHECK(quantized.values() == std::vector<int8_t>(9, 0));
  CHECK(scale.values()[0] == 0.0f);
}

} // namespace
} // namespace omni::testing
