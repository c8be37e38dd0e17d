// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/swiglu.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int64_t num_rows;
  int64_t width;
  bool is_merged; // gate and up are halves of one tensor
  bool is_askew = false;
};

const Case kCases[] = {{1, 1, false},       {3, 5, true},    {2, 64, true},
                       {2, 64, true, true}, {0, 8, false},   {2, 0, true},
                       {1, 2050, true},     {3, 2056, false}};

double twin(Gate gate, double x) {
  switch (gate) {
    case Gate::Silu:
      return x / (1.0 + std::exp(-x));
    case Gate::Gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Gate::GeluTanh:
      return 0.5 * x *
          (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return NAN;
}

template <Gate kGate, typename T>
void check(const Case& c) {
  CAPTURE(c.num_rows, c.width, c.is_merged, c.is_askew, static_cast<int>(kGate));
  const size_t size = c.num_rows * c.width;
  const auto gate_up = random_values<T>(2 * size, 4, 4.0f);
  const int64_t stride = c.is_merged ? 2 * c.width : c.width;
  const int64_t up_offset = c.is_merged ? c.width : c.num_rows * c.width;
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<T> in(gate_up, c.is_askew), out_buffer(size, c.is_askew);
    Swiglu<T> args{in.data(),
                   in.data() + up_offset,
                   out_buffer.data(),
                   c.num_rows,
                   c.width,
                   stride,
                   stride};
    const bool takes_packs = swiglu_takes_packs(args);
    CHECK(takes_packs == (!c.is_askew && c.width % kPackSize<T> == 0));
    run_kernel(swiglu_launch(args), order, [&] {
      takes_packs ? swiglu_kernel<kGate, kPackSize<T>>(args)
                  : swiglu_kernel<kGate, 1>(args);
    });
    return out_buffer.values();
  });
  std::vector<double> expected;
  for (int64_t row = 0; row < c.num_rows; ++row) {
    for (int64_t i = 0; i < c.width; ++i) {
      const double gate = to_double(gate_up[row * stride + i]);
      const double up = to_double(gate_up[up_offset + row * stride + i]);
      expected.push_back(twin(kGate, gate) * up);
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
}

TEST_CASE("The CUDA gates follow silu and both forms of gelu") {
  for (const Case& c : kCases) {
    check<Gate::Silu, float>(c);
    check<Gate::Silu, Bf16>(c);
    check<Gate::Gelu, float>(c);
    check<Gate::Gelu, Bf16>(c);
    check<Gate::GeluTanh, float>(c);
    check<Gate::GeluTanh, Bf16>(c);
  }
}

// The gradient by finite differences of the twin.
template <Gate kGate, typename T>
void check_backward(const Case& c) {
  CAPTURE(c.num_rows, c.width, c.is_merged, c.is_askew, static_cast<int>(kGate));
  const size_t size = c.num_rows * c.width;
  const auto gate_up = random_values<T>(2 * size, 4, 4.0f);
  const auto grads = random_values<T>(size, 5);
  const int64_t stride = c.is_merged ? 2 * c.width : c.width;
  const int64_t up_offset = c.is_merged ? c.width : c.num_rows * c.width;
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<T> in(gate_up, c.is_askew), grad(grads, c.is_askew);
    Buffer<T> out_buffer(2 * size, c.is_askew);
    const SwigluBackward<T> args{
        grad.data(),
        in.data(),
        in.data() + up_offset,
        out_buffer.data(),
        out_buffer.data() + up_offset,
        c.num_rows,
        c.width,
        stride,
        stride,
        stride};
    const bool takes_packs = swiglu_backward_takes_packs(args);
    CHECK(takes_packs == (!c.is_askew && c.width % kPackSize<T> == 0));
    run_kernel(swiglu_backward_launch(args), order, [&] {
      takes_packs ? swiglu_backward_kernel<kGate, kPackSize<T>>(args)
                  : swiglu_backward_kernel<kGate, 1>(args);
    });
    return out_buffer.values();
  });
  std::vector<double> expected(2 * size);
  for (int64_t row = 0; row < c.num_rows; ++row) {
    for (int64_t i = 0; i < c.width; ++i) {
      const int64_t place = row * stride + i;
      const double gate = to_double(gate_up[place]), step = 1e-5;
      const double up = to_double(gate_up[up_offset + place]);
      const double dy = to_double(grads[row * c.width + i]);
      const double slope =
          (twin(kGate, gate + step) - twin(kGate, gate - step)) / (2 * step);
      expected[place] = dy * up * slope;
      expected[up_offset + place] = dy * twin(kGate, gate);
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
}

TEST_CASE("The CUDA gradients of the gates agree with finite differences") {
  for (const Case& c : kCases) {
    check_backward<Gate::Silu, float>(c);
    check_backward<Gate::Silu, Bf16>(c);
    check_backward<Gate::Gelu, float>(c);
    check_backward<Gate::Gelu, Bf16>(c);
    check_backward<Gate::GeluTanh, float>(c);
    check_backward<Gate::GeluTanh, Bf16>(c);
  }
}

TEST_CASE("The CUDA slopes of the gates stay finite at the ends of float32") {
  for (const float gate : {-3e38f, -200.0f, 200.0f, 3e38f}) {
    const float expected = gate > 0.0f ? 1.0f : 0.0f;
    CHECK(gate_slope<Gate::Silu>(gate) == Approx(expected).margin(1e-6));
    CHECK(gate_slope<Gate::Gelu>(gate) == Approx(expected).margin(1e-6));
    CHECK(gate_slope<Gate::GeluTanh>(gate) == Approx(expected).margin(1e-6));
  }
}

TEST_CASE("The CUDA gates stay finite at the ends of float32") {
  Buffer<float> gate(std::vector<float>{-3e38f, -200.0f, 200.0f, 0.0f});
  Buffer<float> up(std::vector<float>(4, 1.0f)), out(4);
  run_kernel({1, 1, kSwigluThreads, 0}, ThreadOrder::Forward, [&] {
    swiglu_kernel<Gate::Silu, 4>(
        Swiglu<float>{gate.data(), up.data(), out.data(), 1, 4, 4, 4});
  });
  CHECK(out.values()[0] == 0.0f);
  CHECK(out.values()[1] == 0.0f);
  CHECK(out.values()[2] == 200.0f);
  CHECK(out.values()[3] == 0.0f);
}

} // namespace
} // namespace omni::testing
