// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/reference.h"
#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"

namespace omni::kernels {
namespace {

constexpr int64_t kWidth = 8;

// Puts the number of threads back.
struct Case {
  int64_t rows = 0, heads = 4, groups = 2, window = 0;
  std::vector<RowSpan> spans;
};

struct Values {
  at::Tensor q, k, v; // [L, H, K], [L, G, K], [L, G, K]
};

Values make_values(const Case& of) {
  torch::manual_seed(static_cast<uint64_t>(of.rows + of.window));
  const auto normal = [&](int64_t heads) {
    return at::randn({of.rows, heads, kWidth}, at::kDouble);
  };
  return {normal(of.heads), normal(of.groups), normal(of.groups)};
}

// As the fused path takes them.
Values in_float(const Values& values) {
  return {values.q.to(at::kFloat), values.k.to(at::kFloat), values.v.to(at::kFloat)};
}

struct Outcome {
  at::Tensor out, q_grad, k_grad, v_grad;
};

using Attention =
    std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>;

// Value and gradients of the sum of out * weights.
Outcome
run(const Values& values, const at::Tensor& weights, const Attention& attention) {
  const auto leaf = [](const at::Tensor& x) {
    return x.detach().clone().set_requires_grad(true);
  };
  const at::Tensor q = leaf(values.q), k = leaf(values.k), v = leaf(values.v);
  const at::Tensor out = attention(q, k, v);
  out.backward(weights.to(out.scalar_type()));
  return {out.detach(), q.grad(), k.grad(), v.grad()};
}

// Largest difference, as a part of the largest expected value; of 0.1 at least, for the
// gradients that are zero but for rounding (q and k of a row that sees only itself).
double distance(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor wanted = expected.to(at::kDouble);
  const double largest = wanted.abs().max().item<double>();
  return (got.to(at::kDouble) - wanted).abs().max().item<double>() /
      std::max(largest, 0.1);
}

void check_near(const Outcome& got, const Outcome& expected, double tolerance) {
  CHECK(distance(got.out, expected.out) < tolerance);
  CHECK(distance(got.q_grad, expected.q_grad) < tolerance);
  CHECK(distance(got.k_grad, expected.k_grad) < tolerance);
  CHECK(distance(got.v_grad, expected.v_grad) < tolerance);
}

// Explicit scores, mask and softmax: no kernel of LibTorch's attention, no tiles.
at::Tensor written_out(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    double scale,
    int64_t window) {
  const int64_t rows = q.size(0), repeat = q.size(1) / k.size(1);
  at::Tensor sees = at::zeros({rows, rows}, at::kBool);
  auto seen = sees.accessor<bool, 2>();
  for (const RowSpan& span : spans) {
    for (int64_t i = span.begin; i < span.begin + span.length; ++i) {
      for (int64_t j = span.begin; j <= i; ++j) {
        seen[i][j] = window == 0 || i - j < window;
      }
    }
  }
  const auto heads_first = [&](const at::Tensor& x, int64_t times) {
    return x.repeat_interleave(times, 1).transpose(0, 1);
  };
  const at::Tensor scores =
      heads_first(q, 1).matmul(heads_first(k, repeat).transpose(1, 2)) * scale;
  const at::Tensor exponents =
      scores.masked_fill(sees.logical_not(), -std::numeric_limits<double>::infinity());
  // Rows in no span are all hidden: softmax makes them NaN, zero is due.
  const at::Tensor probabilities = at::where(
      sees.any(1).unsqueeze(1), at::softmax(exponents, -1), at::zeros({}, q.options()));
  return probabilities.matmul(heads_first(v, repeat)).transpose(0, 1);
}

const CausalAttentionOptions kPlain{0.35, 0};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t window : {0, 5, 130}) {
    for (const auto& [heads, groups] :
         std::vector<std::pair<int64_t, int64_t>>{{4, 2}, {4, 4}, {3, 1}}) {
      all.push_back({1, heads, groups, window, {{0, 1}}});
      all.push_back({300, heads, groups, window, {{0, 300}}}); // three tiles
      all.push_back({128, heads, groups, window, {{0, 128}}}); // one whole tile
      // Several, tiny and long, rows 2, 3 and the last in none.
      all.push_back(
          {200,
           heads,
           groups,
           window,
           {{0, 2}, {4, 1}, {5, 129}, {134, 3}, {137, 62}}});
    }
  }
  return all;
}

} // namespace

