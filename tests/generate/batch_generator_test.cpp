// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/batch_generator.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Ids = std::vector<int64_t>;

const std::vector<Ids> kPrompts = {
    {265, 266, 267, 268},
    {268},
    {266, 265, 266, 265, 267, 268, 265}};

OmniModel attentive_model() {
  return testing::make_attentive_model({.sliding_window = 4, .max_positions = 64});
}

// The answer to one prompt by the generator of all modalities.
GenerateResult alone(OmniModel& model, const Ids& prompt, const BatchRequest& batch) {
  SequenceBuilder builder(
      model->config.token_space, model->config.image_codec->grid_size());
  builder.push(prompt);
  KvCache cache(*model->config.transformer, {});
  GenerateRequest request;
  request.sampling = batch.sampling;
  request.sampling.modalities = {Modality::Text};
  request.wants_log_probabilities = true;
  int64_t num_new = 0;
  request.on_id = [&](int64_t) {
    return ++num_new == batch.max_new_tokens ? Step::Cancel : Step::Continue;
  };
  return Generator(model).run(builder, cache, {}, request);
}

} // namespace

TEST_CASE("each answer of a batch is the one that its prompt gets alone") {
  OmniModel model = attentive_model();
  for (const double temperature : {0.0, 1.0}) {
    BatchRequest request;
    request.prompts = kPrompts;
    request.sampling.temperature = temperature;
    request.sampling.seed = 3;
    request.sampling.repetition_penalty = 1.1;
    request.max_new_tokens = 12;
    request.wants_log_probabilities = true;
    const auto results = generate_batch(model, request);
    REQUIRE(results.size() == kPrompts.size());
    for (size_t i = 0; i < results.size(); ++i) {
      const GenerateResult expected = alone(model, kPrompts[i], request);
      CHECK(results[i].ids == expected.ids);
      REQUIRE(results[i].log_probabilities.size() == expected.ids.size());
      for (size_t k = 0; k < expected.ids.size(); ++k) {
        CHECK(
            std::abs(results[i].log_probabilities[k] - expected.log_probabilities[k]) <
            1e-4);
      }
    }
  }
}

TEST_CASE("log probabilities are those of the logits") {
  OmniModel model = attentive_model();
  BatchRequest request;
  request.prompts = {kPrompts[0]};
  request.max_new_tokens = 3;
  request.wants_log_probabilities = true;
  const GenerateResult result = generate_batch(model, request).front();
  const at::NoGradGuard no_grad;
  Ids ids = kPrompts[0];
  for (size_t i = 0; i < result.ids.size(); ++i) {
    const at::Tensor logits = model->logits(at::tensor(ids).unsqueeze(0))[0][-1];
    const auto expected = logits.log_softmax(0)[result.ids[i]].item<float>();
    CHECK(std::abs(result.log_probabilities[i] - expected) < 1e-4);
    ids.push_back(result.ids[i]);
  }
}

TEST_CASE("answers of a batch end each for itself") {
  OmniModel model = attentive_model();
  BatchRequest request;
  request.prompts = kPrompts;
  request.max_new_tokens = 8;
  const auto whole = generate_batch(model, request);
  // What the first answer says third ends answers from now on.
  const int64_t eos = whole[0].ids[2];
  model->eos_ids = {eos};
  const auto results = generate_batch(model, request);
  for (size_t i = 0; i < results.size(); ++i) {
    const Ids& ids = whole[i].ids;
    const auto end = std::find(ids.begin(), ids.end(), eos);
    const bool has_end = end != ids.end();
    CHECK(results[i].ids == Ids(ids.begin(), has_end ? end + 1 : ids.end()));
    CHECK(results[i].reason == (has_end ? StopReason::EndOfTurn : StopReason::Length));
  }
}

TEST_CASE("a batch can be cancelled and stops at the end of the context") {
  OmniModel model = attentive_model();
  BatchRequest request;
  request.prompts = kPrompts;
  request.max_new_tokens = 1000;
  int num_asked = 0;
  request.wants_cancel = [&] { return ++num_asked > 5; };
  for (const GenerateResult& result : generate_batch(model, request)) {
    CHECK(result.ids.size() == 2);
    CHECK(result.reason == StopReason::Cancelled);
  }
  request.wants_cancel = {};
  const auto results = generate_batch(model, request);
  for (size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].reason == StopReason::Length);
    const GenerateResult expected = alone(model, kPrompts[i], request);
    CHECK(
        results[i].ids ==
        Ids(expected.ids.begin(), expected.ids.begin() + results[i].ids.size()));
    CHECK(kPrompts[i].size() + results[i].ids.size() == 63);
  }
}

TEST_CASE("a batch that cannot be is refused") {
  OmniModel model = attentive_model();
  const auto refuses = [&](BatchRequest request, const char* expected) {
    CHECK_THROWS_WITH(generate_batch(model, request), Contains(expected));
  };
  CHECK(generate_batch(model, {}).empty());
  refuses({.prompts = {{265}, {}}}, "expected a prompt of 1 to 62 ids, got 0");
  refuses({.prompts = {Ids(63, 265)}}, "got 63");
  refuses({.prompts = {{-1}}}, "expected ids in [0, ");
  refuses({.prompts = {{265}}, .max_new_tokens = 0}, "max_new_tokens from 1");
  BatchRequest draws{.prompts = {{265}}};
  draws.sampling.modalities = {Modality::Image};
  refuses(draws, "expected text alone");
}

} // namespace omni
