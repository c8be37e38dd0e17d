// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/generator.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/scripted_model.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using testing::ScriptedModel;

constexpr int64_t kThe = 265, kDot = 266, kComma = 267, kGa = 268; // tiny_unigram
constexpr int64_t kGrid = 2; // image codes a side
using Ids = std::vector<int64_t>;

struct Outcome {
  GenerateResult result;
  TokenSequence sequence;
  Ids seen; // by on_id
};

Ids prompt_of(const OmniModel& model) {
  const TokenSpace& space = model->config.token_space;
  return {space.control("bos"), space.control("user"), kGa, space.control("assistant")};
}

KvCache make_cache(const OmniModel& model) {
  return KvCache(*model->config.transformer, {.capacity_tokens = 64});
}

using Listener = std::function<Step(int64_t)>;

Outcome generate(OmniModel& model, GenerateRequest request, Listener listener = {}) {
  SequenceBuilder builder(model->config.token_space, kGrid);
  builder.push(prompt_of(model));
  KvCache cache = make_cache(model);
  Outcome outcome;
  request.on_id = [&](int64_t id) {
    outcome.seen.push_back(id);
    return listener ? listener(id) : Step::Continue;
  };
  outcome.result = Generator(model).run(builder, cache, {}, request);
  outcome.sequence = builder.take();
  return outcome;
}

GenerateRequest with(SamplingOptions sampling) {
  GenerateRequest request;
  request.sampling = std::move(sampling);
  return request;
}

} // namespace

TEST_CASE("an answer ends with the turn") {
  ScriptedModel script;
  const int64_t eos = script.control("eos");
  script.say({script.control("assistant"), kThe, kDot, eos});
  const Outcome outcome = generate(script.model, {});
  CHECK(outcome.result.ids == Ids{kThe, kDot, eos});
  CHECK(outcome.seen == outcome.result.ids);
  CHECK(outcome.result.reason == StopReason::EndOfTurn);
  Ids whole = prompt_of(script.model);
  whole.insert(whole.end(), {kThe, kDot, eos});
  CHECK(outcome.sequence.ids == whole);
}

TEST_CASE("text is as long as it may be, no longer") {
  ScriptedModel script;
  script.say({script.control("assistant"), kThe, kDot}).follow(kDot, kThe);
  const int64_t length = GENERATE(0, 1, 5);
  SamplingOptions sampling;
  sampling.max_text_tokens = length;
  sampling.max_images = 0;
  const Outcome outcome = generate(script.model, with(sampling));
  CHECK(outcome.result.reason == StopReason::Length);
  REQUIRE(static_cast<int64_t>(outcome.result.ids.size()) == length + 1);
  CHECK(outcome.result.ids.back() == script.control("eos"));
}

TEST_CASE("cancelling ends an answer with that very id") {
  ScriptedModel script;
  const IdRange codes = script.range(Segment::Image);
  script.say({script.control("assistant"), kThe, script.control("draw_begin")});
  // In the text, at the mark of a picture, inside the picture.
  const size_t cancel_at = GENERATE(1U, 2U, 4U);
  size_t count = 0;
  const Outcome outcome = generate(script.model, {}, [&](int64_t) {
    return ++count == cancel_at ? Step::Cancel : Step::Continue;
  });
  CHECK(outcome.result.reason == StopReason::Cancelled);
  CHECK(outcome.result.ids.size() == cancel_at);
  CHECK(outcome.seen.size() == cancel_at);
  if (cancel_at == 4) {
    CHECK(codes.contains(outcome.result.ids.back()));
  }
}

TEST_CASE("cancelling ends speech, in the letters as in the codes") {
  ScriptedModel script;
  const int64_t letter = script.range(Segment::Spelling).begin;
  script.follow(script.control("assistant"), script.control("eos"));
  GenerateRequest request;
  request.sampling.modalities = {Modality::Text, Modality::Speech};
  request.spell_words = [&](const Ids&) {
    return std::vector<Ids>{{letter, letter}, {letter}};
  };
  const size_t cancel_at = GENERATE(2U, 3U, 4U, 5U);
  size_t count = 0;
  const Outcome outcome = generate(script.model, request, [&](int64_t) {
    return ++count == cancel_at ? Step::Cancel : Step::Continue;
  });
  CHECK(outcome.result.reason == StopReason::Cancelled);
  CHECK(outcome.seen.size() == cancel_at);
}

