// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/kv_cache.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace omni {

CacheRow cache_row(const LayerConfig& layer) {
  if (layer.attention == AttentionKind::Latent) {
    const LatentConfig& latent = layer.latent;
    const int64_t index_width = latent.index.kept_rows > 0 ? latent.index.width : 0;
    return {1, latent.kv_rank + latent.rope_width, index_width};
  }
  return {layer.num_kv_heads, layer.head_width, layer.head_width};
}

// Note [Rows of a sliding layer]
// A sliding layer must hold the window - 1 rows before the next one, and `slack` more
// so that cutting back by up to `slack` leaves it a whole window. Its buffer has room
// for window + 2 slack rows: when it is full, the newest window + slack move to the
// front, which happens once in `slack` rows, so that a row costs one copy and a view
// stays one piece of memory.
KvCache::KvCache(const TransformerConfig& config, KvCacheOptions options)
    : max_tokens_(config.max_positions), options_(options) {
  TORCH_CHECK_VALUE(
      options.capacity_tokens > 0 && options.slack_tokens >= 0,
      "[kv_cache] expected capacity_tokens > 0 and slack_tokens >= 0, got ",
      options.capacity_tokens, " and ", options.slack_tokens, ".");
  const int64_t capacity = std::min(options.capacity_tokens, max_tokens_);
  // Written inside and outside of inference mode: must be ordinary tensors.
  const c10::InferenceMode ordinary(false);
  const at::TensorOptions like = at::TensorOptions(options.device).dtype(options.dtype);
  for (const LayerConfig& of : config.layers) {
    const int64_t sliding = std::min(
        of.sliding_window + 2 * std::max<int64_t>(options.slack_tokens, 1),
        max_tokens_);
    const int64_t rows = of.sliding_window > 0 ? sliding : capacity;
    const CacheRow row = cache_row(of);
    layers_.push_back(
        {at::empty({row.num_heads, rows, row.key_width}, like),
         at::empty({row.num_heads, rows, row.value_width}, like), 0, 0,
         of.sliding_window});
  }
}

int64_t KvCache::num_tokens() const {
  return layers_.empty() ? 0 : layers_.front().first_index + layers_.front().num_rows;
}

KvCache::Rollback::Rollback(KvCache& cache)
    : cache_(&cache), num_tokens_(cache.num_tokens()) {}

KvCache::Rollback::~Rollback() {
  if (cache_ != nullptr) {
    cache_->truncate(num_tokens_);
  }
}

void KvCache::check_room(int64_t num_tokens) const {
  TORCH_CHECK_VALUE(
      num_tokens <= max_tokens_,
      "[kv_cache] expected at most max_positions = ", max_tokens_, " rows, got ",
      num_tokens, ". Shorten the conversation.");
}

void KvCache::grow(Layer& layer, int64_t num_rows) {
  const int64_t capacity = layer.keys_GLK.size(1);
  if (num_rows <= capacity) {
    return;
  }
  const c10::InferenceMode ordinary(false);
  const at::NoGradGuard no_grad;
  const int64_t rows = std::min(max_tokens_, std::max(num_rows, 2 * capacity));
  const auto larger = [&](const at::Tensor& x_GLK) {
    at::Tensor larger_GLK =
        at::empty({x_GLK.size(0), rows, x_GLK.size(2)}, x_GLK.options());
    larger_GLK.narrow(1, 0, layer.num_rows).copy_(x_GLK.narrow(1, 0, layer.num_rows));
    return larger_GLK;
  };
  const at::Tensor keys_GLK = larger(layer.keys_GLK);
  const at::Tensor values_GLK = larger(layer.values_GLK);
  layer.keys_GLK = keys_GLK; // both or none
  layer.values_GLK = values_GLK;
}

void KvCache::reserve(int64_t num_more) {
  check_room(num_tokens() + num_more);
  for (Layer& layer : layers_) {
    if (layer.window == 0) {
      grow(layer, layer.num_rows + num_more);
    }
  }
}

