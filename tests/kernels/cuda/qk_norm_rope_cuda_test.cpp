// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/qk_norm_rope.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_tokens, num_heads, num_groups;
  int key_width, rotary_width;
  bool has_norm, is_interleaved, has_cache;
  int table_rows; // 0: nothing turns
};

const Case kCases[] = {
    {1, 1, 1, 2, 2, true, false, false, 1},
    {3, 4, 2, 64, 64, true, false, true, 3},
    {4, 3, 1, 80, 32, true, true, true, 2}, // partial width, tables of one of two rows
    {2, 2, 2, 66, 66, false, false, true, 2},
    {2, 5, 1, 128, 128, false, true, false, 2},
    {2, 2, 1, 33, 0, true, false, true, 0},
    {0, 2, 1, 16, 16, true, false, true, 1},
    {1, 2, 1, 256, 64, true, true, true, 1}};

constexpr int kCacheRows = 9;
constexpr int kValueWidth = 35;

// Every third row of a three-axis table belongs to one axis: the kernel sees only rows.
std::vector<float> angles(const Case& c, bool is_sine) {
  std::vector<float> table;
  for (int row = 0; row < c.table_rows; ++row) {
    for (int i = 0; i < c.rotary_width / 2; ++i) {
      const float angle = 0.7f * static_cast<float>((row + i % 3) * (i + 1));
      table.push_back(is_sine ? std::sin(angle) : std::cos(angle));
    }
  }
  return table;
}

std::vector<double> twin(
    const Case& c,
    const std::vector<double>& head,
    const std::vector<double>& weight,
    int token) {
  std::vector<double> out = head;
  if (c.has_norm) {
    double squares = 0.0;
    for (const double x : head) {
      squares += x * x;
    }
    for (int i = 0; i < c.key_width; ++i) {
      out[i] *= (weight[i] + 1.0) / std::sqrt(squares / c.key_width + 1e-5);
    }
  }
  if (c.table_rows == 0) {
    return out;
  }
  const std::vector<double> normed = out;
  const std::vector<float> cos = angles(c, false), sin = angles(c, true);
  const int half = c.rotary_width / 2, row = token % c.table_rows;
  for (int pair = 0; pair < half; ++pair) {
    const int i = c.is_interleaved ? 2 * pair : pair;
    const int j = c.is_interleaved ? i + 1 : i + half;
    const double co = cos[row * half + pair], si = sin[row * half + pair];
    out[i] = normed[i] * co - normed[j] * si;
    out[j] = normed[j] * co + normed[i] * si;
  }
  return out;
}

// q, k and v of a token lie in one merged row, as a fused projection writes them.
template <typename T, typename W = float>
class Run {
 public:
  explicit Run(const Case& case_in) : c(case_in) {
    row = (c.num_heads + c.num_groups) * c.key_width + c.num_groups * kValueWidth;
    merged = random_values<T>(static_cast<size_t>(row) * c.num_tokens, 5, 2.0f);
    q_weight = random_values<W>(c.key_width, 6);
    k_weight = random_values<W>(c.key_width, 7);
    for (int token = 0; token < c.num_tokens; ++token) {
      cache_rows.push_back((token * 4 + 3) % kCacheRows);
    }
  }

  auto operator()(ThreadOrder order) const {
    const int width = c.key_width, groups = c.num_groups;
    Buffer<T> in(merged);
    Buffer<T> q_out(c.num_tokens * c.num_heads * width);
    Buffer<T> k_out(c.num_tokens * groups * width);
    Buffer<T> keys(groups * kCacheRows * width),
        values(groups * kCacheRows * kValueWidth);
    Buffer<W> q_weight_in(q_weight), k_weight_in(k_weight);
    Buffer<float> cos(angles(c, false)), sin(angles(c, true));
    Buffer<int64_t> rows(cache_rows);
    QkNormRope<T, W> args;
    const int k_begin = c.num_heads * width, v_begin = k_begin + groups * width;
    args.q = {in.data(), row, width};
    args.k = {in.data() + k_begin, row, width};
    args.q_out = {q_out.data(), c.num_heads * width, width};
    args.k_out = {k_out.data(), groups * width, width};
    if (c.has_cache) {
      args.v = {in.data() + v_begin, row, kValueWidth};
      args.key_cache = {keys.data(), width, kCacheRows * width};
      args.value_cache = {values.data(), kValueWidth, kCacheRows * kValueWidth};
      args.cache_rows = rows.data();
    }
    args.q_weight = c.has_norm ? q_weight_in.data() : nullptr;
    args.k_weight = c.has_norm ? k_weight_in.data() : nullptr;
    args.cos = c.table_rows > 0 ? cos.data() : nullptr;
    args.sin = sin.data();
    args.table_rows = c.table_rows;
    args.num_tokens = c.num_tokens;
    args.num_heads = c.num_heads;
    args.num_groups = groups;
    args.key_width = width;
    args.value_width = kValueWidth;
    args.rotary_width = c.rotary_width;
    args.eps = 1e-5f;
    args.weight_offset = 1.0f;
    run_kernel(qk_norm_rope_launch(args), order, [&] {
      c.is_interleaved ? qk_norm_rope_kernel<true>(args)
                       : qk_norm_rope_kernel<false>(args);
    });
    return std::tuple(q_out.values(), k_out.values(), keys.values(), values.values());
  }

