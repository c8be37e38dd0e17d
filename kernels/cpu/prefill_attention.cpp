// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/prefill_attention.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/cpu/packed_product.h"
#include "kernels/cpu/row_steps.h"
#include "kernels/cpu/softmax_avx512.h"

namespace omni::kernels::cpu {
namespace {

// Query rows of a task: the scores of some hundred keys stay in the second-level cache,
// and of the keys that none of them sees less than a tenth is computed.
constexpr int64_t kBlockQueries = 64;

// Keys and values of all groups, as products read them.
struct PackedCache {
  int64_t key_bytes = 0; // of a group
  int64_t value_bytes = 0;
  // Unset until it is packed: zeros would be written by one thread alone.
  std::unique_ptr<std::byte[]> keys; // panels of 16 keys, [K / 2][16][2]
  std::unique_ptr<std::byte[]> values; // panels of 16 columns, [S / 2][16][2]
};

// One panel: `num_keys` keys from a row on, zeros for what is beyond.
void pack_keys(
    const uint16_t* rows,
    int64_t stride,
    int64_t num_keys,
    int64_t width,
    std::byte* panel) {
  std::memset(
      panel, 0, static_cast<size_t>(panel_bytes(WeightFormat::Bfloat16, width)));
  for (int64_t key = 0; key < num_keys; ++key) {
    const uint16_t* row = rows + key * stride;
    for (int64_t k = 0; k < width; k += 2) { // K is even
      std::memcpy(panel + (k * kPanelRows + key * 2) * 2, row + k, 4);
    }
  }
}

// Rows [begin, end) of all columns into the panels of the columns; `begin` is even. Two
// rows at once, for they lie in turns there; beyond the last row and column are zeros.
void pack_values(
    const uint16_t* rows,
    int64_t stride,
    int64_t begin,
    int64_t end,
    int64_t width,
    int64_t panel_step,
    std::byte* panels) {
  for (int64_t s = begin; s < end; s += 2) {
    const uint16_t* first = rows + s * stride;
    const uint16_t* second = s + 1 < end ? first + stride : nullptr;
    for (int64_t c = 0; c < width; c += kPanelRows) {
      auto* to = reinterpret_cast<uint16_t*>(panels + c / kPanelRows * panel_step) +
          s * kPanelRows;
      const int64_t count = std::min(kPanelRows, width - c);
      for (int64_t i = 0; i < count; ++i) {
        to[2 * i] = first[c + i];
        to[2 * i + 1] = second != nullptr ? second[c + i] : uint16_t{0};
      }
      std::fill(to + 2 * count, to + 2 * kPanelRows, uint16_t{0});
    }
  }
}

// The scores of a row, of which none is needed after, as the weights of values: see
// softmax_avx512.h.
float softmax_weights(float scale, int64_t size, float* scores, uint16_t* weights) {
  static const bool has_avx512 = avx512_products() != nullptr;
  if (has_avx512) {
    return softmax_weights_avx512(scale, size, scores, weights);
  }
  const float sum = exponentiate_row(scale, size, scores).sum;
  round_to_bfloat16(scores, size, weights);
  return sum;
}

// Memory of one thread.
struct Scratch {
  std::vector<uint16_t> queries; // [kBlockQueries, padded K]
  std::vector<float> scores; // [kBlockQueries, padded S]
  std::vector<uint16_t> weights; // [kBlockQueries, padded S]
  std::vector<float> sums; // [kBlockQueries, padded C]
};

class Prefill {
 public:
  Prefill(const PrefillShape& shape, const PrefillRows& rows)
      : shape_(shape),
        rows_(rows),
        shift_(shape.num_keys - shape.num_queries),
        key_panels_(num_panels(shape.num_keys)),
        value_step_(panel_bytes(WeightFormat::Bfloat16, shape.num_keys)) {
    cache_.key_bytes =
        key_panels_ * panel_bytes(WeightFormat::Bfloat16, shape.key_width);
    cache_.value_bytes = num_panels(shape.value_width) * value_step_;
    const auto groups = static_cast<size_t>(shape.num_kv_heads);
    cache_.keys = std::make_unique_for_overwrite<std::byte[]>(
        groups * static_cast<size_t>(cache_.key_bytes));
    cache_.values = std::make_unique_for_overwrite<std::byte[]>(
        groups * static_cast<size_t>(cache_.value_bytes));
  }

  void run(ThreadTeam::Member& member) {
    const int64_t packs = shape_.num_kv_heads * key_panels_;
    for (int64_t task = 0; (task = member.next_task(packs)) >= 0;) {
      pack(task / key_panels_, task % key_panels_);
    }
    member.end_tasks();
    Scratch scratch;
    const int64_t blocks = (shape_.num_queries + kBlockQueries - 1) / kBlockQueries;
    const int64_t num_tasks = shape_.num_heads * blocks;
    for (int64_t task = 0; (task = member.next_task(num_tasks)) >= 0;) {
      // The last blocks see most: first, so that the end comes evenly.
      attend(task % shape_.num_heads, blocks - 1 - task / shape_.num_heads, scratch);
    }
    member.end_tasks();
  }

