// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The legend of shape suffixes on local tensors (`hidden_BLD`), project-wide:
//   B batch            L sequence slots    D model width       H query heads
//   G key/value heads  K width per head    F feed-forward      V vocabulary
//   E encoder width    P patches           T mel frames        M mel bins
//   S audio samples    N video frames      Y, X pixel rows, columns
//   C channels         R media rows        I media items       Q code groups
// and the one helper that checks a shape.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string_view>

namespace omni {

// Throws ValueError "[component] expected `name` [2, -1], got [3, 4]." unless `tensor`
// has the rank of `expected` and its sizes; -1 allows any size.
void check_shape(
    const at::Tensor& tensor,
    std::initializer_list<int64_t> expected,
    std::string_view component,
    std::string_view name);

} // namespace omni
