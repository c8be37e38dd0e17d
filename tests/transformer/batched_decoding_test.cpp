// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One new row of each of several sequences in one pass, against each in a pass alone.
#include "omni/transformer/transformer.h"
#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

using testing::Inputs;
using testing::largest_difference;
using testing::make_inputs;
using testing::make_transformer;

constexpr double kFloat32 = 1e-5;
constexpr int64_t kSteps = 9;

const KvCacheOptions kOptions{.capacity_tokens = 4, .slack_tokens = 3};

enum class Kind { Grouped, Latent, Sparse };

// The first layer slides where it can, the second has experts.
TransformerConfig config_of(Kind kind) {
  TransformerConfig config = testing::make_config(NormPlacement::Sandwich, 5, true);
  for (LayerConfig& layer : config.layers) {
    if (kind != Kind::Grouped) {
      layer.attention = AttentionKind::Latent;
      layer.latent = {10, 14, 8, 4, 6, 1e-5, false, {}};
      layer.has_qk_norm = false;
      layer.rotary = {};
    }
  }
  if (kind == Kind::Sparse) {
    config.layers[1].latent.has_output_gate = true;
    config.layers[1].latent.index = {6, 4, 6, 1e-6};
  }
  ExpertsConfig& experts = config.layers[1].experts;
  experts.num_experts = 6;
  experts.experts_per_token = 2;
  experts.width = 16;
  experts.shared_width = 8;
  return config;
}

// Sequences of different lengths, all but their last kSteps rows in caches.
struct Sequences {
  explicit Sequences(Transformer& model) {
    for (const int64_t length : {kSteps, kSteps + 1, kSteps + 4, kSteps + 23}) {
      inputs.push_back(make_inputs(length, length));
      caches.push_back(std::make_unique<KvCache>(model->config, kOptions));
      pointers.push_back(caches.back().get());
      if (length > kSteps) {
        const Inputs& in = inputs.back();
        model->forward(
            TransformerInput{
                in.hidden.narrow(1, 0, length - kSteps),
                in.positions.narrow(1, 0, length - kSteps),
                {}},
            *caches.back());
      }
    }
  }

  // The rows of step `step`, [B, 1, D] and [B, 1, 3].
  TransformerInput rows(int64_t step) const {
    std::vector<at::Tensor> hidden, positions;
    for (const Inputs& in : inputs) {
      const int64_t row = in.hidden.size(1) - kSteps + step;
      hidden.push_back(in.hidden.narrow(1, row, 1));
      positions.push_back(in.positions.narrow(1, row, 1));
    }
    return {at::cat(hidden), at::cat(positions), {}};
  }

  std::vector<int64_t> lengths() const {
    std::vector<int64_t> all;
    for (const KvCache* cache : pointers) {
      all.push_back(cache->num_tokens());
    }
    return all;
  }

  std::vector<Inputs> inputs;
  std::vector<std::unique_ptr<KvCache>> caches;
  std::vector<KvCache*> pointers;
};

} // namespace

TEST_CASE("batched decoding equals decoding one by one") {
  const at::NoGradGuard guard;
  const auto kind = GENERATE(Kind::Grouped, Kind::Latent, Kind::Sparse);
  Transformer model = make_transformer(config_of(kind));
  Sequences together(model), alone(model);
  for (int64_t step = 0; step < kSteps; ++step) {
    const TransformerInput rows = together.rows(step);
    const at::Tensor got = model->forward(rows, together.pointers);
    REQUIRE(got.sizes() == at::IntArrayRef({4, 1, 32}));
    for (size_t i = 0; i < alone.pointers.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      const at::Tensor expected = model->forward(
          TransformerInput{
              rows.hidden.narrow(0, row, 1), rows.positions.narrow(0, row, 1), {}},
          *alone.pointers[i]);
      INFO("step " << step << ", sequence " << i);
      CHECK(largest_difference(got.narrow(0, row, 1), expected) < kFloat32);
    }
  }
  CHECK(together.lengths() == alone.lengths());
  // And equals whole passes.
  const Inputs& longest = together.inputs.back();
  const at::Tensor whole =
      model->forward(TransformerInput{longest.hidden, longest.positions, {}});
  REQUIRE(together.pointers.back()->truncate(longest.hidden.size(1) - 1));
  const at::Tensor last = model->forward(
      TransformerInput{
          longest.hidden.narrow(1, longest.hidden.size(1) - 1, 1),
          longest.positions.narrow(1, longest.hidden.size(1) - 1, 1),
          {}},
      {together.pointers.back()});
  CHECK(
      largest_difference(last, whole.narrow(1, whole.size(1) - 1, 1)) <
      testing::kTolerance);
}

