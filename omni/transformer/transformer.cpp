// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/transformer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <utility>

#include "omni/core/shapes.h"
#include "omni/transformer/packed_decoder.h"
#include "omni/transformer/row_spans.h"

namespace omni {
namespace {

TransformerConfig checked(TransformerConfig config) {
  check_config(config);
  return config;
}

// To logits: the head, or the table where they are one.
LinearMap& map_to_logits(TransformerImpl& of) {
  return of.head ? of.head : of.table;
}

at::Tensor multiplied(const at::Tensor& logits, const TransformerConfig& config) {
  return config.logits_multiplier == 1.0 ? logits : logits * config.logits_multiplier;
}

void check_input(const TransformerInput& input, int64_t width) {
  check_shape(input.hidden, {-1, -1, width}, "transformer", "hidden");
  const int64_t batch = input.hidden.size(0), length = input.hidden.size(1);
  check_shape(input.positions, {batch, length, kNumAxes}, "transformer", "positions");
  if (input.segments.defined()) {
    check_shape(input.segments, {batch, length}, "transformer", "segments");
    TORCH_CHECK_TYPE(
        input.segments.scalar_type() == at::kLong,
        "[transformer] expected `segments` int64, got ", input.segments.scalar_type(),
        ".");
  }
}

void check_one_sequence(const TransformerInput& input, int64_t width) {
  check_input(input, width);
  TORCH_CHECK_VALUE(
      input.hidden.size(0) == 1 && !input.segments.defined(),
      "[transformer] expected one sequence and no segments with a cache, got hidden ",
      input.hidden.sizes(), input.segments.defined() ? " and segments." : ".");
}

void check_caches(const std::vector<KvCache*>& caches) {
  TORCH_CHECK_VALUE(
      !caches.empty(), "[transformer] expected a cache for each sequence, got none.");
  std::set<const KvCache*> distinct;
  for (size_t i = 0; i < caches.size(); ++i) {
    TORCH_CHECK_VALUE(
        caches[i] != nullptr,
        "[transformer] expected a cache for each sequence, got none for sequence ", i,
        ".");
    TORCH_CHECK_VALUE(
        distinct.insert(caches[i]).second,
        "[transformer] expected a cache of its own for each sequence, got one again "
        "for sequence ",
        i, ".");
  }
}

} // namespace

TransformerImpl::TransformerImpl(TransformerConfig config_in, InitialParameters initial)
    : config(checked(std::move(config_in))) {
  const LinearMapOptions table_options{config.width, config.vocab_size};
  table = register_module("embed", LinearMap(table_options));
  torch::nn::ModuleList list;
  std::vector<Rotary> rotaries;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    layers.emplace_back(config, static_cast<int64_t>(i));
    list->push_back(layers.back());
    const LayerConfig& layer = config.layers[i];
    const int64_t head_width = rotary_head_width(layer);
    size_t which = 0;
    while (which < rotaries.size() &&
           !rotaries[which].serves(layer.rotary, head_width)) {
      ++which;
    }
    if (which == rotaries.size()) {
      rotaries.emplace_back(layer.rotary, head_width);
    }
    rotary_of_layer_.push_back(which);
  }
  rotaries_ = std::make_shared<const std::vector<Rotary>>(std::move(rotaries));
  register_module("layers", list);
  norm = register_module(
      "norm",
      RmsNorm(RmsNormConfig{config.width, config.norm_eps, config.norm_weight_offset}));
  if (!config.has_tied_head) {
    head = register_module("head", LinearMap(table_options));
  }
  if (initial == InitialParameters::Random) {
    reset_parameters();
  }
}

// | parameter                            | values                                     |
// |--------------------------------------|--------------------------------------------|
// | embed, head, all maps in attention   | normal, std = 0.5 / sqrt(D): 0.018 at 768, |
// |   but its output, feed_forward       |   as GPT-2; first logits have std 0.5      |
// |   .gate_up, .router (weight)         |                                            |
// | attention.output,                    | normal, std / sqrt(2 layers): the sum of   |
// |   feed_forward.down (weight)         |   all branches is as large as one          |
// | norms (weight)                       | 1 - norm_weight_offset                     |
// | gates of norms (gate_down, gate_up)  | normal, std = 0.5 / sqrt(D)                |
// | biases                               | 0                                          |
void TransformerImpl::reset_parameters() {
  const double input_std = 0.5 / std::sqrt(static_cast<double>(config.width));
  const double output_std =
      input_std / std::sqrt(2.0 * static_cast<double>(layers.size()));
  table->reset_parameters(input_std);
  for (Block& layer : layers) {
    layer->reset_parameters(input_std, output_std);
  }
  norm->reset_parameters();
  if (head) {
    head->reset_parameters(input_std);
  }
}

