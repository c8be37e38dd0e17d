// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Cancelling an answer wherever it is, what a listener hears then, and how long its
// parts took.
#include <ATen/ATen.h>

#include <chrono>
#include <thread>

#include "omni/chat/chat.h"
#include "omni/conversation/composer.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_model.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using testing::ScriptedModel;
using Kind = Event::Kind;
using Names = std::vector<std::string>; // of events

constexpr int64_t kThe = 265, kDot = 266; // tiny_unigram

Image make_picture(int64_t level) {
  return {at::full({20, 30, 3}, level, at::kByte), "picture"};
}

SamplingOptions short_answer() {
  SamplingOptions sampling;
  sampling.max_text_tokens = 6;
  sampling.temperature = 0.0;
  sampling.modalities = {Modality::Text};
  return sampling;
}

// Says "the", or "the.the.…", and speaks "the" on one sound for more than a second.
ScriptedModel make_speaker(bool ends_after_the) {
  ScriptedModel script;
  const int64_t code = script.range(Segment::Speech).begin;
  script.say({script.control("assistant"), kThe});
  if (ends_after_the) {
    script.follow(kThe, script.control("eos"));
  } else {
    script.follow(kThe, kDot).follow(kDot, kThe);
  }
  const auto words = Composer(script.model).spell_text("the");
  script.follow(words.at(0).back(), code).follow(code, code);
  return script;
}

struct Heard {
  std::vector<Event> events;
  Reply reply;

  [[nodiscard]] Names kinds() const {
    Names names;
    for (const Event& event : events) {
      names.emplace_back(event_kind_name(event.kind));
    }
    return names;
  }
};

// Cancels with the first event of that kind: by returning false, or by what the chat
// asks after every id.
Heard cancel_at_first(
    const OmniModel& model,
    Kind kind,
    bool by_listener,
    const SamplingOptions& sampling) {
  Heard heard;
  bool is_over = false;
  ChatOptions options;
  options.wants_cancel = [&] { return !by_listener && is_over; };
  Chat chat(model, std::move(options));
  heard.reply = chat.send({"go"}, sampling, [&](const Event& event) {
    heard.events.push_back(event);
    is_over = is_over || event.kind == kind;
    return !by_listener || !is_over;
  });
  CHECK(heard.reply.stop_reason == StopReason::Cancelled);
  return heard;
}

} // namespace

TEST_CASE("cancelled text ends there, with nothing of what was held back") {
  const ScriptedModel script = make_speaker(false);
  SamplingOptions sampling;
  sampling.stop = {"ex"}; // so that "the" is given as "th"
  const Heard heard =
      cancel_at_first(script.model, Kind::Text, GENERATE(true, false), sampling);
  CHECK(heard.kinds() == Names{"text", "done"});
  CHECK(heard.reply.text == "th");
}

TEST_CASE("a cancelled drawing ends there") {
  const ScriptedModel script = make_speaker(true);
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  const Heard heard =
      cancel_at_first(script.model, Kind::Drawing, GENERATE(true, false), sampling);
  CHECK(heard.kinds() == Names{"drawing", "done"});
  CHECK(heard.reply.images.empty());
}

TEST_CASE("cancelled speech ends there, and the reply has just what was heard") {
  const ScriptedModel script = make_speaker(true);
  SamplingOptions sampling;
  sampling.modalities = {Modality::Speech};
  const Heard heard =
      cancel_at_first(script.model, Kind::Speech, GENERATE(true, false), sampling);
  REQUIRE(heard.kinds() == Names{"text", "speech", "done"});
  CHECK(heard.reply.text == "the");
  REQUIRE(heard.reply.speech);
  CHECK(at::equal(heard.reply.speech->samples, heard.events[1].speech.samples));
}

TEST_CASE("text that a listener has had enough of is not spoken") {
  const ScriptedModel script = make_speaker(true);
  SamplingOptions sampling;
  sampling.modalities = {Modality::Speech};
  sampling.stop = {"they"}; // all of "the" is held back until the text is over
  const Heard heard = cancel_at_first(script.model, Kind::Text, true, sampling);
  CHECK(heard.kinds() == Names{"text", "done"});
  CHECK(heard.reply.text == "the");
  CHECK_FALSE(heard.reply.speech);
}

