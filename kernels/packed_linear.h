// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Products with weights packed for reading: the same numbers in the order in which a
// product wants them, in 16, 8 or 4 bits (weight_format.h), the same ones on the CPU
// and on a CUDA device. For inference: no gradient. Thread-safe. Errors as in
// kernels.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>

#include "kernels/weight_format.h"

namespace omni::kernels {

// A weight [O, I], or E of them one after the other. The memory may be a mapped file.
struct PackedWeight {
  WeightFormat format = WeightFormat::Bfloat16;
  int64_t num_rows = 0; // O
  int64_t num_columns = 0; // I
  at::Tensor panels; // uint8 [E ceil(O / 16), bytes of a panel]
};

// weight [O, I] or [E, O, I] floating, on the CPU.
PackedWeight pack_weight(const at::Tensor& weight, WeightFormat format);
// The one weight that the panels, on any device, stand for: float32 [O, I] on the CPU.
at::Tensor unpack_weight(const PackedWeight& weight);
// The shape of the panels of a weight.
std::array<int64_t, 2>
packed_sizes(WeightFormat format, int64_t num_rows, int64_t num_columns);

// x W^T + bias. x [.., I] float32 or bfloat16, bias [O]; returns [.., O] in x's dtype;
// sums are float32. On the CPU x is rounded: to bfloat16 for a Bfloat16 weight, for an
// Int8 weight to 16 bits in groups of 32 (to 8 with AVX-512, which multiplies these at
// twice the rate), for an Int4 weight to 8 bits; a row's result does not depend on the
// other rows. On a CUDA device x stays as it is (only weights have few bits), bias is
// rounded to its dtype, and for many rows so is the weight: there a product of LibTorch
// takes over.
at::Tensor packed_linear(
    const at::Tensor& x,
    const PackedWeight& weight,
    const std::optional<at::Tensor>& bias = {});

// The same with E weights: x [N, I] is in blocks of counts[e] rows, one block for each
// weight, and each block is multiplied by its own. Returns [N, O].
at::Tensor grouped_packed_linear(
    const at::Tensor& x,
    const PackedWeight& weights,
    at::IntArrayRef counts);

// Whether this processor has instructions that make packed_linear faster than a plain
// product.
bool has_fast_packed_linear();

// Whether LibTorch multiplies many rows of bfloat16 faster than float32: with AVX-512.
bool is_bfloat16_fast();

// Whether LibTorch takes longer for a product or convolution of x [.., I] than float32
// would, conversions included: of bfloat16 on a CPU without AVX-512, from some 16 rows
// on (8: as long; 64: five times; convolutions: nine times). False under autocast,
// which chooses dtypes itself.
bool is_slow_in_bfloat16(const at::Tensor& x);

} // namespace omni::kernels