 private:
  void pack(int64_t group, int64_t panel) {
    const int64_t first = panel * kPanelRows;
    const int64_t end = std::min(first + kPanelRows, shape_.num_keys);
    const uint16_t* keys = rows_.keys + group * rows_.key_group_stride;
    pack_keys(
        keys + first * rows_.key_row_stride, rows_.key_row_stride, end - first,
        shape_.key_width,
        cache_.keys.get() + group * cache_.key_bytes +
            panel * panel_bytes(WeightFormat::Bfloat16, shape_.key_width));
    pack_values(
        rows_.values + group * rows_.value_group_stride, rows_.value_row_stride, first,
        end, shape_.value_width, value_step_,
        cache_.values.get() + group * cache_.value_bytes);
  }

  // Query rows [first, first + count) of a head.
  void attend(int64_t head, int64_t block, Scratch& scratch) {
    const int64_t first = block * kBlockQueries;
    const int64_t count = std::min(kBlockQueries, shape_.num_queries - first);
    const int64_t group = head / (shape_.num_heads / shape_.num_kv_heads);
    // Keys that any of the rows sees, from whole groups of 32 on for the second
    // product.
    const int64_t end = shape_.sees_all ? shape_.num_keys : first + count + shift_;
    const int64_t least = shape_.window > 0
        ? std::max<int64_t>(0, first + shift_ - shape_.window + 1)
        : 0;
    const int64_t begin = least / kGroupColumns * kGroupColumns;
    const int64_t stride = padded_columns(end - begin);
    score(head, group, {first, count}, {begin, end}, stride, scratch);
    scratch.weights.resize(static_cast<size_t>(count * stride));
    std::vector<float> inverse_sums(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      // The row's own key, or the last.
      const int64_t own =
          (shape_.sees_all ? shape_.num_keys - 1 : first + i + shift_) - begin;
      const int64_t from =
          shape_.window > 0 ? std::max<int64_t>(0, own - shape_.window + 1) : 0;
      float* scores = scratch.scores.data() + i * stride;
      uint16_t* weights = scratch.weights.data() + i * stride;
      std::fill_n(weights, from, uint16_t{0});
      inverse_sums[static_cast<size_t>(i)] = 1.0f /
          softmax_weights(shape_.scale, own + 1 - from, scores + from, weights + from);
      std::fill(weights + own + 1, weights + stride, uint16_t{0});
    }
    weigh(head, group, {first, count}, {begin, end}, inverse_sums, scratch);
  }

  struct Range {
    int64_t begin = 0;
    int64_t end = 0; // or, of queries, how many
  };

  void score(
      int64_t head,
      int64_t group,
      const Range& queries,
      const Range& keys,
      int64_t stride,
      Scratch& scratch) {
    const int64_t width = shape_.key_width, padded = padded_columns(width);
    scratch.queries.assign(static_cast<size_t>(queries.end * padded), 0);
    for (int64_t i = 0; i < queries.end; ++i) {
      std::copy_n(
          rows_.queries + (queries.begin + i) * rows_.query_row_stride +
              head * rows_.query_head_stride,
          width, scratch.queries.data() + i * padded);
    }
    scratch.scores.resize(static_cast<size_t>(queries.end * stride));
    const PackedMatrix packed{
        WeightFormat::Bfloat16, shape_.num_keys, width,
        cache_.keys.get() + group * cache_.key_bytes};
    multiply_packed(
        packed, {.values = scratch.queries.data()},
        {queries.end, keys.begin / kPanelRows, num_panels(keys.end)},
        scratch.scores.data(), stride);
  }

  void weigh(
      int64_t head,
      int64_t group,
      const Range& queries,
      const Range& keys,
      const std::vector<float>& inverse_sums,
      Scratch& scratch) {
    const int64_t width = shape_.value_width;
    const int64_t stride = num_panels(width) * kPanelRows;
    scratch.sums.resize(static_cast<size_t>(queries.end * stride));
    const PackedMatrix packed{
        WeightFormat::Bfloat16, width, keys.end - keys.begin,
        cache_.values.get() + group * cache_.value_bytes + keys.begin * kPanelRows * 2,
        value_step_};
    multiply_packed(
        packed, {.values = scratch.weights.data()}, {queries.end, 0, num_panels(width)},
        scratch.sums.data(), stride);
    for (int64_t i = 0; i < queries.end; ++i) {
      float* sums = scratch.sums.data() + i * stride;
      const float inverse = inverse_sums[static_cast<size_t>(i)];
      for (int64_t c = 0; c < width; ++c) {
        sums[c] *= inverse;
      }
      round_to_bfloat16(
          sums, width,
          rows_.out + ((queries.begin + i) * shape_.num_heads + head) * width);
    }
  }

  const PrefillShape& shape_;
  const PrefillRows& rows_;
  const int64_t shift_; // keys before the first query's own
  const int64_t key_panels_;
  const int64_t value_step_; // bytes from one panel of values to the next
  PackedCache cache_;
};

} // namespace

bool has_prefill_attention() {
  return has_fast_products();
}

void prefill_attention(
    const PrefillShape& shape,
    const PrefillRows& rows,
    const ThreadTeam& team) {
  Prefill prefill(shape, rows);
  team.run([&](ThreadTeam::Member& member) { prefill.run(member); });
}

} // namespace omni::kernels::cpu
