// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How an answer begins and ends: the prompt before the first id, any eos id, none at
// all, stop tokens, limits, and what is refused before anything is computed.
#include <algorithm>

#include "omni/generate/generator.h"
#include "omni/model/published_folder.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_model.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using testing::ScriptedModel;

constexpr int64_t kThe = 265, kDot = 266, kGa = 268; // tiny_unigram
constexpr int64_t kGrid = 2; // image codes a side
using Ids = std::vector<int64_t>;

SequenceBuilder prompt_of(const OmniModel& model, int64_t num_text = 1) {
  SequenceBuilder builder(model->config.token_space, kGrid);
  builder.push_control("bos");
  builder.push_control("user");
  builder.push(Ids(static_cast<size_t>(num_text), kGa));
  builder.push_control("assistant");
  return builder;
}

KvCache make_cache(const OmniModel& model) {
  return KvCache(*model->config.transformer, {.capacity_tokens = 64});
}

GenerateResult generate(OmniModel& model, const GenerateRequest& request) {
  SequenceBuilder builder = prompt_of(model);
  KvCache cache = make_cache(model);
  return Generator(model).run(builder, cache, {}, request);
}

GenerateRequest asking_for(Modality modality) {
  GenerateRequest request;
  request.sampling.modalities = {modality};
  request.sampling.max_text_tokens = 3;
  request.spell_words = [](const Ids&) { return std::vector<Ids>{}; };
  return request;
}

} // namespace

TEST_CASE("the prompt is computed before the first id, whatever is asked for") {
  OmniModel model = testing::make_tiny_model();
  GenerateRequest request =
      asking_for(GENERATE(Modality::Text, Modality::Image, Modality::Speech));
  SequenceBuilder builder = prompt_of(model);
  const int64_t length = builder.sequence().num_tokens();
  KvCache cache = make_cache(model);
  int64_t num_computed = -1;
  request.on_id = [&](int64_t) {
    num_computed = num_computed < 0 ? cache.num_tokens() : num_computed;
    return Step::Continue;
  };
  Generator(model).run(builder, cache, {}, request);
  CHECK(num_computed == length);
}

TEST_CASE("a long prompt can be cancelled midway and gone on with") {
  OmniModel model = testing::make_attentive_model({.max_positions = 2048});
  constexpr int64_t kLength = 1200;
  GenerateRequest request = asking_for(GENERATE(Modality::Text, Modality::Image));
  request.sampling.image_temperature = 0.0;
  SequenceBuilder builder = prompt_of(model, kLength);
  SequenceBuilder twin = builder;
  KvCache cache = make_cache(model);
  int64_t num_asked = 0, num_ids = 0;
  request.on_id = [&](int64_t) {
    ++num_ids;
    return Step::Continue;
  };
  request.wants_cancel = [&] { return ++num_asked == 2; };
  const GenerateResult cancelled = Generator(model).run(builder, cache, {}, request);
  CHECK(cancelled.reason == StopReason::Cancelled);
  CHECK(cancelled.ids.empty());
  CHECK(num_ids == 0);
  CHECK(cache.num_tokens() > 0);
  CHECK(cache.num_tokens() < kLength);
  CHECK(builder.sequence().ids == twin.sequence().ids);
  request.wants_cancel = {};
  KvCache fresh = make_cache(model);
  CHECK(
      Generator(model).run(builder, cache, {}, request).ids ==
      Generator(model).run(twin, fresh, {}, request).ids);
}

TEST_CASE("any of the model's eos ids ends an answer, and is its last id") {
  ScriptedModel script;
  const int64_t other = script.control("pad");
  script.model->eos_ids = {script.control("eos"), other};
  script.say({script.control("assistant"), kThe, other, kDot});
  const GenerateResult result = generate(script.model, {});
  CHECK(result.ids == Ids{kThe, other});
  CHECK(result.reason == StopReason::EndOfTurn);
}

TEST_CASE("an eos id inside the text segment ends an answer too") {
  ScriptedModel script;
  script.model->eos_ids = {kDot};
  script.say({script.control("assistant"), kThe, kDot, kGa});
  CHECK(generate(script.model, {}).ids == Ids{kThe, kDot});
}

TEST_CASE("an answer that ends otherwise is closed by the first eos id") {
  ScriptedModel script;
  const int64_t first = script.control("pad");
  script.model->eos_ids = {first, script.control("eos")};
  script.say({script.control("assistant"), kThe, kDot});
  GenerateRequest request;
  request.on_id = [](int64_t id) {
    return id == kDot ? Step::EndText : Step::Continue;
  };
  CHECK(generate(script.model, request).ids == Ids{kThe, kDot, first});
  const Ids drawn = generate(script.model, asking_for(Modality::Image)).ids;
  CHECK(drawn.back() == first);
}

