// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/packed_decoder.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <typeinfo>

namespace omni {
namespace {

using kernels::cpu::DecodeLayer;
using kernels::cpu::DecodeRow;

// The step writes by pointer: into the rows it knows, or not at all.
void check_row(const KvCache::NewRow& row, const DecodeLayer& layer, size_t index) {
  const at::Tensor& keys_GLK = row.keys_GLK;
  const at::ScalarType dtype = keys_GLK.scalar_type();
  const bool has_sizes = keys_GLK.sizes() == row.values_GLK.sizes() &&
      keys_GLK.size(0) == layer.num_kv_heads && keys_GLK.size(2) == layer.head_width;
  TORCH_CHECK_VALUE(
      has_sizes && keys_GLK.is_cpu() && (dtype == at::kFloat || dtype == at::kBFloat16),
      "[packed_decoder] expected a cache of float32 or bfloat16 with ",
      layer.num_kv_heads, " heads of ", layer.head_width, " entries in layer ", index,
      ", got ", dtype, " ", keys_GLK.sizes(), " on ", keys_GLK.device(), ".");
}

bool is_plain(const RmsNorm& norm) {
  // A norm with a gate is a subclass.
  return !norm || typeid(*norm.get()) == typeid(RmsNormImpl);
}

bool knows(const BlockImpl& block) {
  const auto* attention =
      dynamic_cast<const GroupedQueryAttentionImpl*>(block.attention.get());
  const auto* feed_forward =
      dynamic_cast<const DenseFeedForwardImpl*>(block.feed_forward.get());
  if (attention == nullptr || feed_forward == nullptr) {
    return false;
  }
  const auto is_packed = [](const LinearMap& map) { return map->packed() != nullptr; };
  return is_plain(block.attention_norm) && is_plain(block.feed_forward_norm) &&
      is_packed(attention->qkv) && is_packed(attention->output) &&
      is_packed(feed_forward->gate_up) && is_packed(feed_forward->down);
}

} // namespace

std::shared_ptr<PackedDecoder> PackedDecoder::make(PackedDecoderParts parts) {
  const bool knows_all = std::all_of(
      parts.layers.begin(), parts.layers.end(),
      [](const Block& block) { return knows(*block); });
  if (!knows_all || parts.layers.empty()) {
    return nullptr;
  }
  return std::shared_ptr<PackedDecoder>(new PackedDecoder(std::move(parts)));
}

PackedDecoder::PackedDecoder(PackedDecoderParts parts) : parts_(std::move(parts)) {
  for (const Block& block : parts_.layers) {
    layers_.push_back(layer_of(*block));
  }
  options_.width = parts_.norm->weight.size(0);
  options_.residual_multiplier = static_cast<float>(parts_.residual_multiplier);
  options_.final_norm = norm_of(parts_.norm);
  if (parts_.head->packed() != nullptr) {
    options_.head = product_of(parts_.head);
  }
}

const float* PackedDecoder::floats_of(const Parameter& parameter, double offset) {
  if (!parameter->defined()) {
    return nullptr;
  }
  sources_.emplace_back(parameter, ValueStamp(*parameter));
  copies_.push_back(parameter->detach()
                        .to(at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                        .contiguous()
                        .add_(offset));
  return copies_.back().const_data_ptr<float>();
}

kernels::cpu::DecodeNorm PackedDecoder::norm_of(const RmsNorm& norm) {
  if (!norm) {
    return {};
  }
  return {
      floats_of({norm.ptr(), &norm->weight}, norm->config.weight_offset),
      static_cast<float>(norm->config.eps)};
}

kernels::cpu::DecodeProduct PackedDecoder::product_of(const LinearMap& map) {
  const kernels::PackedWeight& weight = *map->packed();
  copies_.push_back(weight.panels);
  const at::Tensor& source = map->weight.defined() ? map->weight : map->panels;
  sources_.emplace_back(Parameter(map.ptr(), &source), ValueStamp(source));
  return {
      {weight.format, weight.num_rows, weight.num_columns,
       reinterpret_cast<const std::byte*>(weight.panels.const_data_ptr<uint8_t>())},
      floats_of({map.ptr(), &map->bias})};
}

DecodeLayer PackedDecoder::layer_of(const BlockImpl& block) {
  const auto& attention =
      dynamic_cast<const GroupedQueryAttentionImpl&>(*block.attention);
  const auto& feed_forward =
      dynamic_cast<const DenseFeedForwardImpl&>(*block.feed_forward);
  const LayerConfig& config = attention.config;
  DecodeLayer layer;
  layer.attention_norm = norm_of(block.attention_norm);
  layer.attention_post_norm = norm_of(block.attention_post_norm);
  layer.feed_forward_norm = norm_of(block.feed_forward_norm);
  layer.feed_forward_post_norm = norm_of(block.feed_forward_post_norm);
  layer.qkv = product_of(attention.qkv);
  layer.output = product_of(attention.output);
  layer.gate_up = product_of(feed_forward.gate_up);
  layer.down = product_of(feed_forward.down);
  layer.q_norm = norm_of(attention.q_norm);
  layer.k_norm = norm_of(attention.k_norm);
  layer.num_heads = config.num_heads;
  layer.num_kv_heads = config.num_kv_heads;
  layer.head_width = config.head_width;
  layer.window = config.sliding_window;
  layer.scale = static_cast<float>(attention.scale());
  layer.is_interleaved = config.rotary.kind == RotaryKind::InterleavedPairs;
  return layer;
}

bool PackedDecoder::is_current() const {
  return std::all_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source.first->defined() && source.second == ValueStamp(*source.first);
  });
}