TEST_CASE("a stop string ends the text, not the speech after it") {
  ScriptedModel script;
  script.say({script.control("assistant"), kThe, kDot, kComma});
  const bool speaks = GENERATE(false, true);
  GenerateRequest request;
  Ids spoken;
  if (speaks) {
    request.sampling.modalities = {Modality::Speech};
    request.spell_words = [&](const Ids& text) {
      spoken = text;
      return std::vector<Ids>{{script.range(Segment::Spelling).begin}};
    };
  }
  const Outcome outcome = generate(script.model, request, [&](int64_t id) {
    return id == kDot ? Step::EndText : Step::Continue;
  });
  CHECK(outcome.result.reason == StopReason::StopString);
  CHECK(std::count(outcome.seen.begin(), outcome.seen.end(), kComma) == 0);
  CHECK(outcome.result.ids.back() == script.control("eos"));
  if (speaks) {
    CHECK(spoken == Ids{kThe}); // without the id that ended it
    CHECK(outcome.result.ids[2] == script.control("speech_begin"));
    CHECK(
        outcome.result.ids[outcome.result.ids.size() - 2] ==
        script.control("speech_end"));
  } else {
    CHECK(outcome.result.ids == Ids{kThe, kDot, script.control("eos")});
  }
}

TEST_CASE("a picture asked for is all of its codes between its marks") {
  ScriptedModel script;
  const IdRange codes = script.range(Segment::Image);
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  sampling.image_temperature = GENERATE(0.0, 1.0);
  sampling.image_guidance_scale = GENERATE(1.0, 2.0);
  const Outcome outcome = generate(script.model, with(sampling));
  const Ids& ids = outcome.result.ids;
  REQUIRE(ids.size() == kGrid * kGrid + 3);
  CHECK(ids.front() == script.control("draw_begin"));
  CHECK(std::all_of(ids.begin() + 1, ids.begin() + 5, [&](int64_t id) {
    return codes.contains(id);
  }));
  CHECK(ids[5] == script.control("draw_end"));
  CHECK(ids[6] == script.control("eos"));
  // Codes lie on the grid, and what follows goes on from its largest side.
  const auto& positions = outcome.sequence.positions;
  CHECK(positions[5] == std::array<float, 3>{5, 5, 5});
  CHECK(positions[6] == std::array<float, 3>{5, 5, 6});
  CHECK(positions[7] == std::array<float, 3>{5, 6, 5});
  CHECK(positions[8] == std::array<float, 3>{5, 6, 6});
  CHECK(positions[9] == std::array<float, 3>{7, 7, 7});
}

TEST_CASE("the model may draw within its text, as often as allowed") {
  ScriptedModel script;
  const int64_t draw = script.control("draw_begin");
  script.say({script.control("assistant"), kThe, draw})
      .follow(script.control("draw_end"), draw);
  SamplingOptions sampling;
  sampling.image_temperature = 0.0;
  sampling.max_images = GENERATE(0, 1, 2);
  sampling.max_text_tokens = 3;
  const Outcome outcome = generate(script.model, with(sampling));
  const Ids& ids = outcome.result.ids;
  CHECK(ids.front() == kThe);
  CHECK(std::count(ids.begin(), ids.end(), draw) == sampling.max_images);
  CHECK(
      std::count(ids.begin(), ids.end(), script.control("draw_end")) ==
      sampling.max_images);
  CHECK(ids.back() == script.control("eos"));
  // Asked for text alone, it does not draw.
  sampling.modalities = {Modality::Text};
  sampling.max_images = 1;
  const Ids only_text = generate(script.model, with(sampling)).result.ids;
  CHECK(std::count(only_text.begin(), only_text.end(), draw) == 0);
}

