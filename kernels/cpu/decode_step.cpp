// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/decode_step.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/attend_rows.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/cpu/row_steps.h"
#include "kernels/cpu/simd.h"

namespace omni::kernels::cpu {
namespace {

// Cache rows of one task of attention: so many that at most kMaxBlocks parts are joined
// by every thread, and no fewer than are worth a task.
constexpr int64_t kMinBlockRows = 128;
constexpr int64_t kMaxBlocks = 16;

struct Blocks {
  int64_t first_row = 0; // that the query sees
  int64_t rows = 0; // of a block
  int64_t count = 0;
};

Blocks blocks_of(const DecodeLayer& layer, const DecodeRow& row) {
  Blocks blocks;
  if (layer.window > 0) {
    blocks.first_row = std::max<int64_t>(0, row.num_rows - layer.window);
  }
  const int64_t seen = row.num_rows - blocks.first_row;
  blocks.rows = std::max(kMinBlockRows, (seen + kMaxBlocks - 1) / kMaxBlocks);
  blocks.count = (seen + blocks.rows - 1) / blocks.rows;
  return blocks;
}

int64_t padded_rows(const DecodeProduct& product) {
  return num_panels(product.weight.num_rows) * kPanelRows;
}

int64_t branch_floats(int64_t width) {
  return round_up(width, kPanelRows);
}

template <typename Of>
int64_t largest(const std::vector<DecodeLayer>& layers, const Of& of) {
  int64_t most = 0;
  for (const DecodeLayer& layer : layers) {
    most = std::max<int64_t>(most, of(layer));
  }
  return most;
}

} // namespace

DecodeScratch::DecodeScratch(
    const std::vector<DecodeLayer>& layers,
    int64_t width,
    int num_threads)
    : own_(static_cast<size_t>(num_threads)) {
  const auto room = [&](const auto& of) {
    return static_cast<size_t>(largest(layers, of));
  };
  using Layer = const DecodeLayer&;
  qkv_.resize(room([](Layer of) { return padded_rows(of.qkv); }));
  branches_.resize(2 * layers.size() * static_cast<size_t>(branch_floats(width)));
  gate_up_.resize(room([](Layer of) { return padded_rows(of.gate_up); }));
  partial_.resize(room([](Layer of) {
    return of.num_heads * kMaxBlocks * partial_floats(of.head_width);
  }));
  for (Own& own : own_) {
    own.sum.resize(static_cast<size_t>(width));
    own.normed.resize(static_cast<size_t>(width));
    own.inner.resize(room([](Layer of) {
      return std::max(of.num_heads * of.head_width, of.down.weight.num_columns);
    }));
    own.head.resize(room(
        [](Layer of) { return (of.num_heads / of.num_kv_heads + 1) * of.head_width; }));
  }
}

// One thread's way through the step.
class DecodeStep {
 public:
  DecodeStep(
      const DecodeOptions& options,
      DecodeScratch& scratch,
      ThreadTeam::Member& member)
      : options_(options),
        shared_(scratch),
        own_(scratch.own_[static_cast<size_t>(member.index())]),
        member_(member) {}

  void run(
      const std::vector<DecodeLayer>& layers,
      const std::vector<DecodeRow>& rows,
      const float* x,
      const DecodeOutput& out) {
    std::copy_n(x, options_.width, own_.sum.data());
    float* branch = shared_.branches_.data();
    for (size_t i = 0; i < layers.size(); ++i) {
      const DecodeLayer& layer = layers[i];
      if (!together([&] {
            multiply(layer.qkv, normed(layer.attention_norm), shared_.qkv_.data());
          }) ||
          !together([&] { attend(layer, rows[i]); }) ||
          !together([&] { multiply(layer.output, joined(layer, rows[i]), branch); })) {
        return;
      }
      add_branch(branch, layer.attention_post_norm);
      branch += branch_floats(options_.width);
      if (!together([&] {
            multiply(
                layer.gate_up, normed(layer.feed_forward_norm),
                shared_.gate_up_.data());
          }) ||
          !together([&] { multiply(layer.down, gated(layer), branch); })) {
        return;
      }
      add_branch(branch, layer.feed_forward_post_norm);
      branch += branch_floats(options_.width);
    }
    if (out.logits != nullptr && !together([&] {
          multiply(options_.head, normed(options_.final_norm), out.logits);
        })) {
      return;
    }
    if (out.hidden != nullptr && member_.index() == 0) {
      std::copy_n(normed(options_.final_norm), options_.width, out.hidden);
    }
  }

 private:
  // A loop of tasks. A member that was away passes over those that the others have
  // finished without it; all that it needs of them are the branches, which are kept
  // apart, to add them to its own sum. False when they have ended the step without it.
  template <typename Work>
  [[nodiscard]] bool together(const Work& work) {
    if (member_.takes_part()) {
      work();
    }
    return member_.end_tasks();
  }

  // out = x W^T + bias by all threads; x is each one's own copy.
  void multiply(const DecodeProduct& product, const float* x, float* out) {
    const PackedMatrix& weight = product.weight;
    own_.input.prepare(row_form(weight.format), 1, weight.num_columns);
    own_.input.set_row(0, x);
    const ProductInput input = own_.input.input();
    const int64_t panels = num_panels(weight.num_rows), step = panels_per_task(1);
    const int64_t num_tasks = (panels + step - 1) / step;
    for (int64_t task = 0; (task = member_.next_task(num_tasks)) >= 0;) {
      const int64_t begin = task * step, end = std::min(begin + step, panels);
      float* rows = out + begin * kPanelRows;
      multiply_packed(weight, input, {1, begin, end}, rows, (end - begin) * kPanelRows);
      if (product.bias != nullptr) {
        const int64_t last = std::min(end * kPanelRows, weight.num_rows);
        add_row(
            product.bias + begin * kPanelRows, 1.0f, last - begin * kPanelRows, rows);
      }
    }
  }

