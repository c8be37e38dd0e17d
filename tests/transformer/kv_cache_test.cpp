// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/kv_cache.h"

#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

using testing::Inputs;
using testing::kTolerance;
using testing::largest_difference;

// One layer a window; 0 keeps all.
TransformerConfig config_of(const std::vector<int64_t>& windows) {
  TransformerConfig config;
  config.vocab_size = 8;
  config.max_positions = 100;
  for (const int64_t window : windows) {
    LayerConfig layer;
    layer.num_kv_heads = 2;
    layer.head_width = 4;
    layer.sliding_window = window;
    config.layers.push_back(layer);
  }
  return config;
}

// Row r of a sequence holds the number r.
at::Tensor rows(int64_t begin, int64_t end) {
  return at::arange(begin, end, at::kFloat).view({1, -1, 1}).expand({2, -1, 4});
}

// The numbers of the rows of a view; keys and values must agree but for the sign.
std::vector<int64_t> numbers_of(const KvView& view) {
  CHECK(at::equal(view.keys_GLK, -view.values_GLK));
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < view.keys_GLK.size(1); ++i) {
    numbers.push_back(static_cast<int64_t>(view.keys_GLK[1][i][3].item<float>()));
  }
  return numbers;
}

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> numbers;
  for (int64_t i = begin; i < end; ++i) {
    numbers.push_back(i);
  }
  return numbers;
}

// Appends row `number` by append_row; returns the numbers of all the layer then holds.
std::vector<int64_t> append_number(KvCache& cache, int64_t layer, int64_t number) {
  const KvCache::NewRow row = cache.append_row(layer);
  row.keys_GLK.narrow(1, row.num_rows - 1, 1).copy_(rows(number, number + 1));
  row.values_GLK.narrow(1, row.num_rows - 1, 1).copy_(-rows(number, number + 1));
  return numbers_of(
      {row.keys_GLK.narrow(1, 0, row.num_rows),
       row.values_GLK.narrow(1, 0, row.num_rows)});
}

// Rows [begin, begin + size) of `in` through `model`, appended to `cache`.
at::Tensor
run(Transformer& model, const Inputs& in, KvCache& cache, int64_t begin, int64_t size) {
  return model->forward(
      TransformerInput{
          in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
      cache);
}

} // namespace

TEST_CASE("a full layer gives all rows, in order, while it grows") {
  KvCache cache(config_of({0}), {.capacity_tokens = 2});
  int64_t length = 0;
  for (const int64_t size : {1, 1, 5, 1, 30, 2}) {
    const KvView view =
        cache.append(0, rows(length, length + size), -rows(length, length + size));
    length += size;
    CHECK(numbers_of(view) == range(0, length));
    CHECK(view.first_index == 0);
    CHECK(cache.num_tokens() == length);
  }
  // 2, 4, 8, 38, 76 rows of 2 groups of 4 float32, keys and values.
  CHECK(cache.size_bytes() == 76 * 2 * 4 * 4 * 2);
}

TEST_CASE("a sliding layer gives at least what its new rows see") {
  constexpr int64_t kWindow = 5;
  KvCache cache(config_of({kWindow}), {.capacity_tokens = 64, .slack_tokens = 3});
  int64_t length = 0;
  for (const int64_t size : {1, 3, 1, 1, 1, 1, 1, 1, 20, 1, 1, 11, 12, 1, 1}) {
    const KvView view =
        cache.append(0, rows(length, length + size), -rows(length, length + size));
    const int64_t least = std::max<int64_t>(0, length - kWindow + 1);
    length += size;
    CHECK(numbers_of(view) == range(view.first_index, length));
    CHECK(view.first_index <= least);
    CHECK(cache.num_tokens() == length);
  }
  CHECK(cache.size_bytes() == (kWindow + 2 * 3) * 2 * 4 * 4 * 2); // whatever the length
}

