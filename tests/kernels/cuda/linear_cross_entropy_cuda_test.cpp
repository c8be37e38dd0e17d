// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/linear_cross_entropy.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

constexpr float kMultiplier = 0.8f;
constexpr float kZLoss = 0.01f;

struct Case {
  int num_rows, vocab;
  bool has_gradient, has_row_weights;
  bool is_askew = false;
};

const Case kCases[] = {{1, 1, true, false},         {3, 7, true, true},
                       {4, 64, true, true},         {4, 64, true, true, true},
                       {0, 32, true, true},         {2, 9000, true, false},
                       {3, 9001, false, true, true}};

template <typename T>
auto run(
    const Case& c,
    const std::vector<T>& logits,
    const std::vector<int64_t>& targets,
    const std::vector<float>& row_weights) {
  return in_every_order([&](ThreadOrder order) {
    Buffer<T> in_out(logits, c.is_askew);
    Buffer<int64_t> targets_in(targets);
    Buffer<float> weights(row_weights), losses(c.num_rows);
    CrossEntropyRows<T> args;
    args.logits = in_out.data();
    args.targets = targets_in.data();
    args.row_weights = c.has_row_weights ? weights.data() : nullptr;
    args.losses = losses.data();
    args.num_rows = c.num_rows;
    args.vocab = c.vocab;
    args.multiplier = kMultiplier;
    args.z_loss = kZLoss;
    args.has_gradient = c.has_gradient;
    const bool takes_packs = cross_entropy_takes_packs(args);
    CHECK(takes_packs == (!c.is_askew && c.vocab % kPackSize<T> == 0));
    run_kernel(cross_entropy_launch(args), order, [&] {
      takes_packs ? cross_entropy_kernel<kPackSize<T>>(args)
                  : cross_entropy_kernel<1>(args);
    });
    return std::tuple(losses.values(), in_out.values());
  });
}

template <typename T>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.vocab, c.has_gradient, c.is_askew);
  const auto logits = random_values<T>(c.num_rows * c.vocab, 1, 5.0f);
  const auto row_weights = random_values<float>(c.num_rows, 2);
  std::vector<int64_t> targets;
  for (int row = 0; row < c.num_rows; ++row) {
    targets.push_back((row * 37 + c.vocab - 1) % c.vocab);
  }
  const auto [losses, gradient] = run(c, logits, targets, row_weights);
  std::vector<double> expected_losses, expected;
  for (int row = 0; row < c.num_rows; ++row) {
    const T* x = logits.data() + row * c.vocab;
    double sum = 0.0;
    for (int i = 0; i < c.vocab; ++i) {
      sum += std::exp(kMultiplier * to_double(x[i]));
    }
    const double log_sum = std::log(sum);
    expected_losses.push_back(
        log_sum - kMultiplier * to_double(x[targets[row]]) +
        double{kZLoss} * log_sum * log_sum);
    const double weight = c.has_row_weights ? row_weights[row] : 1.0;
    for (int i = 0; i < c.vocab; ++i) {
      const double softmax = std::exp(kMultiplier * to_double(x[i]) - log_sum);
      const double slope = weight * kMultiplier *
          (softmax * (1.0 + 2.0 * kZLoss * log_sum) - (i == targets[row] ? 1.0 : 0.0));
      expected.push_back(c.has_gradient ? slope : to_double(x[i]));
    }
  }
  CHECK(distance(losses, expected_losses) < 2e-5);
  CHECK(distance(gradient, expected) < kTolerance<T>);
}

TEST_CASE("CUDA rows of logits become their loss and their gradient") {
  for (const Case& c : kCases) {
    check<float>(c);
    check<Bf16>(c);
  }
}

TEST_CASE(
    "The CUDA loss stays finite where exp overflows and where logits are masked") {
  const auto loss = [](const std::vector<float>& logits) {
    const Case c{1, static_cast<int>(logits.size()), false, false};
    return std::get<0>(run<float>(c, logits, {0}, {1.0f}))[0];
  };
  CHECK(std::isfinite(loss({300.0f, 299.0f, -300.0f})));
  std::vector<float> masked(200, -INFINITY);
  masked[0] = 1.0f;
  CHECK(loss(masked) == Approx(kZLoss * kMultiplier * kMultiplier));
  CHECK(std::isnan(loss({1.0f, NAN, 2.0f})));
}

TEST_CASE("A CUDA target outside the vocabulary stops the kernel") {
  const Case c{1, 3, false, true};
  for (const int64_t target : {int64_t{-1}, int64_t{3}}) {
    CHECK_THROWS_WITH(
        run<float>(c, {1.0f, 2.0f, 3.0f}, {target}, {1.0f}),
        Contains("got a trap at linear_cross_entropy.cuh"));
  }
}

} // namespace
} // namespace omni::testing