at::Tensor PackedDecoder::step(
    const at::Tensor& hidden,
    const std::vector<kernels::RotaryTables>& rotary,
    KvCache& cache) {
  const at::Tensor out = at::empty({options_.width}, at::kFloat);
  run(hidden, rotary, cache, {.hidden = out.mutable_data_ptr<float>()});
  return out.to(hidden.scalar_type());
}

at::Tensor PackedDecoder::step_to_logits(
    const at::Tensor& hidden,
    const std::vector<kernels::RotaryTables>& rotary,
    KvCache& cache) {
  TORCH_INTERNAL_ASSERT(has_logits());
  const int64_t vocab = options_.head.weight.num_rows;
  const at::Tensor out = at::empty(
      {kernels::cpu::num_panels(vocab) * kernels::cpu::kPanelRows}, at::kFloat);
  run(hidden, rotary, cache, {.logits = out.mutable_data_ptr<float>()});
  return out.narrow(0, 0, vocab);
}

void PackedDecoder::run(
    const at::Tensor& hidden,
    const std::vector<kernels::RotaryTables>& rotary,
    KvCache& cache,
    const kernels::cpu::DecodeOutput& out) {
  const std::lock_guard lock(is_stepping_);
  const kernels::cpu::ThreadTeam team;
  if (!scratch_ || num_threads_ != team.num_threads()) {
    num_threads_ = team.num_threads();
    scratch_ = std::make_unique<kernels::cpu::DecodeScratch>(
        layers_, options_.width, num_threads_);
  }
  std::vector<DecodeRow> rows;
  rows.reserve(layers_.size());
  for (size_t i = 0; i < layers_.size(); ++i) {
    const KvCache::NewRow row = cache.append_row(static_cast<int64_t>(i));
    check_row(row, layers_[i], i);
    DecodeRow& found = rows.emplace_back();
    if (rotary[i].cos.defined()) {
      found.cos = rotary[i].cos.const_data_ptr<float>();
      found.sin = rotary[i].sin.const_data_ptr<float>();
      layers_[i].rotary_half = rotary[i].cos.numel();
    }
    found.keys = row.keys_GLK.data_ptr();
    found.values = row.values_GLK.data_ptr();
    found.key_group_stride = row.keys_GLK.stride(0);
    found.value_group_stride = row.values_GLK.stride(0);
    found.num_rows = row.num_rows;
    found.is_bfloat16 = row.keys_GLK.scalar_type() == at::kBFloat16;
  }
  const at::Tensor x = hidden.to(at::kFloat).contiguous();
  kernels::cpu::decode_step(
      layers_, rows, options_, x.const_data_ptr<float>(), *scratch_, team, out);
}

} // namespace omni
