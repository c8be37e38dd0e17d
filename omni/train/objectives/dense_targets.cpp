// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/dense_targets.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace omni {

std::vector<at::Tensor> dense_targets(
    const SamplePart& part,
    const DenseHeadOptions& head,
    const std::string& name) {
  for (const auto& [label, grid] : part.labels) {
    TORCH_CHECK_VALUE(
        std::any_of(
            head.labels.begin(), head.labels.end(),
            [&, &label = label](const DenseLabel& known) {
              return known.name == label;
            }),
        "[train] ", name, ": expected label grids that the dense head has, got `",
        label, "`; add it to `vision.dense_head.labels` or leave it out of the data.");
  }
  std::vector<at::Tensor> targets;
  targets.reserve(head.labels.size());
  for (const DenseLabel& label : head.labels) {
    const auto found = part.labels.find(label.name);
    if (found == part.labels.end()) {
      targets.push_back(at::full(
          {label.grid_rows, label.grid_columns}, DenseHeadImpl::kIgnore, at::kLong));
      continue;
    }
    const at::Tensor& grid = found->second;
    TORCH_CHECK_VALUE(
        grid.size(0) == label.grid_rows && grid.size(1) == label.grid_columns,
        "[train] ", name, ": expected `", label.name, "` of ", label.grid_rows, " x ",
        label.grid_columns, " cells, got ", grid.sizes(), ".");
    targets.push_back(grid);
  }
  return targets;
}

} // namespace omni
