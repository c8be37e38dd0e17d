// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/positions.h"

#include <ATen/ATen.h>

#include <cmath>

namespace omni {
namespace {

int64_t num_frequencies(const RotaryConfig& rotary, int64_t head_width) {
  return (rotary.rotary_width > 0 ? rotary.rotary_width : head_width) / 2;
}

} // namespace

std::vector<double> rotary_frequencies(const RotaryConfig& rotary, int64_t head_width) {
  const int64_t count = num_frequencies(rotary, head_width);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < count; ++i) {
    const double exponent = -static_cast<double>(i) / static_cast<double>(count);
    frequencies.push_back(rotary.position_scale * std::pow(rotary.theta, exponent));
  }
  return frequencies;
}

std::vector<int64_t> rotary_axes(const RotaryConfig& rotary, int64_t head_width) {
  std::vector<int64_t> axes(
      static_cast<size_t>(num_frequencies(rotary, head_width)), 0);
  if (rotary.axis_layout == AxisLayout::Sectioned) {
    size_t next = 0;
    for (int64_t axis = 0; axis < kNumAxes; ++axis) {
      for (int64_t i = 0; i < rotary.axis_sections[axis]; ++i) {
        axes[next++] = axis;
      }
    }
  } else if (rotary.axis_layout == AxisLayout::Interleaved) {
    for (size_t i = 0; i < axes.size(); ++i) {
      const auto axis = static_cast<int64_t>(i) % kNumAxes;
      const int64_t turn = static_cast<int64_t>(i) / kNumAxes;
      axes[i] = turn < rotary.axis_sections[axis] ? axis : 0;
    }
  }
  return axes;
}

Rotary::Rotary(const RotaryConfig& rotary, int64_t head_width)
    : config_(rotary), head_width_(head_width) {
  if (rotary.kind == RotaryKind::None) {
    return;
  }
  frequencies_ = at::tensor(rotary_frequencies(rotary, head_width), at::kDouble);
  if (rotary.axis_layout != AxisLayout::OneAxis) {
    axes_ = at::tensor(rotary_axes(rotary, head_width), at::kLong);
  }
}

kernels::RotaryTables Rotary::tables(const at::Tensor& positions) const {
  if (!frequencies_.defined()) {
    return {};
  }
  const at::Device device = positions.device();
  const at::Tensor of_axis = axes_.defined()
      ? positions.index_select(1, axes_.to(device))
      : positions.narrow(1, 0, 1);
  const at::Tensor angles = of_axis * frequencies_.to(device); // float64
  return {angles.cos().to(at::kFloat), angles.sin().to(at::kFloat)};
}

bool Rotary::serves(const RotaryConfig& rotary, int64_t head_width) const {
  return config_ == rotary && head_width_ == head_width;
}

} // namespace omni