TEST_CASE("speech is letters, codes and a boundary for each word") {
  ScriptedModel script;
  const IdRange codes = script.range(Segment::Speech);
  const int64_t letter = script.range(Segment::Spelling).begin + 3;
  const int64_t next = script.control("speech_next"),
                end = script.control("speech_end");
  const int64_t eos = script.control("eos");
  // Two codes, then a boundary, whichever is allowed.
  script.say({script.control("assistant"), kThe, eos});
  script.say({letter, codes.begin + 1, codes.begin + 2, next});
  GenerateRequest request;
  request.sampling.modalities = {Modality::Speech};
  request.spell_words = [&](const Ids&) {
    return std::vector<Ids>{{letter + 1, letter}, {letter}};
  };
  const Outcome outcome = generate(script.model, request);
  CHECK(outcome.result.reason == StopReason::EndOfTurn);
  // The last word's boundary is `end`: the least of equal logits, since `next` is not
  // allowed there and no code is preferred.
  CHECK(
      outcome.result.ids ==
      Ids{kThe, script.control("speech_begin"), letter + 1, letter, codes.begin + 1,
          codes.begin + 2, next, letter, codes.begin + 1, codes.begin + 2, end, eos});
}

TEST_CASE("speech without end is cut by the word and by the answer") {
  ScriptedModel script;
  const IdRange codes = script.range(Segment::Speech);
  const int64_t letter = script.range(Segment::Spelling).begin;
  script.say({script.control("assistant"), kThe, script.control("eos")});
  script.follow(letter, codes.begin).follow(codes.begin, codes.begin); // one sound
  GenerateRequest request;
  request.sampling.modalities = {Modality::Speech};
  request.spell_words = [&](const Ids&) {
    return std::vector<Ids>{{letter}, {letter, letter}};
  };
  const auto num_codes = [&](const Outcome& outcome) {
    const Ids& ids = outcome.result.ids;
    return std::count(ids.begin(), ids.end(), codes.begin);
  };
  const Outcome by_word = generate(script.model, request);
  CHECK(num_codes(by_word) == (12 + 10) + (12 + 20));
  CHECK(by_word.result.reason == StopReason::EndOfTurn);
  request.sampling.max_speech_codes = 30;
  const Outcome by_answer = generate(script.model, request);
  CHECK(num_codes(by_answer) == 30);
  CHECK(by_answer.result.reason == StopReason::Length);
  const Ids& ids = by_answer.result.ids;
  CHECK(ids[ids.size() - 2] == script.control("speech_end"));
  CHECK(ids.back() == script.control("eos"));
}

TEST_CASE("an answer without words to say is text alone") {
  ScriptedModel script;
  script.say({script.control("assistant"), kDot, script.control("eos")});
  GenerateRequest request;
  request.sampling.modalities = {Modality::Speech};
  request.spell_words = [&](const Ids&) { return std::vector<Ids>{}; };
  CHECK(generate(script.model, request).result.ids == Ids{kDot, script.control("eos")});
}

TEST_CASE("with equal logits only allowed segments come out") {
  ScriptedModel script; // no script: uniform
  const IdRange text = script.range(Segment::Text);
  const std::set<int64_t> marks = {script.control("eos"), script.control("draw_begin")};
  SamplingOptions sampling;
  sampling.temperature = 1.0;
  sampling.max_text_tokens = 100;
  sampling.max_images = 0;
  std::set<int64_t> distinct;
  for (sampling.seed = 0; sampling.seed < 5; ++sampling.seed) {
    const Outcome outcome = generate(script.model, with(sampling));
    for (const int64_t id : outcome.result.ids) {
      CHECK((text.contains(id) || id == script.control("eos")));
      distinct.insert(id);
    }
    CHECK(outcome.result.ids == generate(script.model, with(sampling)).result.ids);
  }
  CHECK(distinct.size() > 50); // and they do vary
}

TEST_CASE("a full context ends an answer with room for its last mark") {
  ScriptedModel script(12);
  script.say({script.control("assistant"), kThe, kDot}).follow(kDot, kThe);
  SamplingOptions sampling;
  sampling.modalities = {GENERATE(Modality::Text, Modality::Image)};
  const Outcome outcome = generate(script.model, with(sampling));
  CHECK(outcome.sequence.num_tokens() <= 12);
  if (sampling.modalities[0] == Modality::Text) {
    CHECK(outcome.result.reason == StopReason::Length);
    CHECK(outcome.result.ids.size() == 7);
  }
}