TEST_CASE("a special token among the stop strings ends the text") {
  ScriptedModel script;
  const int64_t special = script.model->tokenizer->special_tokens().at("<|user|>");
  const int64_t eos = script.control("eos");
  script.say({script.control("assistant"), kThe, special, kDot, eos});
  CHECK(generate(script.model, {}).ids == Ids{kThe, special, kDot, eos});
  GenerateRequest request;
  request.sampling.stop = {"<|user|>"};
  const GenerateResult result = generate(script.model, request);
  CHECK(result.ids == Ids{kThe, special, eos});
  CHECK(result.reason == StopReason::StopString);
  // As its folder has it, and as a listener has it who wants no more.
  script.model->sampling_defaults.stop = request.sampling.stop;
  CHECK(generate(script.model, {}).ids == result.ids);
  request.on_id = [&](int64_t id) {
    return id == special ? Step::Cancel : Step::Continue;
  };
  const GenerateResult cancelled = generate(script.model, request);
  CHECK(cancelled.ids == Ids{kThe, special});
  CHECK(cancelled.reason == StopReason::Cancelled);
}

TEST_CASE("a stop token is no part of the text that is spoken") {
  ScriptedModel script;
  const int64_t special = script.model->tokenizer->special_tokens().at("<|user|>");
  script.say({script.control("assistant"), kThe, special});
  GenerateRequest request = asking_for(Modality::Speech);
  request.sampling.stop = {"<|user|>"};
  Ids spoken;
  request.spell_words = [&](const Ids& text) {
    spoken = text;
    return std::vector<Ids>{};
  };
  generate(script.model, request);
  CHECK(spoken == Ids{kThe});
}

TEST_CASE("text that nobody limits ends with the context in a published model") {
  ScriptedModel script; // 512 positions
  script.say({script.control("assistant"), kThe, kDot}).follow(kDot, kThe);
  const auto num_text = [&](const GenerateRequest& request) {
    const GenerateResult result = generate(script.model, request);
    CHECK(result.reason == StopReason::Length);
    return std::count(result.ids.begin(), result.ids.end(), kThe) +
        std::count(result.ids.begin(), result.ids.end(), kDot);
  };
  CHECK(num_text({}) == 256);
  script.model->published = std::make_shared<const PublishedModel>();
  CHECK(num_text({}) == 511 - prompt_of(script.model).sequence().num_tokens());
  script.model->sampling_defaults.max_text_tokens = 7;
  CHECK(num_text({}) == 7);
  GenerateRequest request;
  request.sampling.max_text_tokens = 5;
  CHECK(num_text(request) == 5);
}

TEST_CASE("the eos id that was drawn closes the speech after it") {
  ScriptedModel script;
  const int64_t other = script.control("pad");
  script.model->eos_ids = {script.control("eos"), other};
  script.say({script.control("assistant"), kThe, other});
  GenerateRequest request = asking_for(Modality::Speech);
  request.spell_words = [&](const Ids&) {
    return std::vector<Ids>{{script.range(Segment::Spelling).begin}};
  };
  request.sampling.max_speech_codes = 2;
  const Ids ids = generate(script.model, request).ids;
  CHECK(ids[1] == script.control("speech_begin"));
  CHECK(ids.back() == other);
  CHECK(std::count(ids.begin(), ids.end(), script.control("eos")) == 0);
}

TEST_CASE("a model without an eos id ends by length") {
  OmniModel model = testing::make_tiny_model(0, {.without = {"eos"}});
  const IdRange text = model->config.token_space.range(Segment::Text);
  const GenerateResult said = generate(model, asking_for(Modality::Text));
  CHECK(said.reason == StopReason::Length);
  CHECK(said.ids.size() == 3);
  CHECK(std::all_of(
      said.ids.begin(), said.ids.end(), [&](int64_t id) { return text.contains(id); }));
  // Nor is it made to draw when it may say no more.
  GenerateRequest open = asking_for(Modality::Text);
  open.sampling.modalities = {};
  open.sampling.max_text_tokens = 0;
  CHECK(generate(model, open).ids.empty());
  const GenerateResult drawn = generate(model, asking_for(Modality::Image));
  CHECK(drawn.reason == StopReason::EndOfTurn);
  CHECK(drawn.ids.back() == model->config.token_space.control("draw_end"));
}

TEST_CASE("guidance asked of a model that has nothing to compare with is refused") {
  OmniModel model = testing::make_tiny_model(0, {.without = {"null"}});
  GenerateRequest request = asking_for(Modality::Image);
  const Ids plain = generate(model, request).ids;
  request.sampling.image_guidance_scale = 2.0;
  CHECK_THROWS_AS(generate(model, request), c10::ValueError);
  CHECK_THROWS_WITH(
      generate(model, request),
      omni::testing::Contains("[generate] expected image_guidance_scale 1, got 2") &&
          omni::testing::Contains("`null`"));
  request.sampling.image_guidance_scale = 1.0;
  CHECK(generate(model, request).ids == plain);
  // What only its folder recommends is left out.
  request.sampling.image_guidance_scale.reset();
  model->sampling_defaults.image_guidance_scale = 2.0;
  CHECK(generate(model, request).ids == plain);
}

} // namespace omni
