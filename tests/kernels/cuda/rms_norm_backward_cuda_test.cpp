// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/rms_norm_backward.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int64_t num_rows;
  int width;
  bool has_grad_sum;
  bool has_branch;
  bool is_askew = false;
};

const Case kCases[] = {
    {1, 1, false, false},      {3, 7, true, true},  {2, 64, true, false},
    {2, 64, true, true, true}, {0, 32, true, true}, {2, 4104, false, true},
    {515, 9, true, true}, // more rows than blocks
    {1, 24552, true, true}}; // sums that shared memory has no room for

constexpr double kEps = 1e-3, kOffset = 1.0, kMultiplier = 0.5;

template <typename T, typename S>
struct Values {
  std::vector<T> grad;
  std::vector<S> grad_sum;
  std::vector<S> sum;
  std::vector<float> weight;

  explicit Values(const Case& c)
      : grad(random_values<T>(c.num_rows * c.width, 1)),
        grad_sum(random_values<S>(c.num_rows * c.width, 2)),
        sum(random_values<S>(c.num_rows * c.width, 3, 2.0f)),
        weight(random_values<float>(c.width, 4)) {}
};

// grad_stream, grad_branch, and the sums of each block for the weight.
template <typename T, typename S>
auto run(const Case& c, const Values<T, S>& values, ThreadOrder order) {
  Buffer<T> grad(values.grad, c.is_askew);
  Buffer<T> branch(c.has_branch ? values.grad.size() : 0, c.is_askew);
  Buffer<S> grad_sum(values.grad_sum, c.is_askew), sum(values.sum, c.is_askew);
  Buffer<S> stream(values.sum.size(), c.is_askew);
  Buffer<float> weight(values.weight, c.is_askew);
  Buffer<float> sums(rms_norm_backward_parts(c.num_rows) * c.width, c.is_askew);
  RmsNormBackward<T, S> args;
  args.grad_normed = grad.data();
  args.grad_sum = c.has_grad_sum ? grad_sum.data() : nullptr;
  args.sum = sum.data();
  args.weight = weight.data();
  args.grad_stream = stream.data();
  args.grad_branch = c.has_branch ? branch.data() : nullptr;
  args.weight_sums = sums.data();
  args.num_rows = c.num_rows;
  args.width = c.width;
  args.eps = kEps;
  args.weight_offset = kOffset;
  args.branch_multiplier = kMultiplier;
  const bool takes_packs = rms_norm_backward_takes_packs(args);
  CHECK(takes_packs == (!c.is_askew && c.width % kPackSize<T> == 0));
  run_kernel(rms_norm_backward_launch(args), order, [&] {
    takes_packs ? rms_norm_backward_kernel<kPackSize<T>>(args)
                : rms_norm_backward_kernel<1>(args);
  });
  return std::tuple(stream.values(), branch.values(), sums.values());
}

template <typename T, typename S>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.width, c.has_grad_sum, c.has_branch, c.is_askew);
  const Values<T, S> values(c);
  const auto [stream, branch, sums] =
      in_every_order([&](ThreadOrder order) { return run(c, values, order); });
  std::vector<double> expected_stream, expected_branch, weight_gradient(c.width, 0.0);
  for (int64_t row = 0; row < c.num_rows; ++row) {
    const auto at = [&](const auto& rows, int i) {
      return to_double(rows[row * c.width + i]);
    };
    double squares = 0.0, along = 0.0;
    for (int i = 0; i < c.width; ++i) {
      squares += at(values.sum, i) * at(values.sum, i);
      along += at(values.grad, i) * (values.weight[i] + kOffset) * at(values.sum, i);
    }
    const double inverse = 1.0 / std::sqrt(squares / c.width + kEps);
    for (int i = 0; i < c.width; ++i) {
      const double pulled = at(values.grad, i) * (values.weight[i] + kOffset);
      const double back = at(values.sum, i) * along / c.width * inverse * inverse;
      const double extra = c.has_grad_sum ? at(values.grad_sum, i) : 0.0;
      expected_stream.push_back(inverse * (pulled - back) + extra);
      expected_branch.push_back(expected_stream.back() * kMultiplier);
      weight_gradient[i] += at(values.grad, i) * at(values.sum, i) * inverse;
    }
  }
  expected_branch.resize(c.has_branch ? expected_branch.size() : 0);
  CHECK(distance(stream, expected_stream) < kTolerance<S>);
  CHECK(distance(branch, expected_branch) < kTolerance<T>);
  std::vector<float> summed(c.width, 0.0f);
  for (size_t i = 0; i < sums.size(); ++i) {
    summed[i % c.width] += sums[i];
  }
  CHECK(distance(summed, weight_gradient) < 5e-5);
}

TEST_CASE("The CUDA gradient of the norm follows its formula") {
  for (const Case& c : kCases) {
    check<float, float>(c);
    check<Bf16, Bf16>(c);
    check<Bf16, float>(c);
    check<float, Bf16>(c);
  }
}

} // namespace
} // namespace omni::testing
