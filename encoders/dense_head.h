// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A supervised side head for pictures: encoder rows predict small grids of labels (what
// is in each cell), as CTC does for sound. Early in training it teaches the encoder to
// bind attributes to places; it is not needed afterwards.
#pragma once

#include <torch/nn.h>

#include <string>
#include <vector>

#include "omni/core/linear_map.h"

namespace omni {

// What is predicted of each cell of a grid laid over the picture.
struct DenseLabel {
  std::string name; // not empty and without a dot: it becomes a parameter name
  int64_t num_classes = 0;
  int64_t grid_rows = 3; // cells
  int64_t grid_columns = 3;
};

struct DenseHeadOptions {
  int64_t input_width = 0; // E of one row
  std::vector<DenseLabel> labels; // unique names
};

// A cross-entropy not yet divided: sums of several batches and heads can be normalised
// together.
struct DenseLoss {
  at::Tensor sum; // float32 [], gradients flow
  int64_t count = 0; // targets that are not ignored
};

class DenseHeadImpl : public torch::nn::Module {
 public:
  static constexpr int64_t kIgnore = -100; // a target that is not learned

  explicit DenseHeadImpl(DenseHeadOptions options);
  // rows [I, R, E] of pictures that share one merged grid, R = rows * columns in
  // row-major order. Rows are averaged into each label's grid (cells overlap where the
  // sizes do not divide), then mapped: for each label, in order of options.labels,
  // logits [I, grid_rows, grid_columns, num_classes].
  std::vector<at::Tensor>
  forward(const at::Tensor& rows, int64_t num_rows, int64_t num_columns);
  // Loss of each label against targets int64 [I, grid_rows, grid_columns] on the CPU,
  // kIgnore where nothing is learned. Float32 whatever the dtype of the logits. Throws
  // IndexError for a class out of range, naming the label.
  [[nodiscard]] std::vector<DenseLoss> losses(
      const std::vector<at::Tensor>& logits,
      const std::vector<at::Tensor>& targets) const;
  void reset_parameters();

  const DenseHeadOptions options;

 private:
  std::vector<LinearMap> maps_; // in order of options.labels
};
TORCH_MODULE(DenseHead);

} // namespace omni
