// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Who sees whom. The rows of a batch are laid end to end; a span is a run of rows that
// see themselves and earlier rows of the span, and nothing else. A packed sequence and
// a row of the batch are spans alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace omni {

struct RowSpan {
  int64_t begin = 0; // row, counted over [B, L] flattened
  int64_t length = 0;

  bool operator==(const RowSpan&) const = default;
};

// Spans of segments int64 [B, L], in order; rows of segment -1 are in none. Throws
// ValueError when a segment's rows are not next to each other in their row of the
// batch.
[[nodiscard]] std::vector<RowSpan> segment_spans(const at::Tensor& segments);
// One span for each of `batch` rows of `length`.
[[nodiscard]] std::vector<RowSpan> batch_spans(int64_t batch, int64_t length);

// bool [num_queries, num_keys], true where query i, the row of index
// num_keys - num_queries + i, sees key j: j <= its index and, with a window, among the
// last `window` of them. window 0: no limit.
[[nodiscard]] at::Tensor causal_mask(
    int64_t num_queries,
    int64_t num_keys,
    int64_t window,
    const at::Device& device);

} // namespace omni
