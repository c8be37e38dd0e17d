// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How the entries of a packed weight are stored. No torch.
#pragma once

namespace omni::kernels {

enum class WeightFormat {
  Bfloat16, // 16 bits an entry
  Int8, // 8 bits; each 32 entries of a row have a scale: 8.5 bits in all
  Int4, // 4 bits; each 32 entries of a row have a scale and a zero: 4.5 bits in all
};

} // namespace omni::kernels
