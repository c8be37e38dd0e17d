// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/row_spans.h"

#include <ATen/ATen.h>

#include <set>

namespace omni {

std::vector<kernels::RowSpan> segment_spans(const at::Tensor& segments) {
  const at::Tensor host = segments.cpu().contiguous();
  const int64_t batch = host.size(0), length = host.size(1);
  const int64_t* ids = host.const_data_ptr<int64_t>();
  std::vector<kernels::RowSpan> spans;
  std::set<int64_t> seen;
  for (int64_t b = 0; b < batch; ++b) {
    seen.clear();
    for (int64_t begin = 0; begin < length;) {
      const int64_t id = ids[b * length + begin];
      int64_t end = begin + 1;
      while (end < length && ids[b * length + end] == id) {
        ++end;
      }
      if (id >= 0) {
        TORCH_CHECK_VALUE(
            seen.insert(id).second,
            "[transformer] expected the rows of a segment to be next to each other, "
            "got "
            "segment ",
            id, " again at [", b, ", ", begin, "].");
        spans.push_back({b * length + begin, end - begin});
      }
      begin = end;
    }
  }
  return spans;
}

std::vector<kernels::RowSpan> batch_spans(int64_t batch, int64_t length) {
  std::vector<kernels::RowSpan> spans;
  for (int64_t b = 0; b < batch && length > 0; ++b) {
    spans.push_back({b * length, length});
  }
  return spans;
}

} // namespace omni