TEST_CASE("a cancelled answer stays, and the chat goes on") {
  Chat chat(testing::make_tiny_model());
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  int64_t seen = 0;
  const Reply reply = chat.send({"draw"}, sampling, [&](const Event& event) {
    seen += event.kind == Kind::Drawing ? 1 : 0;
    return seen < 2;
  });
  CHECK(reply.stop_reason == StopReason::Cancelled);
  CHECK(seen == 2);
  CHECK(chat.conversation().messages.back().ids->size() == 3); // draw_begin, two codes
  CHECK_NOTHROW(chat.send({"go on"}, short_answer()));
}

TEST_CASE("cancelled before its first id, a message is taken back") {
  OmniModel model = testing::make_attentive_model();
  // Asked before each of two pictures, after them, before the prompt.
  const int64_t cancel_at = GENERATE(1, 2, 3, 4);
  int64_t num_asked = 0;
  ChatOptions options;
  options.wants_cancel = [&] { return ++num_asked == cancel_at; };
  Chat chat(model, std::move(options));
  num_asked = 100; // not the first turn
  chat.send({"first"}, short_answer());
  num_asked = 0;
  Names kinds;
  const Reply reply = chat.send(
      {make_picture(10), make_picture(200), "what?"}, short_answer(),
      [&](const Event& event) {
        kinds.emplace_back(event_kind_name(event.kind));
        return true;
      });
  CHECK(num_asked == cancel_at);
  CHECK(reply.stop_reason == StopReason::Cancelled);
  CHECK(kinds == Names{"done"});
  CHECK(
      static_cast<int64_t>(reply.receipt.size()) ==
      std::min<int64_t>(cancel_at, 3) - 1);
  CHECK(reply.usage.answer_tokens == 0);
  CHECK(reply.usage.prefilled_tokens == 0);
  CHECK(chat.conversation().messages.size() == 2);
  // The chat goes on as one that was never asked, from the rows of its first turn.
  num_asked = 100;
  const Reply after = chat.send({make_picture(90), "so?"}, short_answer());
  CHECK(after.usage.prefilled_tokens < after.usage.prompt_tokens - 5);
  Chat twin(model);
  twin.send({"first"}, short_answer());
  twin.send({make_picture(90), "so?"}, short_answer());
  CHECK(
      *chat.conversation().messages.back().ids ==
      *twin.conversation().messages.back().ids);
}

TEST_CASE("a chat that wants to cancel is asked after every id") {
  int64_t drawn = 0;
  ChatOptions options;
  options.wants_cancel = [&] { return drawn == 2; };
  Chat chat(testing::make_tiny_model(), std::move(options));
  SamplingOptions sampling;
  sampling.modalities = {Modality::Image};
  const Reply reply = chat.send({"draw"}, sampling, [&](const Event& event) {
    drawn += event.kind == Kind::Drawing ? 1 : 0;
    return true;
  });
  CHECK(reply.stop_reason == StopReason::Cancelled);
  CHECK(drawn == 2);
}

TEST_CASE("all time before the first id is encoding and prefill") {
  constexpr double kSeconds = 0.05;
  const ScriptedModel script = make_speaker(true);
  SamplingOptions sampling;
  sampling.modalities = {GENERATE(Modality::Text, Modality::Image, Modality::Speech)};
  // Asked the second time before the prompt is computed: that takes long.
  int64_t num_asked = 0;
  ChatOptions options;
  options.wants_cancel = [&] {
    if (++num_asked == 2) {
      std::this_thread::sleep_for(std::chrono::duration<double>(kSeconds));
    }
    return false;
  };
  const Reply reply = Chat(script.model, std::move(options)).send({"go"}, sampling);
  CHECK(reply.seconds.encode == 0.0);
  CHECK(reply.seconds.prefill >= kSeconds);
  CHECK(reply.seconds.generate > 0.0);
  CHECK(reply.seconds.prefill + reply.seconds.generate == Approx(reply.seconds.total));
}

} // namespace omni
