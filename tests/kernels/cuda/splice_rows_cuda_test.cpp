// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/splice_rows.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

template <typename T, typename S>
void check(int width, const std::vector<int64_t>& indices, bool is_askew) {
  CAPTURE(width, indices.size(), is_askew);
  constexpr int kHiddenRows = 6;
  const auto hidden = random_values<T>(kHiddenRows * width, 1);
  const auto rows = random_values<S>(indices.size() * width, 2);
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<T> hidden_out(hidden, is_askew);
    Buffer<S> rows_in(rows, is_askew);
    Buffer<int64_t> indices_in(indices);
    const SpliceRows<T, S> args{hidden_out.data(), rows_in.data(),
                                indices_in.data(), static_cast<int64_t>(indices.size()),
                                kHiddenRows,       width};
    const bool takes_packs = splice_rows_takes_packs(args);
    CHECK(takes_packs == (!is_askew && width % kSplicePack<T, S> == 0));
    run_kernel(splice_rows_launch(args), order, [&] {
      takes_packs ? splice_rows_kernel<kSplicePack<T, S>>(args)
                  : splice_rows_kernel<1>(args);
    });
    return hidden_out.values();
  });
  std::vector<T> expected = hidden;
  for (size_t r = 0; r < indices.size(); ++r) {
    for (int i = 0; i < width; ++i) {
      expected[indices[r] * width + i] = from_float<T>(to_float(rows[r * width + i]));
    }
  }
  CHECK(same_bits(out, expected));
}

TEST_CASE("CUDA media rows replace their slots and nothing else") {
  for (const int width : {1, 7, 64, 1040}) {
    for (const bool is_askew : {false, true}) {
      for (const std::vector<int64_t>& indices :
           {std::vector<int64_t>{}, {5}, {4, 0, 3}}) {
        check<float, float>(width, indices, is_askew);
        check<Bf16, Bf16>(width, indices, is_askew);
        check<Bf16, float>(width, indices, is_askew);
        check<float, Bf16>(width, indices, is_askew);
      }
    }
  }
}

TEST_CASE("A CUDA index outside the slots stops the kernel before it writes") {
  for (const int64_t index : {int64_t{-1}, int64_t{2}}) {
    Buffer<float> hidden(2 * 3), rows(3);
    Buffer<int64_t> indices(std::vector<int64_t>{index});
    const SpliceRows<float, float> args{
        hidden.data(), rows.data(), indices.data(), 1, 2, 3};
    CHECK_THROWS_WITH(
        run_kernel(
            splice_rows_launch(args), ThreadOrder::Forward,
            [&] { splice_rows_kernel<1>(args); }),
        Contains("got a trap at splice_rows.cuh"));
  }
}

} // namespace
} // namespace omni::testing