TEST_CASE("span attention equals softmax written out, value and gradient") {
  for (const Case& of : cases()) {
    if (of.rows > 200) {
      continue; // the explicit matrix of the largest is the next case's
    }
    const Values values = make_values(of);
    const at::Tensor weights = at::randn({of.rows, of.heads, kWidth}, at::kDouble);
    const CausalAttentionOptions options{0.35, of.window};
    INFO(
        "rows " << of.rows << " H " << of.heads << " G " << of.groups << " window "
                << of.window);
    const Outcome expected = run(values, weights, [&](auto& q, auto& k, auto& v) {
      return written_out(q, k, v, of.spans, 0.35, of.window);
    });
    check_near(
        run(in_float(values), weights,
            [&](auto& q, auto& k, auto& v) {
              return causal_attention(q, k, v, of.spans, options);
            }),
        expected, 3e-6);
    check_near(
        run(values, weights,
            [&](auto& q, auto& k, auto& v) {
              return reference::causal_attention(q, k, v, of.spans, options);
            }),
        expected, 1e-12);
  }
}

// Tolerances, as parts of the largest value: rounding of sums in float32;
// for bf16 one rounding of each input to the expectation (taken away: both see the
// rounded values), one of the result and, in the gradient, one of the saved output.
TEST_CASE("span attention equals the plain one in every dtype and thread count") {
  const auto threads = GENERATE(1, 2);
  const auto [dtype, tolerance] = GENERATE(
      table<at::ScalarType, double>({{at::kFloat, 3e-6}, {at::kBFloat16, 1.0 / 128}}));
  const test::TorchThreads guard(threads);
  for (const Case& of : cases()) {
    INFO(
        threads << " threads, " << at::toString(dtype) << ", rows " << of.rows << " H "
                << of.heads << " G " << of.groups << " window " << of.window);
    Values values = make_values(of);
    values = {values.q.to(dtype), values.k.to(dtype), values.v.to(dtype)};
    const at::Tensor weights =
        at::randn({of.rows, of.heads, kWidth}, at::kDouble).to(dtype);
    const CausalAttentionOptions options{0.35, of.window};
    const Outcome got = run(values, weights, [&](auto& q, auto& k, auto& v) {
      return causal_attention(q, k, v, of.spans, options);
    });
    const Values exact = {
        values.q.to(at::kDouble), values.k.to(at::kDouble), values.v.to(at::kDouble)};
    const Outcome expected = run(exact, weights, [&](auto& q, auto& k, auto& v) {
      return reference::causal_attention(q, k, v, of.spans, options);
    });
    CHECK(got.out.scalar_type() == dtype);
    CHECK(got.k_grad.scalar_type() == dtype);
    check_near(got, expected, tolerance);
  }
}

TEST_CASE("rows in no span give zeros and take no gradient") {
  const Case of{20, 4, 2, 0, {{3, 6}, {12, 5}}};
  const Outcome got =
      run(in_float(make_values(of)), at::ones({20, 4, kWidth}),
          [&](auto& q, auto& k, auto& v) {
            return causal_attention(q, k, v, of.spans, kPlain);
          });
  for (const auto& [begin, length] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 3}, {9, 3}, {17, 3}}) {
    for (const at::Tensor& x : {got.out, got.q_grad, got.k_grad, got.v_grad}) {
      CHECK(x.narrow(0, begin, length).count_nonzero().item<int64_t>() == 0);
    }
  }
  CHECK(got.v_grad.narrow(0, 3, 6).count_nonzero().item<int64_t>() == 6 * 2 * kWidth);
  const Outcome none = run(
      in_float(make_values(of)), at::ones({20, 4, kWidth}),
      [&](auto& q, auto& k, auto& v) { return causal_attention(q, k, v, {}, kPlain); });
  CHECK(none.out.count_nonzero().item<int64_t>() == 0);
  CHECK(none.q_grad.count_nonzero().item<int64_t>() == 0);
}