TEST_CASE("cutting back within the slack keeps, past it empties") {
  constexpr int64_t kWindow = 4, kSlack = 6;
  for (const int64_t cut : {0, 1, 6, 7, 8, 15, 30}) {
    INFO("cut " << cut);
    KvCache cache(
        config_of({0, kWindow}), {.capacity_tokens = 8, .slack_tokens = kSlack});
    for (int64_t i = 0; i < 30; ++i) {
      for (const int64_t layer : {0, 1}) {
        cache.append(layer, rows(i, i + 1), -rows(i, i + 1));
      }
    }
    const bool kept = cache.truncate(30 - cut);
    CHECK((kept || cut > kSlack));
    CHECK(cache.num_tokens() == (kept ? 30 - cut : 0));
    const int64_t next = cache.num_tokens();
    cache.append(0, rows(next, next + 1), -rows(next, next + 1));
    const KvView view = cache.append(1, rows(next, next + 1), -rows(next, next + 1));
    CHECK(view.first_index <= std::max<int64_t>(0, next - kWindow + 1));
    CHECK(numbers_of(view) == range(view.first_index, next + 1));
  }
}

TEST_CASE("a latent layer keeps keys and no values, whatever is done to it") {
  constexpr int64_t kWindow = 5, kSlack = 3;
  TransformerConfig config = config_of({0, kWindow});
  for (LayerConfig& layer : config.layers) {
    layer.attention = AttentionKind::Latent;
    layer.latent.kv_rank = 3;
    layer.latent.rope_width = 1; // rows of 4 entries, one head
  }
  KvCache cache(config, {.capacity_tokens = 2, .slack_tokens = kSlack});
  int64_t length = 0;
  const auto append = [&](int64_t size) {
    cache.reserve(size);
    for (const int64_t layer : {0, 1}) {
      const at::Tensor new_rows_GLK = rows(length, length + size).narrow(0, 0, 1);
      const KvView view = cache.append(layer, new_rows_GLK);
      const int64_t num_seen = view.keys_GLK.size(1);
      const int64_t window = config.layers[static_cast<size_t>(layer)].sliding_window;
      CHECK(
          view.first_index <=
          (window > 0 ? std::max<int64_t>(0, length - window + 1) : 0));
      CHECK(view.first_index + num_seen == length + size);
      CHECK(at::equal(
          view.keys_GLK[0].select(1, 3),
          at::arange(view.first_index, length + size, at::kFloat)));
      CHECK(view.values_GLK.sizes() == at::IntArrayRef({1, num_seen, 0}));
    }
    length += size;
  };
  for (const int64_t size : {1, 3, 1, 1, 1, 20, 1, 1}) {
    append(size);
  }
  REQUIRE(cache.truncate(length - 2));
  length -= 2;
  append(1);
  append(12);
  // 2, 4, 8, 27, 54 rows and the window's, of 4 float32, once.
  CHECK(cache.size_bytes() == (54 + kWindow + 2 * kSlack) * 4 * 4);
}

TEST_CASE("past the slack the prefix is computed again, with the same rows") {
  const at::NoGradGuard guard;
  const TransformerConfig config = testing::make_config(NormPlacement::Pre, 6, true);
  Transformer model = testing::make_transformer(config);
  const Inputs in = testing::make_inputs(40, 5);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 64, .slack_tokens = 4});
  run(model, in, cache, 0, 35);
  CHECK_FALSE(cache.truncate(12));
  REQUIRE(cache.num_tokens() == 0);
  CHECK(
      largest_difference(run(model, in, cache, 0, 20), whole.narrow(1, 0, 20)) <
      kTolerance);
  CHECK(
      largest_difference(run(model, in, cache, 20, 20), whole.narrow(1, 20, 20)) <
      kTolerance);
}

