// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/residual_vq.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_rows, num_stages, num_codewords, width;
};

const Case kCases[] = {{1, 1, 1, 1},   {3, 2, 9, 7}, {4, 3, 64, 32},
                       {9, 4, 33, 40}, {0, 2, 5, 8}, {2, 1, 100, 130}};

template <typename T>
std::vector<int64_t> encode(
    const Case& c,
    const std::vector<T>& values,
    const std::vector<float>& codebooks) {
  return in_every_order([&](ThreadOrder order) {
    Buffer<T> in(values);
    Buffer<float> books(codebooks);
    Buffer<int64_t> codes(c.num_rows * c.num_stages);
    const ResidualVq<T> args{in.data(),    books.data(),    codes.data(), c.num_rows,
                             c.num_stages, c.num_codewords, c.width};
    run_kernel(residual_vq_encode_launch(args), order, [&] {
      residual_vq_encode_kernel(args);
    });
    return codes.values();
  });
}

template <typename T>
std::vector<T> decode(
    const Case& c,
    const std::vector<int64_t>& codes,
    const std::vector<float>& codebooks) {
  return in_every_order([&](ThreadOrder order) {
    Buffer<int64_t> in(codes);
    Buffer<float> books(codebooks);
    Buffer<T> values(c.num_rows * c.width);
    const ResidualVqDecode<T> args{in.data(),  books.data(), values.data(),
                                   c.num_rows, c.num_stages, c.num_codewords,
                                   c.width};
    run_kernel(residual_vq_decode_launch(args), order, [&] {
      residual_vq_decode_kernel(args);
    });
    return values.values();
  });
}

template <typename T>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.num_stages, c.num_codewords, c.width);
  const auto values = random_values<T>(c.num_rows * c.width, 1);
  const auto codebooks =
      random_values<float>(c.num_stages * c.num_codewords * c.width, 2);
  const auto codes = encode(c, values, codebooks);
  std::vector<double> decoded;
  for (int row = 0; row < c.num_rows; ++row) {
    std::vector<double> left, sum(c.width, 0.0);
    for (int i = 0; i < c.width; ++i) {
      left.push_back(to_double(values[row * c.width + i]));
    }
    for (int stage = 0; stage < c.num_stages; ++stage) {
      const float* book = codebooks.data() + stage * c.num_codewords * c.width;
      const auto gap = [&](int64_t code) {
        double squares = 0.0;
        for (int i = 0; i < c.width; ++i) {
          squares += std::pow(left[i] - book[code * c.width + i], 2);
        }
        return squares;
      };
      const int64_t code = codes[row * c.num_stages + stage];
      REQUIRE(code >= 0);
      REQUIRE(code < c.num_codewords);
      for (int other = 0; other < c.num_codewords; ++other) {
        REQUIRE(gap(code) <= gap(other) * (1.0 + 1e-5));
      }
      for (int i = 0; i < c.width; ++i) {
        left[i] -= book[code * c.width + i];
        sum[i] += book[code * c.width + i];
      }
    }
    decoded.insert(decoded.end(), sum.begin(), sum.end());
  }
  CHECK(distance(decode<T>(c, codes, codebooks), decoded) < kTolerance<T>);
}

TEST_CASE("CUDA codes name the nearest codeword to what is left, stage by stage") {
  for (const Case& c : kCases) {
    check<float>(c);
    check<Bf16>(c);
  }
}

TEST_CASE("Of equal codewords CUDA takes the first, and for NaN one of the codebook") {
  // Twenty codewords, so that equal ones meet within a warp and across warps.
  std::vector<float> codebook(20, 5.0f);
  codebook[3] = codebook[4] = codebook[11] = 1.0f;
  const Case c{2, 1, 20, 1};
  CHECK(encode<float>(c, {1.25f, NAN}, codebook) == std::vector<int64_t>{3, 0});
}

TEST_CASE("A CUDA code outside its codebook stops the kernel") {
  Buffer<float> books(std::vector<float>(2 * 3, 1.0f)), values(3);
  for (const int64_t code : {int64_t{-1}, int64_t{2}}) {
    Buffer<int64_t> codes(std::vector<int64_t>{code});
    const ResidualVqDecode<float> args{
        codes.data(), books.data(), values.data(), 1, 1, 2, 3};
    CHECK_THROWS_WITH(
        run_kernel(
            residual_vq_decode_launch(args), ThreadOrder::Forward,
            [&] { residual_vq_decode_kernel(args); }),
        Contains("got a trap at residual_vq.cuh"));
  }
}

} // namespace
} // namespace omni::testing