  const float* normed(const DecodeNorm& norm) {
    if (norm.weight == nullptr) {
      return own_.sum.data();
    }
    norm_row(
        own_.sum.data(), norm.weight, norm.eps, options_.width, own_.normed.data());
    return own_.normed.data();
  }

  const float* gated(const DecodeLayer& layer) {
    const int64_t inner = layer.down.weight.num_columns;
    const float* gate = shared_.gate_up_.data();
    swiglu_row(gate, gate + inner, inner, own_.inner.data());
    return own_.inner.data();
  }

  void add_branch(const float* branch, const DecodeNorm& post_norm) {
    if (post_norm.weight != nullptr) {
      norm_row(
          branch, post_norm.weight, post_norm.eps, options_.width, own_.normed.data());
      branch = own_.normed.data();
    }
    add_row(branch, options_.residual_multiplier, options_.width, own_.sum.data());
  }

  void turn(
      const DecodeLayer& layer,
      const DecodeRow& row,
      const DecodeNorm& norm,
      float* head) {
    if (norm.weight != nullptr) {
      norm_row(head, norm.weight, norm.eps, layer.head_width, head);
    }
    rotate_row(row.cos, row.sin, layer.rotary_half, layer.is_interleaved, head);
  }

  // A task is a group and a block of its cache; the last block's also writes the
  // token's own key and value, which are its last row.
  void attend(const DecodeLayer& layer, const DecodeRow& row) {
    const Blocks blocks = blocks_of(layer, row);
    const int64_t num_tasks = layer.num_kv_heads * blocks.count;
    for (int64_t task = 0; (task = member_.next_task(num_tasks)) >= 0;) {
      if (row.is_bfloat16) {
        attend_task<c10::BFloat16>(layer, row, blocks, task);
      } else {
        attend_task<float>(layer, row, blocks, task);
      }
    }
  }

  template <typename T>
  void attend_task(
      const DecodeLayer& layer,
      const DecodeRow& row,
      const Blocks& blocks,
      int64_t task) {
    const int64_t group = task / blocks.count, block = task % blocks.count;
    const int64_t width = layer.head_width;
    T* keys = static_cast<T*>(row.keys) + group * row.key_group_stride;
    T* values = static_cast<T*>(row.values) + group * row.value_group_stride;
    if (block + 1 == blocks.count) {
      write_row(layer, row, group, keys, values);
    }
    const int64_t per_group = layer.num_heads / layer.num_kv_heads;
    float* queries = own_.head.data();
    std::copy_n(
        shared_.qkv_.data() + group * per_group * width, per_group * width, queries);
    for (int64_t head = 0; head < per_group; ++head) {
      turn(layer, row, layer.q_norm, queries + head * width);
    }
    const int64_t begin = blocks.first_row + block * blocks.rows;
    const int64_t num_rows = std::min(blocks.rows, row.num_rows - begin);
    own_.scores.resize(
        std::max(own_.scores.size(), static_cast<size_t>(kHeadsAtOnce * num_rows)));
    attend_block<T>(
        {per_group, width, width, width, width, layer.scale}, queries,
        keys + begin * width, values + begin * width, num_rows, own_.scores.data(),
        shared_.partial_.data() + task * per_group * partial_floats(width));
  }

  template <typename T>
  void write_row(
      const DecodeLayer& layer,
      const DecodeRow& row,
      int64_t group,
      T* keys,
      T* values) {
    const int64_t width = layer.head_width, at = (row.num_rows - 1) * width;
    float* head = own_.head.data();
    const float* qkv = shared_.qkv_.data();
    std::copy_n(qkv + (layer.num_heads + group) * width, width, head);
    turn(layer, row, layer.k_norm, head);
    const float* value = qkv + (layer.num_heads + layer.num_kv_heads + group) * width;
    for (int64_t i = 0; i < width; ++i) {
      keys[at + i] = from_float<T>(head[i]);
      values[at + i] = from_float<T>(value[i]);
    }
  }

  // What the heads have read, [H K].
  const float* joined(const DecodeLayer& layer, const DecodeRow& row) {
    const Blocks blocks = blocks_of(layer, row);
    const int64_t per_group = layer.num_heads / layer.num_kv_heads;
    const int64_t floats = partial_floats(layer.head_width);
    for (int64_t head = 0; head < layer.num_heads; ++head) {
      const int64_t group = head / per_group;
      join_blocks(
          shared_.partial_.data() +
              (group * blocks.count * per_group + head % per_group) * floats,
          per_group * floats, blocks.count, layer.head_width,
          own_.inner.data() + head * layer.head_width);
    }
    return own_.inner.data();
  }

  const DecodeOptions& options_;
  DecodeScratch& shared_;
  DecodeScratch::Own& own_;
  ThreadTeam::Member& member_;
};

void decode_step(
    const std::vector<DecodeLayer>& layers,
    const std::vector<DecodeRow>& rows,
    const DecodeOptions& options,
    const float* x,
    DecodeScratch& scratch,
    const ThreadTeam& team,
    const DecodeOutput& out) {
  team.run_loops([&](ThreadTeam::Member& member) {
    DecodeStep(options, scratch, member).run(layers, rows, x, out);
  });
}

} // namespace omni::kernels::cpu