at::Tensor TransformerImpl::embed(const at::Tensor& ids) {
  return at::embedding(table->weight, ids);
}

std::vector<kernels::RotaryTables> TransformerImpl::tables_of(
    const at::Tensor& positions) {
  std::shared_ptr<const std::vector<Rotary>> rotaries;
  {
    const std::lock_guard lock(is_preparing_);
    if (rotary_device_ != positions.device()) {
      rotary_device_ = positions.device();
      std::vector<Rotary> moved;
      for (const Rotary& rotary : *rotaries_) {
        moved.push_back(rotary.on(rotary_device_));
      }
      rotaries_ = std::make_shared<const std::vector<Rotary>>(std::move(moved));
    }
    rotaries = rotaries_;
  }
  std::vector<kernels::RotaryTables> tables;
  for (const Rotary& rotary : *rotaries) {
    tables.push_back(rotary.tables(positions));
  }
  return tables;
}

at::Tensor TransformerImpl::run(
    const at::Tensor& hidden,
    const at::Tensor& positions,
    AttentionRows rows) {
  const std::vector<kernels::RotaryTables> tables = tables_of(positions);
  ResidualStream stream;
  stream.sum = hidden.to(table->weight.scalar_type());
  if (config.embedding_multiplier != 1.0) {
    stream.sum = stream.sum * config.embedding_multiplier;
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    rows.rotary = tables[rotary_of_layer_[i]];
    stream = layers[i]->forward(stream, rows);
  }
  return add_norm(stream, norm, config.residual_multiplier).normed;
}

at::Tensor TransformerImpl::forward(const TransformerInput& input) {
  check_input(input, config.width);
  const int64_t batch = input.hidden.size(0), length = input.hidden.size(1);
  AttentionRows rows;
  rows.spans = input.segments.defined() ? segment_spans(input.segments)
                                        : batch_spans(batch, length);
  return run(input.hidden.flatten(0, 1), input.positions.flatten(0, 1), std::move(rows))
      .unflatten(0, {batch, length});
}

at::Tensor TransformerImpl::run_cached(
    const TransformerInput& input,
    const std::vector<KvCache*>& caches) {
  const at::NoGradGuard no_grad;
  const int64_t batch = input.hidden.size(0), length = input.hidden.size(1);
  const std::shared_ptr<PackedDecoder> decoder = prepared_decoder();
  if (decoder && batch == 1 && length == 1) {
    return step(*decoder, &PackedDecoder::step, input, *caches.front())
        .view({1, 1, config.width});
  }
  std::deque<KvCache::Rollback> rollbacks; // which do not move
  for (KvCache* cache : caches) {
    cache->reserve(length); // what does not fit is refused before any layer is written
    rollbacks.emplace_back(*cache);
  }
  AttentionRows rows;
  rows.caches = caches;
  const at::Tensor hidden_LD =
      run(input.hidden.flatten(0, 1), input.positions.flatten(0, 1), std::move(rows));
  for (KvCache::Rollback& rollback : rollbacks) {
    rollback.keep();
  }
  return hidden_LD.unflatten(0, {batch, length});
}

std::shared_ptr<PackedDecoder> TransformerImpl::prepared_decoder() {
  if (!table->weight.is_cpu()) {
    return nullptr;
  }
  const std::lock_guard lock(is_preparing_);
  if (prepared_.empty()) {
    for (const auto& module : modules(/*include_self=*/false)) {
      const auto map = std::dynamic_pointer_cast<LinearMapImpl>(module);
      // A table that is not the head is only looked up.
      if (map && (map != table.ptr() || config.has_tied_head)) {
        prepared_.emplace_back(map);
      }
    }
  }
  prepare_where_there_is_room(prepared_);
  if (!decoder_ || !decoder_->is_current()) {
    decoder_ = PackedDecoder::make(
        {layers, norm, map_to_logits(*this), config.residual_multiplier});
  }
  return decoder_;
}

