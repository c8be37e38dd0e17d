// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// From positions (t, y, x) of rows to the angles by which queries and keys turn. A
// frequency rule (plain, linear, Llama 3, YaRN) is one function here; which axis drives
// which frequency is data. Tables are float32, made from float64 angles, once a forward
// pass for each distinct Rotary and shared by the layers that use it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/kernels.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

inline constexpr int64_t kNumAxes = 3; // t, y, x

// The W / 2 angular frequencies, radians a position, fastest first; W the rotary width.
[[nodiscard]] std::vector<double> rotary_frequencies(
    const RotaryConfig& rotary,
    int64_t head_width);
// The axis (0 t, 1 y, 2 x) that drives each frequency.
[[nodiscard]] std::vector<int64_t> rotary_axes(
    const RotaryConfig& rotary,
    int64_t head_width);

// One way to turn heads: a RotaryConfig and the head width it is read for.
class Rotary {
 public:
  Rotary(const RotaryConfig& rotary, int64_t head_width);

  // cos and sin float32 [L, W / 2] of positions float32 [L, 3], on their device;
  // undefined for RotaryKind::None.
  [[nodiscard]] kernels::RotaryTables tables(const at::Tensor& positions) const;
  // The same on another device, where tables() then copies nothing.
  [[nodiscard]] Rotary on(at::Device device) const;
  [[nodiscard]] bool serves(const RotaryConfig& rotary, int64_t head_width) const;

 private:
  RotaryConfig config_;
  int64_t head_width_ = 0;
  at::Tensor frequencies_; // float64 [W / 2]
  at::Tensor axes_; // int64 [W / 2], undefined when t drives all
};

} // namespace omni
