// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of swiglu.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

enum class Gate { Silu, Gelu, GeluTanh };

template <typename T>
struct Swiglu {
  const T* gate = nullptr;
  const T* up = nullptr;
  T* out = nullptr; // contiguous
  int64_t num_rows = 0;
  int64_t width = 0; // F
  int64_t gate_stride = 0; // entries from row to row
  int64_t up_stride = 0;
};

template <typename T>
struct SwigluBackward {
  const T* grad = nullptr; // contiguous
  const T* gate = nullptr;
  const T* up = nullptr;
  T* grad_gate = nullptr;
  T* grad_up = nullptr;
  int64_t num_rows = 0;
  int64_t width = 0; // F
  int64_t gate_stride = 0; // entries from row to row
  int64_t up_stride = 0;
  int64_t out_stride = 0; // of both gradients
};

// T float or Bf16.
template <typename T>
void launch_swiglu(Gate gate, const Swiglu<T>& args, Stream stream);
template <typename T>
void launch_swiglu_backward(Gate gate, const SwigluBackward<T>& args, Stream stream);

} // namespace omni::kernels::cuda