at::Tensor TransformerImpl::step(
    PackedDecoder& decoder,
    PackedStep by,
    const TransformerInput& input,
    KvCache& cache) {
  const auto distinct = tables_of(input.positions.flatten(0, 1));
  std::vector<kernels::RotaryTables> of_layer;
  for (const size_t which : rotary_of_layer_) {
    of_layer.push_back(distinct[which]);
  }
  at::Tensor hidden = input.hidden.flatten().to(table->weight.scalar_type());
  if (config.embedding_multiplier != 1.0) {
    hidden = hidden * config.embedding_multiplier;
  }
  cache.reserve(1);
  KvCache::Rollback rollback(cache);
  const at::Tensor out = (decoder.*by)(hidden, of_layer, cache);
  rollback.keep();
  return out;
}

at::Tensor TransformerImpl::forward(const TransformerInput& input, KvCache& cache) {
  check_one_sequence(input, config.width);
  return run_cached(input, {&cache});
}

at::Tensor TransformerImpl::last_logits(const TransformerInput& input, KvCache& cache) {
  check_one_sequence(input, config.width);
  const at::NoGradGuard no_grad;
  const int64_t last = input.hidden.size(1) - 1;
  const std::shared_ptr<PackedDecoder> decoder = prepared_decoder();
  if (last > 0 || !decoder || !decoder->has_logits()) {
    return logits(run_cached(input, {&cache}).select(1, last)).select(0, 0);
  }
  return multiplied(
      step(*decoder, &PackedDecoder::step_to_logits, input, cache), config);
}

at::Tensor TransformerImpl::forward(
    const TransformerInput& input,
    const std::vector<KvCache*>& caches) {
  check_input(input, config.width);
  check_caches(caches);
  const auto batch = static_cast<int64_t>(caches.size());
  TORCH_CHECK_VALUE(
      input.hidden.size(0) == batch && input.hidden.size(1) == 1 &&
          !input.segments.defined(),
      "[transformer] expected one row for each of ", batch,
      " caches and no segments, got hidden ", input.hidden.sizes(),
      input.segments.defined() ? " and segments." : ".");
  return run_cached(input, caches);
}

bool TransformerImpl::takes_placed_rows() const {
  return std::all_of(layers.begin(), layers.end(), [](const Block& layer) {
    return dynamic_cast<GroupedQueryAttentionImpl*>(layer->attention.get()) !=
        nullptr &&
        dynamic_cast<DenseFeedForwardImpl*>(layer->feed_forward.get()) != nullptr;
  });
}

at::Tensor TransformerImpl::forward_placed(
    const TransformerInput& input,
    const std::vector<PlacedRow>& placed) {
  check_input(input, config.width);
  TORCH_CHECK_NOT_IMPLEMENTED(
      takes_placed_rows(),
      "[transformer] expected layers of grouped-query attention and dense "
      "feed-forwards where a row is placed by the device, got others. Use forward().");
  TORCH_CHECK_VALUE(
      input.hidden.size(0) == 1 && input.hidden.size(1) == 1 &&
          !input.segments.defined() && placed.size() == layers.size(),
      "[transformer] expected one row, no segments and a place in each of ",
      layers.size(), " layers, got hidden ", input.hidden.sizes(), " and ",
      placed.size(), " places.");
  const at::NoGradGuard no_grad;
  AttentionRows rows;
  rows.placed = placed;
  return run(input.hidden.flatten(0, 1), input.positions.flatten(0, 1), std::move(rows))
      .unflatten(0, {1, 1});
}

at::Tensor TransformerImpl::logits(const at::Tensor& hidden) {
  LinearMap& map = map_to_logits(*this);
  return multiplied(
      map->forward(hidden.to(table->weight.scalar_type())).to(hidden.scalar_type()),
      config);
}

std::vector<LinearMap> TransformerImpl::quantizable() const {
  std::vector<LinearMap> all;
  for (const Block& layer : layers) {
    for (const auto& maps :
         {layer->attention->quantizable(), layer->feed_forward->quantizable()}) {
      all.insert(all.end(), maps.begin(), maps.end());
    }
  }
  return all;
}

at::Tensor TransformerImpl::head_weight() {
  return map_to_logits(*this)->weight;
}

} // namespace omni
