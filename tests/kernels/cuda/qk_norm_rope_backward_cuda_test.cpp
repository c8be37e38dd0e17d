// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/qk_norm_rope_backward.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_tokens, num_heads, num_groups;
  int key_width, rotary_width;
  bool has_q_norm, has_k_norm, is_interleaved;
  int table_rows; // 0: nothing turns
};

const Case kCases[] = {
    {1, 1, 1, 2, 2, true, true, false, 1},     {3, 4, 2, 64, 64, true, true, false, 3},
    {4, 3, 1, 80, 32, true, true, true, 2}, // partial width, tables of one of two rows
    {2, 2, 2, 66, 66, false, false, false, 2}, {2, 5, 1, 34, 34, true, false, true, 2},
    {2, 2, 1, 33, 0, false, true, false, 0},   {0, 2, 1, 16, 16, true, true, false, 1},
    {530, 3, 1, 4, 4, true, true, false, 530}, // more heads than warps
    {1, 2, 1, 3080, 64, true, true, true, 1}}; // sums beyond shared memory

constexpr double kEps = 1e-3, kOffset = 0.5;

std::vector<float> angles(const Case& c, bool is_sine) {
  std::vector<float> table;
  for (int i = 0; i < c.table_rows * c.rotary_width / 2; ++i) {
    const float angle = 0.7f * static_cast<float>(i % 11 + 1);
    table.push_back(is_sine ? std::sin(angle) : std::cos(angle));
  }
  return table;
}

template <typename T>
struct Values {
  int heads, width; // of a token, q and k together
  std::vector<T> grads, x; // [tokens, heads, width]
  std::vector<float> q_weight, k_weight, cos, sin;

  explicit Values(const Case& c)
      : heads(c.num_heads + c.num_groups),
        width(c.key_width),
        grads(random_values<T>(c.num_tokens * heads * width, 1)),
        x(random_values<T>(c.num_tokens * heads * width, 2, 2.0f)),
        q_weight(random_values<float>(width, 3)),
        k_weight(random_values<float>(width, 4)),
        cos(angles(c, false)),
        sin(angles(c, true)) {}
};

// The gradients of q and k, laid out as they are, and the sums of each warp.
template <typename T>
auto run(const Case& c, const Values<T>& values, ThreadOrder order) {
  Buffer<T> grads(values.grads), x(values.x), out(values.x.size());
  Buffer<float> q_weight(values.q_weight), k_weight(values.k_weight);
  Buffer<float> cos(values.cos), sin(values.sin);
  const bool has_norm = c.has_q_norm || c.has_k_norm;
  const int64_t parts = has_norm ? qk_backward_parts(c.num_tokens * values.heads) : 0;
  Buffer<float> sums(parts * 2 * c.key_width);
  const int64_t token = values.heads * values.width;
  const int64_t group = c.num_heads * values.width;
  QkNormRopeBackward<T> args;
  args.q_grad = {grads.data(), token, values.width};
  args.k_grad = {grads.data() + group, token, values.width};
  args.q = {x.data(), token, values.width};
  args.k = {x.data() + group, token, values.width};
  args.q_out = {out.data(), token, values.width};
  args.k_out = {out.data() + group, token, values.width};
  args.q_weight = c.has_q_norm ? q_weight.data() : nullptr;
  args.k_weight = c.has_k_norm ? k_weight.data() : nullptr;
  args.cos = c.table_rows > 0 ? cos.data() : nullptr;
  args.sin = sin.data();
  args.weight_sums = has_norm ? sums.data() : nullptr;
  args.table_rows = c.table_rows;
  args.num_tokens = c.num_tokens;
  args.num_heads = c.num_heads;
  args.num_groups = c.num_groups;
  args.key_width = c.key_width;
  args.rotary_width = c.rotary_width;
  args.eps = kEps;
  args.weight_offset = kOffset;
  run_kernel(qk_norm_rope_backward_launch(args), order, [&] {
    c.is_interleaved ? qk_norm_rope_backward_kernel<true>(args)
                     : qk_norm_rope_backward_kernel<false>(args);
  });
  return std::tuple(out.values(), sums.values());
}

// The gradient of one head turned back.
template <typename T>
std::vector<double>
turned_back(const Case& c, const Values<T>& values, const T* grad, int token) {
  std::vector<double> turned(c.key_width);
  std::transform(
      grad, grad + c.key_width, turned.begin(), [](T g) { return to_double(g); });
  const int half = c.table_rows > 0 ? c.rotary_width / 2 : 0;
  for (int pair = 0; pair < half; ++pair) {
    const int i = c.is_interleaved ? 2 * pair : pair;
    const int j = c.is_interleaved ? i + 1 : i + half;
    const int place = token % c.table_rows * half + pair;
    const double cos = values.cos[place], sin = values.sin[place];
    turned[i] = to_double(grad[i]) * cos + to_double(grad[j]) * sin;
    turned[j] = to_double(grad[j]) * cos - to_double(grad[i]) * sin;
  }
  return turned;
}

template <typename T>
void check(const Case& c) {
  CAPTURE(c.num_tokens, c.num_heads, c.key_width, c.rotary_width, c.is_interleaved);
  const Values<T> values(c);
  const auto [out, sums] =
      in_every_order([&](ThreadOrder order) { return run(c, values, order); });
  const int width = c.key_width;
  std::vector<double> expected, of_weights(2 * width, 0.0);
  for (int head = 0; head < c.num_tokens * values.heads; ++head) {
    const bool is_query = head % values.heads < c.num_heads;
    const T* x = values.x.data() + head * width;
    const std::vector<double> turned =
        turned_back(c, values, values.grads.data() + head * width, head / values.heads);
    if (!(is_query ? c.has_q_norm : c.has_k_norm)) {
      expected.insert(expected.end(), turned.begin(), turned.end());
      continue;
    }
    const auto& weight = is_query ? values.q_weight : values.k_weight;
    double squares = 0.0, along = 0.0;
    for (int i = 0; i < width; ++i) {
      squares += to_double(x[i]) * to_double(x[i]);
      along += turned[i] * (weight[i] + kOffset) * to_double(x[i]);
    }
    const double inverse = 1.0 / std::sqrt(squares / width + kEps);
    for (int i = 0; i < width; ++i) {
      const double back = to_double(x[i]) * along / width * inverse * inverse;
      expected.push_back(inverse * (turned[i] * (weight[i] + kOffset) - back));
      of_weights[(is_query ? 0 : width) + i] += turned[i] * to_double(x[i]) * inverse;
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
  std::vector<float> summed(2 * width, 0.0f);
  for (size_t i = 0; i < sums.size(); ++i) {
    summed[i % summed.size()] += sums[i];
  }
  CHECK(distance(summed, of_weights) < 5e-5);
}

TEST_CASE("The CUDA gradients of queries and keys follow their formula") {
  for (const Case& c : kCases) {
    check<float>(c);
    check<Bf16>(c);
  }
}

} // namespace
} // namespace omni::testing