TEST_CASE("a batched pass that fails leaves every cache as it was") {
  const at::NoGradGuard guard;
  const auto kind = GENERATE(Kind::Grouped, Kind::Latent);
  Transformer model = make_transformer(config_of(kind));
  Sequences sequences(model), untouched(model);
  const std::vector<int64_t> before = sequences.lengths();
  // The second layer's attention, after the first has stored its rows.
  const at::Tensor output =
      model->layers[1]->attention->named_parameters()["output.weight"];
  const at::Tensor kept = output.clone();
  at::Tensor(output).set_data(at::zeros({32, 5}));
  CHECK_THROWS(model->forward(sequences.rows(0), sequences.pointers));
  CHECK(sequences.lengths() == before);
  at::Tensor(output).set_data(kept);
  CHECK(
      largest_difference(
          model->forward(sequences.rows(0), sequences.pointers),
          model->forward(untouched.rows(0), untouched.pointers)) < kFloat32);
}

TEST_CASE("a batch that does not fit its caches is refused before any changes") {
  using omni::testing::Contains;
  const at::NoGradGuard guard;
  Transformer model = make_transformer(config_of(Kind::Grouped));
  Sequences sequences(model);
  const std::vector<int64_t> before = sequences.lengths();
  const TransformerInput rows = sequences.rows(0);
  const auto refused = [&](const TransformerInput& input,
                           const std::vector<KvCache*>& caches) {
    std::string text;
    try {
      model->forward(input, caches);
    } catch (const c10::ValueError& error) {
      text = error.what_without_backtrace();
    }
    CHECK(sequences.lengths() == before);
    return text;
  };
  const std::vector<KvCache*>& all = sequences.pointers;
  CHECK_THAT(refused(rows, {}), Contains("a cache for each sequence, got none."));
  CHECK_THAT(
      refused(rows, {all[0], all[1], nullptr, all[3]}),
      Contains("got none for sequence 2."));
  CHECK_THAT(
      refused(rows, {all[0], all[1], all[1], all[3]}),
      Contains("a cache of its own for each sequence, got one again for sequence 2."));
  CHECK_THAT(
      refused(rows, {all[0], all[1]}),
      Contains("one row for each of 2 caches and no segments, got hidden [4, 1, 32]"));
  CHECK_THAT(
      refused(
          {at::cat({rows.hidden, rows.hidden}, 1),
           at::cat({rows.positions, rows.positions}, 1),
           {}},
          all),
      Contains("got hidden [4, 2, 32]"));
  CHECK_THAT(
      refused({rows.hidden, rows.positions, at::zeros({4, 1}, at::kLong)}, all),
      Contains("and segments."));
  // The last sequence is as long as the model's context.
  const int64_t room = model->config.max_positions - all[3]->num_tokens();
  const Inputs rest = make_inputs(room, 1);
  model->forward(TransformerInput{rest.hidden, rest.positions, {}}, *all[3]);
  const std::vector<int64_t> full = sequences.lengths();
  CHECK_THROWS_WITH(model->forward(rows, all), Contains("at most max_positions = 256"));
  CHECK(sequences.lengths() == full);
}

} // namespace omni