KvView
KvCache::slide(Layer& layer, const at::Tensor& keys_GLK, const at::Tensor& values_GLK) {
  const int64_t num_new = keys_GLK.size(1);
  const int64_t seen = std::min(layer.window - 1, layer.num_rows);
  const int64_t kept =
      std::min(layer.window + options_.slack_tokens, layer.num_rows + num_new);
  const int64_t total = layer.first_index + layer.num_rows + num_new;
  // Copies: the rows that stay may overlap the place they move to. Both are made before
  // either buffer changes, so that running out of memory leaves the layer as it was.
  const auto joined = [&](const at::Tensor& buffer_GLK, const at::Tensor& new_GLK) {
    return at::cat(
        {buffer_GLK.narrow(1, 0, layer.num_rows), new_GLK.to(buffer_GLK.dtype())}, 1);
  };
  const at::Tensor all_keys_GLK = joined(layer.keys_GLK, keys_GLK);
  const at::Tensor all_values_GLK = joined(layer.values_GLK, values_GLK);
  const int64_t rows = all_keys_GLK.size(1);
  layer.keys_GLK.narrow(1, 0, kept).copy_(all_keys_GLK.narrow(1, rows - kept, kept));
  layer.values_GLK.narrow(1, 0, kept)
      .copy_(all_values_GLK.narrow(1, rows - kept, kept));
  layer.num_rows = kept;
  layer.first_index = total - kept;
  return {
      all_keys_GLK.narrow(1, rows - num_new - seen, num_new + seen),
      all_values_GLK.narrow(1, rows - num_new - seen, num_new + seen),
      total - num_new - seen};
}

KvView KvCache::append(
    int64_t layer_index,
    const at::Tensor& keys_GLK,
    const at::Tensor& values_or_none_GLK) {
  const at::NoGradGuard no_grad;
  const at::Tensor values_GLK =
      values_or_none_GLK.defined() ? values_or_none_GLK : keys_GLK.narrow(2, 0, 0);
  Layer& layer = layers_.at(static_cast<size_t>(layer_index));
  const int64_t num_new = keys_GLK.size(1);
  const int64_t num_rows = layer.num_rows + num_new;
  check_room(layer.first_index + num_rows);
  if (layer.window > 0 && num_rows > layer.keys_GLK.size(1)) {
    return slide(layer, keys_GLK, values_GLK);
  }
  grow(layer, num_rows);
  layer.keys_GLK.narrow(1, layer.num_rows, num_new).copy_(keys_GLK);
  layer.values_GLK.narrow(1, layer.num_rows, num_new).copy_(values_GLK);
  layer.num_rows = num_rows;
  return {
      layer.keys_GLK.narrow(1, 0, num_rows), layer.values_GLK.narrow(1, 0, num_rows),
      layer.first_index};
}

void KvCache::compact(Layer& layer) {
  const int64_t kept =
      std::min(layer.window + options_.slack_tokens - 1, layer.num_rows);
  for (at::Tensor* buffer_GLK : {&layer.keys_GLK, &layer.values_GLK}) {
    // A copy first: the rows may overlap the place they move to.
    const at::Tensor last_GLK =
        buffer_GLK->narrow(1, layer.num_rows - kept, kept).clone();
    buffer_GLK->narrow(1, 0, kept).copy_(last_GLK);
  }
  layer.first_index += layer.num_rows - kept;
  layer.num_rows = kept;
}

KvCache::NewRow KvCache::append_row(int64_t layer_index) {
  const at::NoGradGuard no_grad;
  Layer& layer = layers_.at(static_cast<size_t>(layer_index));
  check_room(layer.first_index + layer.num_rows + 1);
  if (layer.window > 0 && layer.num_rows == layer.keys_GLK.size(1)) {
    compact(layer);
  } else {
    grow(layer, layer.num_rows + 1);
  }
  ++layer.num_rows;
  return {layer.keys_GLK, layer.values_GLK, layer.num_rows};
}

bool KvCache::truncate(int64_t num_tokens) {
  TORCH_CHECK_VALUE(
      num_tokens >= 0 && num_tokens <= this->num_tokens(),
      "[kv_cache] expected to keep between 0 and ", this->num_tokens(), " rows, got ",
      num_tokens, ".");
  const auto holds_what_it_needs = [&](const Layer& layer) {
    return layer.first_index <= std::max<int64_t>(0, num_tokens - layer.window + 1);
  };
  const bool can_keep =
      std::all_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
        return layer.window == 0 || holds_what_it_needs(layer);
      });
  for (Layer& layer : layers_) {
    layer.first_index = can_keep ? layer.first_index : 0;
    layer.num_rows = can_keep ? num_tokens - layer.first_index : 0;
  }
  return can_keep;
}

int64_t KvCache::size_bytes() const {
  int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    bytes += static_cast<int64_t>(layer.keys_GLK.nbytes() + layer.values_GLK.nbytes());
  }
  return bytes;
}

} // namespace omni