TEST_CASE("a pass that fails between two layers leaves the cache as it was") {
  const at::NoGradGuard guard;
  const int64_t window = GENERATE(0, 6);
  const TransformerConfig config =
      testing::make_config(NormPlacement::Pre, window, true);
  Transformer model = testing::make_transformer(config);
  const Inputs in = testing::make_inputs(40, 5);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 8, .slack_tokens = 16});
  run(model, in, cache, 0, 10);
  // The second layer's feed-forward, after its attention has stored its rows.
  auto last =
      std::dynamic_pointer_cast<DenseFeedForwardImpl>(model->layers[1]->feed_forward);
  const at::Tensor weight = last->down->weight;
  last->down->weight = at::zeros({32, 7});
  for (const int64_t size : {1, 9}) {
    CHECK_THROWS(run(model, in, cache, 10, size));
    CHECK(cache.num_tokens() == 10);
  }
  last->down->weight = weight;
  CHECK(
      largest_difference(run(model, in, cache, 10, 30), whole.narrow(1, 10, 30)) <
      kTolerance);
  // The first layer's attention: before any layer has stored a row.
  const at::Tensor output =
      model->layers[0]->attention->named_parameters()["output.weight"];
  const at::Tensor kept = output.clone();
  cache.truncate(25);
  at::Tensor(output).set_data(at::zeros({32, 5}));
  CHECK_THROWS(run(model, in, cache, 25, 2));
  CHECK(cache.num_tokens() == 25);
  at::Tensor(output).set_data(kept);
  CHECK(
      largest_difference(run(model, in, cache, 25, 15), whole.narrow(1, 25, 15)) <
      kTolerance);
}

TEST_CASE("a failed pass that moved a window too far empties the cache") {
  const at::NoGradGuard guard;
  const TransformerConfig config = testing::make_config(NormPlacement::Pre, 6, true);
  Transformer model = testing::make_transformer(config);
  const Inputs in = testing::make_inputs(40, 5);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 8, .slack_tokens = 2});
  run(model, in, cache, 0, 12);
  auto last =
      std::dynamic_pointer_cast<DenseFeedForwardImpl>(model->layers[1]->feed_forward);
  const at::Tensor weight = last->down->weight;
  last->down->weight = at::zeros({32, 7});
  CHECK_THROWS(run(model, in, cache, 12, 20));
  CHECK(cache.num_tokens() == 0);
  last->down->weight = weight;
  CHECK(largest_difference(run(model, in, cache, 0, 40), whole) < kTolerance);
}

TEST_CASE("a cache of bf16 serves float32 layers") {
  const at::NoGradGuard guard;
  const TransformerConfig config = testing::make_config(NormPlacement::Pre, 6, true);
  Transformer model = testing::make_transformer(config);
  const Inputs in = testing::make_inputs(30, 5);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(
      config, {.capacity_tokens = 8, .slack_tokens = 2, .dtype = at::kBFloat16});
  const at::Tensor cached = at::cat(
      {run(model, in, cache, 0, 12), run(model, in, cache, 12, 1),
       run(model, in, cache, 13, 17)},
      1);
  CHECK(cached.scalar_type() == at::kFloat);
  const double difference = largest_difference(cached, whole);
  CHECK(difference > 1e-4); // it is bf16 that is stored
  CHECK(difference < 0.05);
}

TEST_CASE("rows appended one by one for the caller to write grow a full layer") {
  KvCache cache(config_of({0}), {.capacity_tokens = 2});
  for (int64_t length = 0; length < 20; ++length) {
    CHECK(append_number(cache, 0, length) == range(0, length + 1));
    CHECK(cache.num_tokens() == length + 1);
  }
  CHECK(numbers_of(cache.append(0, rows(20, 23), -rows(20, 23))) == range(0, 23));
  REQUIRE(cache.truncate(7));
  CHECK(append_number(cache, 0, 7) == range(0, 8));
  // 2, 4, 8, 16, 32 rows of 2 groups of 4 float32, keys and values.
  CHECK(cache.size_bytes() == 32 * 2 * 4 * 4 * 2);
}

