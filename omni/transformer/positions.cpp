// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/positions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace omni {
namespace {

int64_t num_frequencies(const RotaryConfig& rotary, int64_t head_width) {
  return (rotary.rotary_width > 0 ? rotary.rotary_width : head_width) / 2;
}

// How much of the division by `factor` a frequency keeps out: 1 none of it, 0 all.
double kept_by_llama3(const RotaryConfig& rotary, double frequency) {
  const double turns =
      rotary.scaling.original_positions * frequency / (2.0 * std::numbers::pi);
  return std::clamp(
      (turns - rotary.scaling.slow_turns) /
          (rotary.scaling.fast_turns - rotary.scaling.slow_turns),
      0.0, 1.0);
}

// The ramp runs over the index of the frequency, not over its turns (arXiv 2309.00071,
// section 3.2, as published code has it).
double kept_by_yarn(const RotaryConfig& rotary, int64_t count, int64_t index) {
  const auto index_of_turns = [&](double turns) {
    return static_cast<double>(count) *
        std::log(rotary.scaling.original_positions / (turns * 2.0 * std::numbers::pi)) /
        std::log(rotary.theta);
  };
  double low = index_of_turns(rotary.scaling.fast_turns);
  double high = index_of_turns(rotary.scaling.slow_turns);
  if (rotary.scaling.has_whole_bounds) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, 2.0 * static_cast<double>(count) - 1.0);
  if (low == high) {
    high += 0.001; // a step
  }
  return 1.0 - std::clamp((static_cast<double>(index) - low) / (high - low), 0.0, 1.0);
}

double
scaled(const RotaryConfig& rotary, int64_t count, int64_t index, double frequency) {
  switch (rotary.scaling.rule) {
    case ScalingRule::None:
      return frequency;
    case ScalingRule::Llama3: {
      const double kept = kept_by_llama3(rotary, frequency);
      return frequency * (kept + (1.0 - kept) / rotary.scaling.factor);
    }
    case ScalingRule::Yarn: {
      const double kept = kept_by_yarn(rotary, count, index);
      return frequency * (kept + (1.0 - kept) / rotary.scaling.factor);
    }
  }
  TORCH_INTERNAL_ASSERT(false, "unknown scaling rule");
}

} // namespace

std::vector<double> rotary_frequencies(const RotaryConfig& rotary, int64_t head_width) {
  const int64_t count = num_frequencies(rotary, head_width);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < count; ++i) {
    const double exponent = -static_cast<double>(i) / static_cast<double>(count);
    const double frequency = scaled(rotary, count, i, std::pow(rotary.theta, exponent));
    frequencies.push_back(rotary.position_scale * frequency);
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
  at::Tensor cos = angles.cos(), sin = angles.sin();
  if (config_.scaling.attention_factor != 1.0) {
    cos = cos * config_.scaling.attention_factor;
    sin = sin * config_.scaling.attention_factor;
  }
  return {cos.to(at::kFloat), sin.to(at::kFloat)};
}

Rotary Rotary::on(at::Device device) const {
  Rotary moved = *this;
  for (at::Tensor* data : {&moved.frequencies_, &moved.axes_}) {
    *data = data->defined() ? data->to(device) : *data;
  }
  return moved;
}

bool Rotary::serves(const RotaryConfig& rotary, int64_t head_width) const {
  return config_ == rotary && head_width_ == head_width;
}

} // namespace omni