TEST_CASE("span attention reads any strides, of inputs and of the gradient") {
  const Case of{150, 4, 2, 0, {{0, 140}, {141, 9}}};
  const Values exact = make_values(of), values = in_float(exact);
  // Slices of one [L, H + 2G, K], as a layer has them.
  const at::Tensor joined =
      at::cat({values.q, values.k, values.v}, 1).set_requires_grad(true);
  const auto parts = joined.split_with_sizes({4, 2, 2}, 1);
  const at::Tensor out =
      causal_attention(parts[0], parts[1], parts[2], of.spans, kPlain);
  out.sum().backward(); // an expanded gradient, every stride zero
  const Outcome expected = run(
      exact, at::ones({150, 4, kWidth}, at::kDouble), [&](auto& q, auto& k, auto& v) {
        return reference::causal_attention(q, k, v, of.spans, kPlain);
      });
  CHECK(distance(out.detach(), expected.out) < 3e-6);
  const at::Tensor grads =
      at::cat({expected.q_grad, expected.k_grad, expected.v_grad}, 1);
  CHECK(distance(joined.grad(), grads) < 3e-6);
  // Inputs that lie the other way round.
  const auto turned = [](const at::Tensor& x) {
    return x.permute({2, 1, 0}).contiguous().permute({2, 1, 0});
  };
  const at::Tensor other = causal_attention(
      turned(values.q), turned(values.k), turned(values.v), of.spans, kPlain);
  CHECK(distance(other, expected.out) < 3e-6);
}

TEST_CASE("span attention is the same under autocast and without a gradient") {
  const Case of{150, 4, 2, 5, {{0, 140}, {141, 9}}};
  const Values values = in_float(make_values(of));
  const at::Tensor weights = at::randn({150, 4, kWidth});
  const auto attention = [&](const auto& q, const auto& k, const auto& v) {
    return causal_attention(q, k, v, of.spans, {0.35, of.window});
  };
  const Outcome expected = run(values, weights, attention);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const Outcome got = run(values, weights, attention);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  CHECK(got.out.equal(expected.out));
  CHECK(got.q_grad.equal(expected.q_grad));
  CHECK(got.k_grad.equal(expected.k_grad));
  CHECK(got.v_grad.equal(expected.v_grad));
  CHECK(attention(values.q, values.k, values.v).equal(expected.out));
  // bf16 values beside float32 queries and keys, as autocast can leave them.
  const Values mixed{values.q, values.k, values.v.to(at::kBFloat16)};
  const Outcome from_mixed = run(mixed, weights, attention);
  CHECK(from_mixed.out.scalar_type() == at::kFloat);
  CHECK(from_mixed.v_grad.scalar_type() == at::kBFloat16);
  CHECK(distance(from_mixed.v_grad, expected.v_grad) < 1.0 / 256);
}

TEST_CASE("one frozen input leaves the gradients of the others") {
  const Case of{9, 4, 2, 0, {{0, 9}}};
  const Values values = in_float(make_values(of));
  const Outcome expected =
      run(values, at::ones({9, 4, kWidth}), [&](auto& q, auto& k, auto& v) {
        return reference::causal_attention(q, k, v, of.spans, kPlain);
      });
  const at::Tensor v = values.v.clone().set_requires_grad(true);
  causal_attention(values.q, values.k, v, of.spans, kPlain).sum().backward();
  CHECK(distance(v.grad(), expected.v_grad) < 3e-6);
}

TEST_CASE("a second derivative is refused") {
  const Case of{4, 4, 2, 0, {{0, 4}}};
  const Values values = in_float(make_values(of));
  const at::Tensor q = values.q.clone().set_requires_grad(true);
  const at::Tensor out = causal_attention(q, values.k, values.v, of.spans, kPlain);
  CHECK_THROWS_WITH(
      torch::autograd::grad({out.sum()}, {q}, {}, std::nullopt, /*create_graph=*/true),
      omni::testing::Contains("[causal_attention] expected to be differentiated once"));
}

TEST_CASE("new rows over a cache equal the last rows of the whole span") {
  const auto threads = GENERATE(1, 2);
  const test::TorchThreads guard(threads);
  for (const int64_t window : {0, 5, 130}) {
    for (const int64_t rows : {1, 3, 131, 300}) { // 300: all of them, shift 0
      for (const auto& [dtype, tolerance] :
           std::vector<std::pair<at::ScalarType, double>>{
               {at::kFloat, 3e-6}, {at::kBFloat16, 1.0 / 128}}) {
        INFO(
            "window " << window << ", " << rows << " new rows, "
                      << at::toString(dtype));
        const Values values = make_values({300, 4, 2, window, {}});
        const at::Tensor q = values.q.to(dtype), k = values.k.to(dtype),
                         v = values.v.to(dtype);
        const at::Tensor whole = reference::causal_attention(
            q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {{0, 300}},
            {0.35, window});
        const at::Tensor got = cached_causal_attention(
            q.narrow(0, 300 - rows, rows), k.transpose(0, 1), v.transpose(0, 1),
            {0.35, window});
        CHECK(got.scalar_type() == dtype);
        CHECK(distance(got, whole.narrow(0, 300 - rows, rows)) < tolerance);
      }
    }
  }
}

} // namespace omni::kernels
