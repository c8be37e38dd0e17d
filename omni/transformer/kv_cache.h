// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Keys and values of every layer for one sequence, preallocated and written in place.
// A sliding layer keeps its window plus slack; a full layer everything. Can be cut back
// (`truncate`), which interrupting and branching a conversation need. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "omni/transformer/transformer_config.h"

namespace omni {

struct KvCacheOptions {
  int64_t capacity_tokens = 1024; // grows by doubling up to config.max_positions
  int64_t slack_tokens = 256; // what a sliding layer keeps beyond its window
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

// What a layer keeps of one token: G heads, each a key and a value.
struct CacheRow {
  int64_t num_heads = 0; // G
  int64_t key_width = 0; // entries a head
  int64_t value_width = 0; // entries a head; 0: no values are kept
};

// Grouped queries keep their keys and values. Latent attention keeps one head a token,
// its key the latent and then the turned rope key, and no values: the latent is both.
// With an index (sparse_index.h), the index's key is kept where values would be.
[[nodiscard]] CacheRow cache_row(const LayerConfig& layer);

// Keys and values a layer attends to, oldest first: for L rows just appended, all that
// the first of them sees and more. A view of the cache, valid until it changes.
struct KvView {
  at::Tensor keys_GLK; // [G, L, key width]
  at::Tensor values_GLK; // [G, L, value width]
  int64_t first_index = 0; // sequence index of the first row
};

class KvCache {
 public:
  // Throws ValueError unless capacity is positive and slack not negative.
  KvCache(const TransformerConfig& config, KvCacheOptions options);

  // Rows stored so far, the same for every layer between forward passes.
  [[nodiscard]] int64_t num_tokens() const;
  // Makes room for so many more rows in every layer. Throws ValueError beyond
  // max_positions.
  void reserve(int64_t num_more);
  // Appends keys [G, L, key width] and values [G, L, value width] to a layer and
  // returns what its queries may see. Values are left undefined for a layer that keeps
  // none.
  KvView
  append(int64_t layer, const at::Tensor& keys_GLK, const at::Tensor& values_GLK = {});
  // Room for one more row of a layer that keeps keys and values, which counts as
  // appended; the caller writes it. Valid until the cache changes.
  struct NewRow {
    at::Tensor keys_GLK; // [G, capacity, key width], the new row at num_rows - 1
    at::Tensor values_GLK;
    int64_t num_rows = 0;
  };
  NewRow append_row(int64_t layer);
  // Keeps the first `num_tokens` rows. Returns false, and empties the cache, when a
  // sliding layer no longer holds the rows it needs: compute the prefix again. Throws
  // ValueError unless 0 <= num_tokens <= num_tokens().
  bool truncate(int64_t num_tokens);
  [[nodiscard]] int64_t size_bytes() const;

  // Unless told to keep what was appended meanwhile, truncates the cache to the rows it
  // had: what a pass that fails between two layers needs.
  class Rollback {
   public:
    explicit Rollback(KvCache& cache);
    ~Rollback();
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    void keep() {
      cache_ = nullptr;
    }

   private:
    KvCache* cache_;
    int64_t num_tokens_;
  };

 private:
  struct Layer {
    at::Tensor keys_GLK; // [G, capacity, key width]
    at::Tensor values_GLK; // [G, capacity, value width]; without entries at width 0
    int64_t first_index = 0; // sequence index of row 0
    int64_t num_rows = 0; // rows in use
    int64_t window = 0; // 0: keeps all
  };
  void grow(Layer& layer, int64_t num_rows);
  void check_room(int64_t num_tokens) const;
  // For a sliding layer without room for one more row: moves those it needs to the
  // front.
  void compact(Layer& layer);
  // For a sliding layer without room: stores the last rows, returns all that are seen.
  KvView slide(Layer& layer, const at::Tensor& keys_GLK, const at::Tensor& values_GLK);

  std::vector<Layer> layers_;
  int64_t max_tokens_ = 0;
  KvCacheOptions options_;
};

} // namespace omni
