// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/batch_generator.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/scripted_model.h"
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
  request.sampling.max_text_tokens =
      request.sampling.max_text_tokens.value_or(batch.max_new_tokens);
  request.wants_log_probabilities = true;
  int64_t num_new = 0;
  request.on_id = [&](int64_t) {
    return ++num_new == batch.max_new_tokens ? Step::Cancel : Step::Continue;
  };
  return Generator(model).run(builder, cache, {}, request);
}

// Ids of texts, the same on every machine.
Ids long_prompt(int64_t length) {
  Ids ids;
  for (int64_t i = 0; i < length; ++i) {
    ids.push_back(20 + (i * i * 7 + i) % 241);
  }
  return ids;
}

// The likeliest id after each of the last `num` ids but one, all computed at once.
Ids likeliest_of(OmniModel& model, const Ids& ids, int64_t num) {
  const at::NoGradGuard no_grad;
  const IdRange text = model->config.token_space.range(Segment::Text);
  const int64_t eos = model->eos_ids.front();
  const int64_t length = static_cast<int64_t>(ids.size());
  const at::Tensor logits =
      model->logits(at::tensor(ids).unsqueeze(0))[0].narrow(0, length - num - 1, num);
  Ids likeliest;
  for (int64_t i = 0; i < num; ++i) {
    const auto [best, id] = logits[i].narrow(0, text.begin, text.size()).max(0);
    const bool is_end = (logits[i][eos] > best).item<bool>();
    likeliest.push_back(is_end ? eos : text.begin + id.item<int64_t>());
  }
  return likeliest;
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
    request.sampling.presence_penalty = 0.2;
    request.sampling.frequency_penalty = 0.3;
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

TEST_CASE("answers of a batch whose layers have slid are those of one by one") {
  // A layer keeps 264 rows: its window and the slack of a cache. It slides within the
  // first prompt and at each id after it, midway in the second answer, in the third
  // never.
  OmniModel model =
      testing::make_attentive_model({.sliding_window = 8, .max_positions = 1024});
  BatchRequest request;
  request.prompts = {long_prompt(700), long_prompt(255), long_prompt(40)};
  request.max_new_tokens = 16;
  const auto results = generate_batch(model, request);
  for (size_t i = 0; i < results.size(); ++i) {
    INFO("prompt of " << request.prompts[i].size());
    const Ids& answer = results[i].ids;
    CHECK(answer.size() == 16);
    CHECK(answer == alone(model, request.prompts[i], request).ids);
    Ids whole = request.prompts[i];
    whole.insert(whole.end(), answer.begin(), answer.end());
    CHECK(answer == likeliest_of(model, whole, static_cast<int64_t>(answer.size())));
  }
}

TEST_CASE("a drawing in a prompt of a batch lies on its grid") {
  OmniModel model = testing::make_attentive_model();
  const TokenSpace& space = model->config.token_space;
  const int64_t code = space.range(Segment::Image).begin;
  BatchRequest request;
  request.prompts = {
      {265, space.control("draw_begin"), code + 3, code + 1, code + 2, code + 5,
       space.control("draw_end"), 266},
      {268}};
  request.max_new_tokens = 8;
  const auto results = generate_batch(model, request);
  CHECK(results[0].ids == alone(model, request.prompts[0], request).ids);
}

TEST_CASE("a long prompt of a batch can be cancelled midway") {
  OmniModel model = testing::make_attentive_model({.max_positions = 2048});
  BatchRequest request;
  request.prompts = {long_prompt(1200)};
  int num_asked = 0;
  request.wants_cancel = [&] { return ++num_asked == 3; };
  const GenerateResult result = generate_batch(model, request).front();
  CHECK(result.reason == StopReason::Cancelled);
  CHECK(result.ids.empty());
}

TEST_CASE("text of a batch is as long as it may be, then its end") {
  OmniModel model = attentive_model();
  BatchRequest request;
  request.prompts = kPrompts;
  request.max_new_tokens = 9;
  request.sampling.max_text_tokens = 3;
  const auto results = generate_batch(model, request);
  for (size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].ids == alone(model, kPrompts[i], request).ids);
    CHECK(results[i].ids.size() == 4);
    CHECK(results[i].ids.back() == model->eos_ids.front());
    CHECK(results[i].reason == StopReason::Length);
  }
  model->eos_ids.clear();
  for (const GenerateResult& result : generate_batch(model, request)) {
    CHECK(result.ids.size() == 3);
    CHECK(result.reason == StopReason::Length);
  }
}

TEST_CASE("a special token among the stop strings ends an answer of a batch") {
  testing::ScriptedModel script;
  const int64_t special = script.model->tokenizer->special_tokens().at("<|user|>");
  script.say({script.control("assistant"), 265, special, 266});
  BatchRequest request;
  request.prompts = {{script.control("assistant")}, {268, special}};
  request.max_new_tokens = 3;
  CHECK(generate_batch(script.model, request)[0].ids == Ids{265, special, 266});
  request.sampling.stop = {"never", "<|user|>"};
  const GenerateResult result = generate_batch(script.model, request)[0];
  CHECK(result.ids == Ids{265, special});
  CHECK(result.reason == StopReason::StopString);
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