TEST_CASE("rows appended one by one slide through a sliding layer's buffer") {
  struct Case {
    int64_t window, slack;
  };
  for (const auto& [window, slack] :
       {Case{5, 3}, Case{5, 0}, Case{1, 0}, Case{1, 4}, Case{3, 1}, Case{40, 40}}) {
    INFO("window " << window << ", slack " << slack);
    KvCache cache(config_of({window}), {.capacity_tokens = 64, .slack_tokens = slack});
    const int64_t bytes = cache.size_bytes();
    // What a row sees, and `slack` rows before: cut back so far, a row sees enough.
    const auto append = [&](int64_t length) {
      const std::vector<int64_t> numbers = append_number(cache, 0, length);
      CHECK(numbers == range(numbers.front(), length + 1));
      CHECK(numbers.front() <= std::max<int64_t>(0, length + 1 - window));
      CHECK(cache.num_tokens() == length + 1);
    };
    int64_t length = 0;
    for (; length < 60; ++length) {
      append(length);
      if (length % 7 == 6) {
        REQUIRE(cache.truncate(cache.num_tokens() - std::min(slack, length)));
        for (int64_t i = cache.num_tokens(); i <= length; ++i) {
          append(i);
        }
      }
    }
    // Between appends of many.
    for (const int64_t size : {1, 4, 1, 1, 9, 1}) {
      const KvView view =
          cache.append(0, rows(length, length + size), -rows(length, length + size));
      CHECK(numbers_of(view) == range(view.first_index, length + size));
      length += size;
      append(length++);
      append(length++);
    }
    CHECK(cache.size_bytes() == bytes);
  }
}

TEST_CASE("one more row than max_positions is refused, and counts as none") {
  using omni::testing::Contains;
  KvCache cache(config_of({0, 3}), {.capacity_tokens = 4, .slack_tokens = 2});
  for (int64_t i = 0; i < 100; ++i) {
    for (const int64_t layer : {0, 1}) {
      append_number(cache, layer, i);
    }
  }
  for (const int64_t layer : {0, 1}) {
    CHECK_THROWS_WITH(
        cache.append_row(layer),
        Contains("[kv_cache] expected at most max_positions = 100 rows, got 101."));
  }
  CHECK_THROWS_AS(cache.append_row(2), std::out_of_range);
  CHECK(cache.num_tokens() == 100);
  REQUIRE(cache.truncate(99));
  CHECK(append_number(cache, 1, 99).back() == 99);
}

TEST_CASE("what a cache cannot do is said with its numbers") {
  using omni::testing::Contains;
  CHECK_THROWS_WITH(
      KvCache(config_of({0}), {.capacity_tokens = 0}),
      Contains("[kv_cache] expected capacity_tokens > 0 and slack_tokens >= 0, got 0 "
               "and 256"));
  CHECK_THROWS_WITH(
      KvCache(config_of({0}), {.slack_tokens = -1}), Contains("got 1024 and -1"));
  KvCache cache(config_of({0, 3}), {.capacity_tokens = 4});
  CHECK_THROWS_WITH(
      cache.reserve(101),
      Contains(
          "[kv_cache] expected at most max_positions = 100 rows, got 101. Shorten"));
  cache.reserve(100);
  CHECK_THROWS_WITH(cache.append(0, rows(0, 101), rows(0, 101)), Contains("got 101"));
  CHECK(cache.num_tokens() == 0);
  for (const int64_t layer : {0, 1}) {
    cache.append(layer, rows(0, 5), -rows(0, 5));
  }
  CHECK_THROWS_WITH(
      cache.truncate(6),
      Contains("[kv_cache] expected to keep between 0 and 5 rows, got 6"));
  CHECK_THROWS_WITH(cache.truncate(-1), Contains("got -1"));
  CHECK(cache.num_tokens() == 5);
}

} // namespace omni
