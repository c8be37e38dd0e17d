// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/permute.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

template <typename I>
auto sort_pairs(const std::vector<I>& ids, int per_row, int num_experts) {
  return in_every_order([&](ThreadOrder order) {
    Buffer<I> in(ids);
    Buffer<int64_t> rows(ids.size()), places(ids.size()), counts(num_experts);
    const SortPairs<I> args{in.data(),
                            rows.data(),
                            places.data(),
                            counts.data(),
                            static_cast<int64_t>(ids.size()),
                            per_row,
                            num_experts};
    run_kernel(sort_pairs_launch(args), order, [&] { sort_pairs_kernel(args); });
    return std::tuple(rows.values(), places.values(), counts.values());
  });
}

std::vector<int64_t> some_ids(size_t size, int num_experts) {
  std::mt19937_64 random(size);
  std::vector<int64_t> ids(size);
  for (int64_t& id : ids) {
    id = static_cast<int64_t>(random() % num_experts);
  }
  return ids;
}

TEST_CASE("CUDA pairs are sorted by expert and stay in order within one") {
  for (const int num_rows : {0, 1, 5, 130}) {
    for (const int num_experts : {1, 3, 17}) {
      CAPTURE(num_rows, num_experts);
      const int per_row = 3;
      const auto ids = some_ids(num_rows * per_row, num_experts);
      std::vector<int64_t> counts(num_experts, 0), rows, places(ids.size());
      for (int expert = 0; expert < num_experts; ++expert) {
        for (size_t pair = 0; pair < ids.size(); ++pair) {
          if (ids[pair] == expert) {
            ++counts[expert];
            places[pair] = static_cast<int64_t>(rows.size());
            rows.push_back(static_cast<int64_t>(pair) / per_row);
          }
        }
      }
      const auto expected = std::tuple(rows, places, counts);
      CHECK(sort_pairs(ids, per_row, num_experts) == expected);
      const std::vector<int32_t> narrow(ids.begin(), ids.end());
      CHECK(sort_pairs(narrow, per_row, num_experts) == expected);
    }
  }
}

template <typename T>
void check_rows(int num_rows, int per_row, int width, bool is_askew) {
  CAPTURE(num_rows, per_row, width, is_askew);
  const auto ids = some_ids(num_rows * per_row, 7);
  const auto [rows, places, counts] = sort_pairs(ids, per_row, 7);
  const std::vector<int64_t> row_list = rows, place_list = places;
  const auto x = random_values<T>(num_rows * width, 1);
  const auto weights = random_values<float>(ids.size(), 2);
  const auto [sorted, combined] = in_every_order([&](ThreadOrder order) {
    Buffer<T> in(x, is_askew), sorted_out(ids.size() * width, is_askew);
    Buffer<T> out(x.size(), is_askew);
    Buffer<int64_t> rows_in(row_list), places_in(place_list);
    Buffer<float> weights_in(weights);
    const GatherRows<T> gather{in.data(),         rows_in.data(),
                               sorted_out.data(), static_cast<int64_t>(ids.size()),
                               int64_t{num_rows}, width};
    const bool takes_packs = gather_rows_takes_packs(gather);
    CHECK(takes_packs == (!is_askew && width % kPackSize<T> == 0));
    run_kernel(gather_rows_launch(gather), order, [&] {
      takes_packs ? gather_rows_kernel<kPackSize<T>>(gather)
                  : gather_rows_kernel<1>(gather);
    });
    const CombineRows<T> combine{
        sorted_out.data(),
        places_in.data(),
        weights_in.data(),
        out.data(),
        num_rows,
        per_row,
        width};
    CHECK(combine_rows_takes_packs(combine) == takes_packs);
    run_kernel(combine_rows_launch(combine), order, [&] {
      takes_packs ? combine_rows_kernel<kPackSize<T>>(combine)
                  : combine_rows_kernel<1>(combine);
    });
    return std::tuple(sorted_out.values(), out.values());
  });
  std::vector<double> expected_sorted, expected;
  for (const int64_t row : row_list) {
    for (int i = 0; i < width; ++i) {
      expected_sorted.push_back(to_double(x[row * width + i]));
    }
  }
  // Every expert here gives back its input: a row times the sum of its weights.
  for (int row = 0; row < num_rows; ++row) {
    double sum = 0.0;
    for (int k = 0; k < per_row; ++k) {
      sum += weights[row * per_row + k];
    }
    for (int i = 0; i < width; ++i) {
      expected.push_back(sum * to_double(x[row * width + i]));
    }
  }
  CHECK(distance(sorted, expected_sorted) == 0.0);
  CHECK(distance(combined, expected) < kTolerance<T>);
}

TEST_CASE("CUDA rows go to their experts and come back as weighted sums") {
  for (const int width : {1, 24, 1090}) {
    for (const bool is_askew : {false, true}) {
      check_rows<float>(5, 3, width, is_askew);
      check_rows<Bf16>(5, 3, width, is_askew);
      check_rows<Bf16>(1, 1, width, is_askew);
      check_rows<float>(0, 2, width, is_askew);
    }
  }
}

TEST_CASE("A CUDA row or place outside stops the kernels") {
  Buffer<float> x(std::vector<float>(6, 1.0f)), out(6),
      weights(std::vector{1.0f, 1.0f});
  Buffer<int64_t> outside(std::vector<int64_t>{0, 2});
  const GatherRows<float> gather{x.data(), outside.data(), out.data(), 2, 2, 3};
  CHECK_THROWS_WITH(
      run_kernel(
          gather_rows_launch(gather), ThreadOrder::Forward,
          [&] { gather_rows_kernel<1>(gather); }),
      Contains("got a trap at permute.cuh"));
  const CombineRows<float> combine{
      x.data(), outside.data(), weights.data(), out.data(), 1, 2, 3};
  CHECK_THROWS_WITH(
      run_kernel(
          combine_rows_launch(combine), ThreadOrder::Forward,
          [&] { combine_rows_kernel<1>(combine); }),
      Contains("got a trap at permute.cuh"));
}

} // namespace
} // namespace omni::testing
