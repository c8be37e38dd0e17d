// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a sample says of a picture's cells, as the dense head asks for it.
#pragma once

#include <string>
#include <vector>

#include "encoders/dense_head.h"
#include "omni/train/sample.h"

namespace omni {

// The label grids of `part` in order of head.labels, int64 [grid_rows, grid_columns]
// each; one that the part does not have is kIgnore everywhere. Throws ValueError that
// begins with `name` for a grid of another size and for one that the head has no label
// for.
[[nodiscard]] std::vector<at::Tensor> dense_targets(
    const SamplePart& part,
    const DenseHeadOptions& head,
    const std::string& name);

} // namespace omni
