// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A decoder of two layers that uses most of what TransformerConfig can say, and rows to
// put in.
#pragma once

#include <ATen/ATen.h>

#include "omni/transformer/transformer.h"

namespace omni::testing {

// The first layer has `window` and half rotation over three axes, the second sees all
// and, when it `rotates`, turns interleaved pairs.
TransformerConfig make_config(NormPlacement placement, int64_t window, bool rotates);
// Random weights of a fixed seed, norms and biases among them; in eval mode.
Transformer make_transformer(const TransformerConfig& config);

struct Inputs {
  at::Tensor hidden; // [1, L, 32]
  at::Tensor positions; // [1, L, 3], rising
};

Inputs make_inputs(int64_t length, int64_t seed);
double largest_difference(const at::Tensor& a, const at::Tensor& b);
// Difference as a part of the root mean square of what is expected.
double relative_difference(const at::Tensor& got, const at::Tensor& expected);

inline constexpr double kTolerance = 2e-5; // float32, the same sums in another order

} // namespace omni::testing
