// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/decode_attention.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_heads, num_groups, key_width, value_width;
  int num_rows, capacity; // rows of the cache in use and in memory
  int window = 0;
  bool is_askew = false;
  bool is_latent = false; // the values are the first columns of the keys
};

const Case kCases[] = {
    {1, 1, 1, 1, 1, 1},
    {2, 2, 8, 8, 3, 5},
    {6, 2, 64, 64, 37, 40},
    {6, 1, 33, 5, 90, 95}, // six heads: two tiles
    {4, 2, 64, 132, 257, 300},
    {3, 1, 16, 40, 290, 290, 0, true},
    {4, 1, 64, 64, 400, 401, 64},
    {2, 1, 24, 24, 500, 640, 300},
    {2, 1, 8, 8, 20, 20, 50}, // a window longer than the cache
    {3, 1, 8, 8, 30, 900}, // splits behind the last row
    {2, 2, 8, 12, 256, 700, 400},
    {5, 1, 576, 512, 260, 270, 0, false, true},
    {3, 1, 47, 40, 20, 30, 7, true, true}};

// How the kernel knows how many rows are in use.
enum class Rows { OfTheHost, ReadOnTheDevice };

template <typename T>
class Run {
 public:
  explicit Run(const Case& case_in, Rows rows_in = Rows::OfTheHost)
      : c(case_in), rows(rows_in) {
    q = random_values<T>(c.num_heads * c.key_width, 1, 2.0f);
    keys = random_values<T>(c.num_groups * c.capacity * c.key_width, 2);
    values = random_values<T>(c.num_groups * c.capacity * c.value_width, 3);
    for (int row = 0; row < c.num_groups * c.capacity; ++row) {
      if (row % c.capacity >= c.num_rows) { // no number must come from there
        std::fill_n(keys.begin() + row * c.key_width, c.key_width, from_float<T>(NAN));
        std::fill_n(
            values.begin() + row * c.value_width, c.value_width, from_float<T>(NAN));
      }
      for (int i = 0; c.is_latent && i < c.value_width; ++i) {
        values[row * c.value_width + i] = keys[row * c.key_width + i];
      }
    }
  }

  std::vector<T> operator()(ThreadOrder order) const {
    Buffer<T> q_in(q), keys_in(keys, c.is_askew), values_in(values, c.is_askew);
    Buffer<T> out(c.num_heads * c.value_width);
    DecodeAttention<T> args;
    args.q = q_in.data();
    args.keys = keys_in.data();
    args.values = c.is_latent ? keys_in.data() : values_in.data();
    args.out = out.data();
    args.key_row_stride = c.key_width;
    args.key_group_stride = c.capacity * c.key_width;
    args.value_row_stride = c.is_latent ? c.key_width : c.value_width;
    args.value_group_stride = c.capacity * args.value_row_stride;
    Buffer<int64_t> last_row(std::vector<int64_t>{c.num_rows - 1});
    const bool is_read = rows == Rows::ReadOnTheDevice;
    args.num_rows = is_read ? c.capacity : c.num_rows;
    args.last_row = is_read ? last_row.data() : nullptr;
    args.window = c.window;
    args.num_heads = c.num_heads;
    args.num_groups = c.num_groups;
    args.key_width = c.key_width;
    args.value_width = c.value_width;
    args.scale = 0.3f;
    const int most = is_read ? c.capacity : c.num_rows;
    const int seen = c.window > 0 ? std::min(c.window, most) : most;
    const int splits = ceil_div(seen, kAttendRows);
    CHECK(num_attend_splits(args) == splits);
    const int scratch = splits > 1 ? splits * c.num_heads : 0;
    Buffer<float> split_out(scratch * c.value_width), largest(scratch), sum(scratch);
    args.split_out = split_out.data();
    args.split_largest = largest.data();
    args.split_sum = sum.data();
    const bool takes_packs = decode_attention_takes_packs(args);
    CHECK(
        takes_packs ==
        (!c.is_askew && c.key_width % kAttendPack == 0 &&
         c.value_width % kAttendPack == 0));
    run_kernel(decode_attention_launch(args), order, [&] {
      takes_packs ? decode_attention_kernel<kAttendPack>(args)
                  : decode_attention_kernel<1>(args);
    });
    run_kernel(merge_splits_launch(args), order, [&] { merge_splits_kernel(args); });
    return out.values();
  }

  [[nodiscard]] std::vector<double> twin() const {
    std::vector<double> out;
    const int first = c.window > 0 ? std::max(0, c.num_rows - c.window) : 0;
    for (int head = 0; head < c.num_heads; ++head) {
      const size_t begin = head / (c.num_heads / c.num_groups) * c.capacity;
      std::vector<double> weights;
      double sum = 0.0;
      for (int row = first; row < c.num_rows; ++row) {
        double dot = 0.0;
        for (int i = 0; i < c.key_width; ++i) {
          dot += to_double(q[head * c.key_width + i]) *
              to_double(keys[(begin + row) * c.key_width + i]);
        }
        weights.push_back(std::exp(dot * double{0.3f}));
        sum += weights.back();
      }
      for (int channel = 0; channel < c.value_width; ++channel) {
        double value = 0.0;
        for (int row = first; row < c.num_rows; ++row) {
          value += weights[row - first] / sum *
              to_double(values[(begin + row) * c.value_width + channel]);
        }
        out.push_back(value);
      }
    }
    return out;
  }

  const Case c;
  const Rows rows;
  std::vector<T> q, keys, values;
};

template <typename T>
void check(const Case& c) {
  CAPTURE(c.num_heads, c.num_groups, c.key_width, c.value_width, c.num_rows, c.window);
  for (const Rows rows : {Rows::OfTheHost, Rows::ReadOnTheDevice}) {
    const Run<T> run(c, rows);
    CHECK(distance(in_every_order(run), run.twin()) < kTolerance<T>);
  }
}

TEST_CASE("CUDA attention of one row follows its formula, windowed and split") {
  for (const Case& c : kCases) {
    check<float>(c);
  }
}

TEST_CASE("CUDA attention of one row follows its formula in bfloat16") {
  for (const Case& c : kCases) {
    check<Bf16>(c);
  }
}

TEST_CASE("CUDA attention stays finite where exp of a score overflows") {
  Run<float> run({1, 1, 1, 1, 300, 300});
  run.q = {1000.0f};
  const std::vector<float> out = run(ThreadOrder::Forward);
  CHECK(std::isfinite(out[0]));
  // One key is so much larger that its value alone is seen.
  const auto best = std::max_element(run.keys.begin(), run.keys.end());
  CHECK(out[0] == Approx(run.values[best - run.keys.begin()]).margin(1e-3));
}

} // namespace
} // namespace omni::testing
