// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/swiglu.cuh"

namespace omni::kernels::cuda {

// Calls `run` with the gate as a constant.
template <typename Run>
void for_gate(Gate gate, const Run& run) {
  switch (gate) {
    case Gate::Silu:
      return run(std::integral_constant<Gate, Gate::Silu>());
    case Gate::Gelu:
      return run(std::integral_constant<Gate, Gate::Gelu>());
    case Gate::GeluTanh:
      return run(std::integral_constant<Gate, Gate::GeluTanh>());
  }
}

template <typename T>
void launch_swiglu(Gate gate, const Swiglu<T>& args, Stream stream) {
  for_gate(gate, [&](auto constant) {
    constexpr Gate kGate = decltype(constant)::value;
    const auto kernel = swiglu_takes_packs(args) ? swiglu_kernel<kGate, kPackSize<T>, T>
                                                 : swiglu_kernel<kGate, 1, T>;
    start("swiglu", swiglu_launch(args), stream, kernel, args);
  });
}

template void launch_swiglu(Gate, const Swiglu<float>&, Stream);
template void launch_swiglu(Gate, const Swiglu<Bf16>&, Stream);

template <typename T>
void launch_swiglu_backward(Gate gate, const SwigluBackward<T>& args, Stream stream) {
  for_gate(gate, [&](auto constant) {
    constexpr Gate kGate = decltype(constant)::value;
    const auto kernel = swiglu_backward_takes_packs(args)
        ? swiglu_backward_kernel<kGate, kPackSize<T>, T>
        : swiglu_backward_kernel<kGate, 1, T>;
    start("swiglu_backward", swiglu_backward_launch(args), stream, kernel, args);
  });
}

template void launch_swiglu_backward(Gate, const SwigluBackward<float>&, Stream);
template void launch_swiglu_backward(Gate, const SwigluBackward<Bf16>&, Stream);

} // namespace omni::kernels::cuda
