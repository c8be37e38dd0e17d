// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/dense_head.h"

#include <ATen/ATen.h>

#include <cmath>

#include "omni/core/initial_values.h"
#include "omni/core/shapes.h"

namespace omni {

DenseHeadImpl::DenseHeadImpl(DenseHeadOptions options_in)
    : options(std::move(options_in)) {
  TORCH_CHECK_VALUE(
      options.input_width > 0, "[dense_head] expected a positive input_width, got ",
      options.input_width, ".");
  TORCH_CHECK_VALUE(
      !options.labels.empty(), "[dense_head] expected at least one label, got none.");
  for (const DenseLabel& label : options.labels) {
    TORCH_CHECK_VALUE(
        !label.name.empty() && label.name.find('.') == std::string::npos &&
            !named_children().contains(label.name),
        "[dense_head] expected unique label names without a dot, got \"", label.name,
        "\".");
    TORCH_CHECK_VALUE(
        label.num_classes > 0 && label.grid_rows > 0 && label.grid_columns > 0,
        "[dense_head] expected at least one class and one cell for \"", label.name,
        "\", got ", label.num_classes, " classes and a grid of ", label.grid_rows,
        " x ", label.grid_columns, ".");
    maps_.push_back(register_module(
        label.name,
        LinearMap(LinearMapOptions{options.input_width, label.num_classes, true})));
  }
  reset_parameters();
}

// | parameter  | values                     |
// |------------|----------------------------|
// | *.weight   | normal, std 1 / sqrt(E)    |
// | *.bias     | 0                          |
void DenseHeadImpl::reset_parameters() {
  const double std = 1.0 / std::sqrt(static_cast<double>(options.input_width));
  for (auto& map : maps_) {
    fill_normal(map->weight, std);
    torch::nn::init::zeros_(map->bias);
  }
}

std::vector<at::Tensor>
DenseHeadImpl::forward(const at::Tensor& rows, int64_t num_rows, int64_t num_columns) {
  check_shape(
      rows, {-1, num_rows * num_columns, options.input_width}, "dense_head", "rows");
  const int64_t num_items = rows.size(0);
  const at::Tensor grid_IEYX =
      rows.view({num_items, num_rows, num_columns, options.input_width})
          .permute({0, 3, 1, 2});
  std::vector<at::Tensor> logits;
  logits.reserve(maps_.size());
  for (size_t i = 0; i < maps_.size(); ++i) {
    const DenseLabel& label = options.labels[i];
    const at::Tensor cells_IYXE =
        at::adaptive_avg_pool2d(grid_IEYX, {label.grid_rows, label.grid_columns})
            .permute({0, 2, 3, 1});
    logits.push_back(maps_[i]->forward(cells_IYXE));
  }
  return logits;
}

std::vector<DenseLoss> DenseHeadImpl::losses(
    const std::vector<at::Tensor>& logits,
    const std::vector<at::Tensor>& targets) const {
  const size_t num_labels = options.labels.size();
  TORCH_CHECK_VALUE(
      logits.size() == num_labels && targets.size() == num_labels,
      "[dense_head] expected logits and targets of ", num_labels, " labels, got ",
      logits.size(), " and ", targets.size(), ".");
  std::vector<DenseLoss> losses(num_labels);
  for (size_t i = 0; i < num_labels; ++i) {
    const auto& [name, num_classes, grid_rows, grid_columns] = options.labels[i];
    check_shape(
        logits[i], {-1, grid_rows, grid_columns, num_classes}, "dense_head",
        "logits of " + name);
    check_shape(
        targets[i], {logits[i].size(0), grid_rows, grid_columns}, "dense_head",
        "targets of " + name);
    TORCH_CHECK_TYPE(
        targets[i].scalar_type() == at::kLong && targets[i].device().is_cpu(),
        "[dense_head] expected targets of \"", name, "\" int64 on the CPU, got ",
        targets[i].scalar_type(), " on ", targets[i].device(), ".");
    const at::Tensor flat = targets[i].reshape({-1}).contiguous();
    const auto* target = flat.const_data_ptr<int64_t>();
    for (int64_t n = 0; n < flat.numel(); ++n) {
      if (target[n] == kIgnore) {
        continue;
      }
      TORCH_CHECK_INDEX(
          target[n] >= 0 && target[n] < num_classes,
          "[dense_head] expected a class of \"", name, "\" in [0, ", num_classes,
          ") or ", kIgnore, ", got ", target[n], ".");
      ++losses[i].count;
    }
    losses[i].sum = at::cross_entropy_loss(
        logits[i].to(at::kFloat).reshape({-1, num_classes}),
        flat.to(logits[i].device()), {}, at::Reduction::Sum, kIgnore);
  }
  return losses;
}

} // namespace omni
