// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/static_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

namespace omni {
namespace {

// In the order of the stream; nothing waits. From host memory that is made anew for
// each step: pinned memory is given out again only when the copy from it is over.
template <typename T>
void copy_to_device(at::ArrayRef<T> values, const at::Tensor& target) {
  const at::Tensor staged = at::empty(
      target.sizes(),
      at::TensorOptions(target.scalar_type()).pinned_memory(target.is_cuda()));
  std::copy(values.begin(), values.end(), staged.mutable_data_ptr<T>());
  target.copy_(staged, /*non_blocking=*/true);
}

} // namespace

StaticStep::StaticStep(StaticStepParts parts) : parts_(std::move(parts)) {
  TORCH_CHECK_NOT_IMPLEMENTED(
      parts_.transformer->takes_placed_rows(),
      "[static_step] expected layers of grouped-query attention and dense "
      "feed-forwards, got others, whose step waits for the device. Use "
      "Transformer::forward.");
}

bool StaticStep::is_current(const std::vector<KvCache::NewRow>& rows) const {
  if (placed_.size() != rows.size()) {
    return false;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!placed_[i].keys_GLK.is_same(rows[i].keys_GLK) ||
        !placed_[i].values_GLK.is_same(rows[i].values_GLK)) {
      return false;
    }
  }
  return std::equal(
      weight_addresses_.begin(), weight_addresses_.end(), parts_.weights.begin(),
      parts_.weights.end(), [](const void* address, const at::Tensor& weight) {
        return address == weight.const_data_ptr();
      });
}

void StaticStep::place(const std::vector<KvCache::NewRow>& rows) {
  is_recorded_ = false;
  placed_.clear();
  const at::Device device = rows.front().keys_GLK.device();
  const auto num_layers = static_cast<int64_t>(rows.size());
  {
    // Written inside and outside of inference mode: must be ordinary tensors.
    const c10::InferenceMode ordinary(false);
    const at::TensorOptions on_device(device);
    numbers_ = at::zeros({1 + num_layers}, on_device.dtype(at::kLong));
    positions_ = at::zeros({1, 1, kNumAxes}, on_device.dtype(at::kFloat));
    logits_ =
        at::empty({parts_.transformer->config.vocab_size}, on_device.dtype(at::kFloat));
  }
  for (int64_t i = 0; i < num_layers; ++i) {
    const KvCache::NewRow& row = rows[static_cast<size_t>(i)];
    placed_.push_back({row.keys_GLK, row.values_GLK, numbers_.narrow(0, 1 + i, 1)});
  }
  weight_addresses_.clear();
  for (const at::Tensor& weight : parts_.weights) {
    weight_addresses_.push_back(weight.const_data_ptr());
  }
  graph_ = kernels::make_device_graph(device);
}

void StaticStep::compute() {
  const at::Tensor hidden_BLD =
      parts_.embed(numbers_.narrow(0, 0, 1).unsqueeze(0), positions_);
  const at::Tensor out_BLD =
      parts_.transformer->forward_placed({hidden_BLD, positions_, {}}, placed_);
  logits_.copy_(parts_.transformer->logits(out_BLD).flatten());
}

at::Tensor
StaticStep::run(int64_t id, const std::array<float, 3>& position, KvCache& cache) {
  const at::NoGradGuard no_grad;
  cache.reserve(1); // what does not fit is refused before any layer is written
  KvCache::Rollback rollback(cache);
  std::vector<KvCache::NewRow> rows;
  std::vector<int64_t> numbers = {id};
  for (size_t i = 0; i < parts_.transformer->layers.size(); ++i) {
    rows.push_back(cache.append_row(static_cast<int64_t>(i)));
    numbers.push_back(rows.back().num_rows - 1);
  }
  if (!is_current(rows)) {
    place(rows);
  }
  copy_to_device<int64_t>(numbers, numbers_);
  copy_to_device<float>(position, positions_);
  if (!is_recorded_) {
    ++num_recordings_;
    if (graph_) {
      graph_->record([this] { compute(); });
    }
    is_recorded_ = true;
  }
  if (graph_) {
    graph_->replay();
  } else {
    compute();
  }
  rollback.keep();
  return logits_;
}

} // namespace omni
