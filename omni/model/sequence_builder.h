// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Builds a TokenSequence id by id and gives each its three-axis position: text moves
// all axes together, media rows and image codes lie on their own grid and time. The
// Composer, the generator and the trainer share it, so that they never disagree.
#pragma once

#include <string>

#include "omni/model/token_sequence.h"
#include "tokenizers/token_space.h"

namespace omni {

class SequenceBuilder {
 public:
  // `image_grid_size`: image codes a side (0 without an image codec).
  SequenceBuilder(TokenSpace space, int64_t image_grid_size);
  // Continues a sequence that ends outside a drawing.
  SequenceBuilder(TokenSpace space, int64_t image_grid_size, TokenSequence sequence);

  // Any id. Image codes after draw_begin are placed on the picture's grid.
  void push(int64_t id);
  void push(const std::vector<int64_t>& ids);
  void push_control(const std::string& role);
  // One slot a row of a media item (ids `slot_id`), at its rows' positions.
  void push_media(
      Modality modality,
      int64_t item,
      int64_t slot_id,
      const at::Tensor& row_positions);

  [[nodiscard]] const TokenSequence& sequence() const {
    return sequence_;
  }
  [[nodiscard]] TokenSequence take() {
    return std::move(sequence_);
  }

 private:
  TokenSpace space_;
  int64_t image_grid_size_;
  TokenSequence sequence_;
  float next_ = 0; // position of the next text id
  float drawing_begin_ = 0; // position of the drawing's first code
  int64_t num_drawn_ = -1; // image codes since draw_begin; -1 outside a drawing
};

} // namespace omni
