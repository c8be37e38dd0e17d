// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One new id of one sequence through the whole transformer, from its row of the table
// to its logits, at addresses that stay: all that changes from step to step (the id,
// its position, its place in each layer's cache) is read from tensors on the device.
// There it is recorded once and replayed (kernels/device_graph.h); a device without
// recordings runs it as it is. Its oracle is Transformer::forward with a cache. Not
// thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/device_graph.h"
#include "omni/transformer/transformer.h"

namespace omni {

struct StaticStepParts {
  Transformer transformer{nullptr};
  // Rows [1, 1, D] of ids int64 [1, 1] at positions float32 [1, 1, 3]. It must not wait
  // for the device either.
  std::function<at::Tensor(const at::Tensor& ids, const at::Tensor& positions)> embed;
  std::vector<at::Tensor> weights; // all that both read
};

class StaticStep {
 public:
  // NotImplementedError unless transformer->takes_placed_rows().
  explicit StaticStep(StaticStepParts parts);
  StaticStep(const StaticStep&) = delete;
  StaticStep& operator=(const StaticStep&) = delete;

  // Logits float32 [V] after an id at (t, y, x), whose row the cache then has: memory
  // that the next call writes over. Recorded anew when the rows of the cache are other
  // memory than at the call before (it has grown, or is another cache) or a weight has
  // moved; never for rows that move within their memory. Keeps that memory until then.
  // After an error the cache holds what it held, as Transformer::forward has it.
  at::Tensor run(int64_t id, const std::array<float, 3>& position, KvCache& cache);
  // How often it has been recorded, or would have been on a device without recordings.
  [[nodiscard]] int64_t num_recordings() const {
    return num_recordings_;
  }

 private:
  // Whether the step was placed in these rows, and the weights are where they were.
  [[nodiscard]] bool is_current(const std::vector<KvCache::NewRow>& rows) const;
  void place(const std::vector<KvCache::NewRow>& rows);
  void compute(); // what is recorded

  StaticStepParts parts_;
  std::vector<const void*> weight_addresses_;
  at::Tensor numbers_; // int64 [1 + layers]: the id, the row's index in each layer
  at::Tensor positions_; // float32 [1, 1, 3]
  at::Tensor logits_; // float32 [V]
  std::vector<PlacedRow> placed_; // of each layer
  std::unique_ptr<kernels::DeviceGraph> graph_; // null: the device has none
  bool is_recorded_ = false;
  int64_t num_recordings_ = 0;
};

} // namespace omni