TEST_CASE("a cache that holds part of the prompt gives the same answer") {
  OmniModel model = testing::make_tiny_model();
  SamplingOptions sampling;
  sampling.max_text_tokens = 12;
  sampling.max_images = 0;
  const Ids expected = generate(model, with(sampling)).result.ids;
  for (const int64_t held : {1, 3}) {
    SequenceBuilder builder(model->config.token_space, kGrid);
    builder.push(prompt_of(model));
    KvCache cache = make_cache(model);
    TokenSequence head = builder.sequence();
    head.ids.resize(static_cast<size_t>(held));
    head.positions.resize(static_cast<size_t>(held));
    model->transformer->forward(
        {model->embed(head, {}).unsqueeze(0), head.positions_tensor().unsqueeze(0), {}},
        cache);
    CHECK(Generator(model).run(builder, cache, {}, with(sampling)).ids == expected);
  }
}

TEST_CASE("guidance moves logits away from those without a prompt") {
  const at::NoGradGuard no_grad;
  OmniModel model = testing::make_attentive_model();
  const TokenSpace& space = model->config.token_space;
  const IdRange codes = space.range(Segment::Image);
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  sampling.image_temperature = 0.0;
  const auto codes_at = [&](double scale) {
    sampling.image_guidance_scale = scale;
    const Ids ids = generate(model, with(sampling)).result.ids;
    return Ids(ids.begin() + 1, ids.begin() + 1 + kGrid * kGrid);
  };
  // The same by whole forward passes, without a cache.
  const auto logits_after = [&](const SequenceBuilder& builder) {
    const TokenSequence& sequence = builder.sequence();
    const at::Tensor hidden = model->transformer->forward(
        {model->embed(sequence, {}).unsqueeze(0),
         sequence.positions_tensor().unsqueeze(0),
         {}});
    return model->transformer->logits(hidden)[0][-1];
  };
  const auto expected_at = [&](double scale) {
    SequenceBuilder prompted(space, kGrid), dropped(space, kGrid);
    prompted.push(prompt_of(model));
    prompted.push_control("draw_begin");
    for (const char* role : {"bos", "user", "null", "assistant", "draw_begin"}) {
      dropped.push_control(role);
    }
    Ids drawn;
    for (int64_t i = 0; i < kGrid * kGrid; ++i) {
      const at::Tensor with_prompt = logits_after(prompted);
      const at::Tensor without = logits_after(dropped);
      const at::Tensor logits = without + (with_prompt - without) * scale;
      const int64_t id = codes.begin +
          logits.narrow(0, codes.begin, codes.size()).argmax().item<int64_t>();
      drawn.push_back(id);
      prompted.push(id);
      dropped.push(id);
    }
    return drawn;
  };
  for (const double scale : {1.0, 0.0, 3.0, 8.0}) {
    INFO("scale " << scale);
    CHECK(codes_at(scale) == expected_at(scale));
  }
  CHECK(codes_at(0.0) != codes_at(3.0));
}

TEST_CASE("what a model cannot say is refused by its name") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  config.image_codec.reset();
  config.has_drawing_places = false;
  config.speech_codec.reset();
  config.name = "mute";
  OmniModel model(
      config, TextTokenizer::load(testing::golden_folder() + "/tiny_unigram.model"));
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  CHECK_THROWS_WITH(
      generate(model, with(sampling)),
      omni::testing::Contains("[generate] expected a model that draws, got \"mute\""));
  sampling.modalities = {Modality::Speech};
  CHECK_THROWS_WITH(
      generate(model, with(sampling)),
      omni::testing::Contains("[generate] expected a model that speaks, got \"mute\""));
}

TEST_CASE("every stop reason has a name") {
  CHECK(std::string(stop_reason_name(StopReason::EndOfTurn)) == "end_of_turn");
  CHECK(std::string(stop_reason_name(StopReason::Length)) == "length");
  CHECK(std::string(stop_reason_name(StopReason::StopString)) == "stop_string");
  CHECK(std::string(stop_reason_name(StopReason::Cancelled)) == "cancelled");
}

} // namespace omni
