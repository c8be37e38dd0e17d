// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/sequence_builder.h"

#include <algorithm>
#include <cmath>

#include "omni/core/shapes.h"

namespace omni {

SequenceBuilder::SequenceBuilder(TokenSpace space, int64_t image_grid_size)
    : SequenceBuilder(std::move(space), image_grid_size, {}) {}

SequenceBuilder::SequenceBuilder(
    TokenSpace space,
    int64_t image_grid_size,
    TokenSequence sequence)
    : space_(std::move(space)),
      image_grid_size_(image_grid_size),
      sequence_(std::move(sequence)),
      next_(sequence_.next_position()) {}

void SequenceBuilder::push(int64_t id) {
  const bool is_code = num_drawn_ >= 0 && image_grid_size_ > 0 &&
      space_.has(Segment::Image) && space_.range(Segment::Image).contains(id);
  sequence_.ids.push_back(id);
  if (is_code) {
    const auto row = static_cast<float>(num_drawn_ / image_grid_size_);
    const auto column = static_cast<float>(num_drawn_ % image_grid_size_);
    sequence_.positions.push_back(
        {drawing_begin_, drawing_begin_ + row, drawing_begin_ + column});
    next_ = std::max({next_, drawing_begin_ + row + 1, drawing_begin_ + column + 1});
    ++num_drawn_;
    return;
  }
  sequence_.positions.push_back({next_, next_, next_});
  next_ += 1;
  const bool begins_drawing =
      space_.has_control("draw_begin") && id == space_.control("draw_begin");
  num_drawn_ = begins_drawing ? 0 : -1;
  drawing_begin_ = next_;
}

void SequenceBuilder::push(const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    push(id);
  }
}

void SequenceBuilder::push_control(const std::string& role) {
  push(space_.control(role));
}

void SequenceBuilder::push_media(
    Modality modality,
    int64_t item,
    int64_t slot_id,
    const at::Tensor& row_positions) {
  check_shape(row_positions, {-1, 3}, "sequence_builder", "row_positions");
  const at::Tensor rows = row_positions.to(at::kFloat).contiguous();
  const int64_t num_rows = rows.size(0);
  sequence_.spans.push_back({modality, sequence_.num_tokens(), num_rows, item, 0});
  const auto* row = rows.const_data_ptr<float>();
  float largest = next_ - 1;
  for (int64_t i = 0; i < num_rows; ++i, row += 3) {
    sequence_.ids.push_back(slot_id);
    sequence_.positions.push_back({next_ + row[0], next_ + row[1], next_ + row[2]});
    largest = std::max({largest, next_ + row[0], next_ + row[1], next_ + row[2]});
  }
  next_ = std::floor(largest) + 1;
  num_drawn_ = -1;
}

} // namespace omni