  const Case c;
  int row;
  std::vector<T> merged;
  std::vector<W> q_weight, k_weight;
  std::vector<int64_t> cache_rows;
};

template <typename T>
std::vector<double> doubles(const std::vector<T>& values, size_t begin, size_t size) {
  std::vector<double> out;
  for (size_t i = begin; i < begin + size; ++i) {
    out.push_back(to_double(values[i]));
  }
  return out;
}

template <typename T, typename W>
void check(const Case& c) {
  CAPTURE(c.num_tokens, c.num_heads, c.key_width, c.rotary_width, c.is_interleaved);
  const Run<T, W> run(c);
  const auto [q, k, keys, values] = in_every_order(run);
  std::vector<double> expected_q, expected_k;
  // Rows that no token was written to keep the NaN they began with.
  std::vector<double> expected_keys(keys.size(), NAN),
      expected_values(values.size(), NAN);
  const int width = c.key_width;
  const auto q_weight = doubles(run.q_weight, 0, width);
  const auto k_weight = doubles(run.k_weight, 0, width);
  for (int token = 0; token < c.num_tokens; ++token) {
    const size_t begin = static_cast<size_t>(token) * run.row;
    for (int h = 0; h < c.num_heads; ++h) {
      const auto head =
          twin(c, doubles(run.merged, begin + h * width, width), q_weight, token);
      expected_q.insert(expected_q.end(), head.begin(), head.end());
    }
    for (int g = 0; g < c.num_groups; ++g) {
      const size_t k_begin = begin + (c.num_heads + g) * width;
      const auto head = twin(c, doubles(run.merged, k_begin, width), k_weight, token);
      expected_k.insert(expected_k.end(), head.begin(), head.end());
      if (!c.has_cache) {
        continue;
      }
      const int64_t cache_row = g * kCacheRows + run.cache_rows[token];
      std::copy(head.begin(), head.end(), expected_keys.begin() + cache_row * width);
      const size_t v_begin =
          begin + (c.num_heads + c.num_groups) * width + g * kValueWidth;
      const auto value = doubles(run.merged, v_begin, kValueWidth);
      std::copy(
          value.begin(), value.end(),
          expected_values.begin() + cache_row * kValueWidth);
    }
  }
  CHECK(distance(q, expected_q) < kTolerance<T>);
  CHECK(distance(k, expected_k) < kTolerance<T>);
  CHECK(distance(keys, expected_keys) < kTolerance<T>);
  CHECK(distance(values, expected_values) == 0.0);
}

TEST_CASE("CUDA queries and keys are normed, turned and put into the cache") {
  for (const Case& c : kCases) {
    check<float, float>(c);
    check<Bf16, Bf16>(c);
    check<Bf16, float>(c);
  }
}

TEST_CASE("CUDA queries and keys may be turned in place") {
  const Case c{3, 2, 1, 70, 64, true, false, false, 3};
  const Run<float> run(c);
  const auto apart = run(ThreadOrder::Forward);
  Buffer<float> in(run.merged), q_weight(run.q_weight), k_weight(run.k_weight);
  Buffer<float> cos(angles(c, false)), sin(angles(c, true));
  QkNormRope<float, float> args;
  args.q = {in.data(), run.row, c.key_width};
  args.k = {in.data() + c.num_heads * c.key_width, run.row, c.key_width};
  args.q_out = {in.data(), run.row, c.key_width};
  args.k_out = {in.data() + c.num_heads * c.key_width, run.row, c.key_width};
  args.q_weight = q_weight.data();
  args.k_weight = k_weight.data();
  args.cos = cos.data();
  args.sin = sin.data();
  args.table_rows = args.num_tokens = c.num_tokens;
  args.num_heads = c.num_heads;
  args.num_groups = c.num_groups;
  args.key_width = c.key_width;
  args.rotary_width = c.rotary_width;
  args.eps = 1e-5f;
  args.weight_offset = 1.0f;
  run_kernel(qk_norm_rope_launch(args), ThreadOrder::Shuffled, [&] {
    qk_norm_rope_kernel<false>(args);
  });
  const std::vector<float> q = std::get<0>(apart), k = std::get<1>(apart);
  const std::vector<float> merged = in.values();
  for (int token = 0; token < c.num_tokens; ++token) {
    const auto begin = merged.begin() + token * run.row;
    const int q_size = c.num_heads * c.key_width, k_size = c.num_groups * c.key_width;
    CHECK(std::equal(
        q.begin() + token * q_size, q.begin() + (token + 1) * q_size, begin));
    CHECK(std::equal(
        k.begin() + token * k_size, k.begin() + (token + 1) * k_size, begin + q_size));
  }
}

} // namespace
} // namespace omni::testing
