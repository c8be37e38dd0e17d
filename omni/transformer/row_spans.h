// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Who sees whom: the spans of a batch whose rows are laid end to end.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/kernels.h"

namespace omni {

// Spans of segments int64 [B, L], in order; rows of segment -1 are in none. Throws
// ValueError when a segment's rows are not next to each other in their row of the
// batch.
[[nodiscard]] std::vector<kernels::RowSpan> segment_spans(const at::Tensor& segments);
// One span for each of `batch` rows of `length`.
[[nodiscard]] std::vector<kernels::RowSpan> batch_spans(int64_t batch, int64_t length);

} // namespace omni
