// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/positions.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/support/catch.h"

namespace omni {
namespace {

// Qwen3-VL's rule, written from its definition: all frequencies turn by t, then every
// third from 1 by y and from 2 by x, up to three times their sections.
std::vector<int64_t> interleaved_twin(
    const std::vector<int64_t>& sections,
    int64_t count) {
  std::vector<int64_t> axes(static_cast<size_t>(count), 0);
  for (const int64_t axis : {1, 2}) {
    for (int64_t i = axis; i < sections[static_cast<size_t>(axis)] * 3 && i < count;
         i += 3) {
      axes[static_cast<size_t>(i)] = axis;
    }
  }
  return axes;
}

RotaryConfig rotary_of(AxisLayout layout, std::vector<int64_t> sections) {
  RotaryConfig rotary;
  rotary.axis_layout = layout;
  rotary.axis_sections = std::move(sections);
  return rotary;
}

} // namespace

TEST_CASE("interleaved axes are dealt out in turns while a section lasts") {
  for (const std::vector<int64_t>& sections : std::vector<std::vector<int64_t>>{
           {12, 10, 10}, {24, 20, 20}, {2, 1, 1}, {4, 0, 0}}) {
    const int64_t count = sections[0] + sections[1] + sections[2];
    const auto axes =
        rotary_axes(rotary_of(AxisLayout::Interleaved, sections), 2 * count);
    CHECK(axes == interleaved_twin(sections, count));
    for (const int64_t axis : {0, 1, 2}) { // and each section has its number
      CHECK(
          std::count(axes.begin(), axes.end(), axis) ==
          sections[static_cast<size_t>(axis)]);
    }
  }
  // Spelled out once.
  CHECK(
      rotary_axes(rotary_of(AxisLayout::Interleaved, {3, 2, 1}), 12) ==
      std::vector<int64_t>{0, 1, 2, 0, 1, 0});
}

TEST_CASE("sectioned axes follow one another, one axis is t") {
  CHECK(
      rotary_axes(rotary_of(AxisLayout::Sectioned, {3, 2, 1}), 12) ==
      std::vector<int64_t>{0, 0, 0, 1, 1, 2});
  CHECK(
      rotary_axes(rotary_of(AxisLayout::OneAxis, {}), 8) == std::vector<int64_t>(4, 0));
}

TEST_CASE("tables hold cos and sin of position times frequency") {
  const auto layout =
      GENERATE(AxisLayout::OneAxis, AxisLayout::Sectioned, AxisLayout::Interleaved);
  RotaryConfig rotary = rotary_of(layout, {3, 2, 1});
  rotary.theta = 500.0;
  rotary.position_scale = 0.25;
  rotary.rotary_width = GENERATE(0, 12); // all of a head of 12, or the first 12 of 16
  const int64_t head_width = rotary.rotary_width == 0 ? 12 : 16;
  const at::Tensor positions =
      at::tensor({0.0, 0.0, 0.0, 7.0, 2.5, 40.0, 900.0, 901.0, 4000.0})
          .view({3, 3})
          .to(at::kFloat);
  const kernels::RotaryTables tables = Rotary(rotary, head_width).tables(positions);
  REQUIRE(tables.cos.sizes() == at::IntArrayRef({3, 6}));
  CHECK(tables.cos.scalar_type() == at::kFloat);
  const std::vector<int64_t> axes = rotary_axes(rotary, head_width);
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t i = 0; i < 6; ++i) {
      const double position =
          positions[row][axes[static_cast<size_t>(i)]].item<double>();
      const double angle =
          position * 0.25 * std::pow(500.0, -2.0 * static_cast<double>(i) / 12.0);
      CHECK(tables.cos[row][i].item<double>() == Approx(std::cos(angle)).margin(1e-7));
      CHECK(tables.sin[row][i].item<double>() == Approx(std::sin(angle)).margin(1e-7));
    }
  }
}

TEST_CASE("a layer without rotation has no tables") {
  RotaryConfig rotary;
  rotary.kind = RotaryKind::None;
  const kernels::RotaryTables tables = Rotary(rotary, 8).tables(at::zeros({2, 3}));
  CHECK_FALSE(tables.cos.defined());
  CHECK_FALSE(tables.sin.defined());
}

TEST_CASE("tables are shared by layers that turn alike") {
  const RotaryConfig rotary = rotary_of(AxisLayout::Interleaved, {2, 1, 1});
  const Rotary turn(rotary, 8);
  CHECK(turn.serves(rotary, 8));
  CHECK_FALSE(turn.serves(rotary, 16));
  RotaryConfig other = rotary;
  other.theta = 5e5;
  CHECK_FALSE(turn.serves(other, 8));
}

} // namespace omni
