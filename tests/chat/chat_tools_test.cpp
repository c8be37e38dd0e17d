// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Turns that only models with a chat template have: calls of tools and their results,
// also cancelled, failed and taken back, and thinking before the answer.
#include <c10/core/InferenceMode.h>

#include <stdexcept>

#include "omni/chat/chat.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using Ids = std::vector<int64_t>;
using Names = std::vector<std::string>; // of roles and events

constexpr int64_t kThe = 265, kDot = 266; // tiny_unigram

int64_t byte_id(char byte) {
  constexpr int64_t kFirstByte = 7; // tiny_unigram
  return kFirstByte + static_cast<unsigned char>(byte);
}

SamplingOptions greedy() {
  SamplingOptions sampling;
  sampling.temperature = 0.0;
  sampling.max_text_tokens = 12;
  sampling.modalities = {Modality::Text};
  return sampling;
}

// An attentive model that after some ids always says the same. What follows any other
// id still depends on all that came before.
class PartlyScripted {
 public:
  PartlyScripted(const std::string& chat_template, const AnswerFormat& format)
      : model(testing::make_attentive_model()) {
    testing::give_chat_template(model, home_.path, chat_template, format);
  }

  // Each of `ids` comes after the one before; the first is what a prompt ends with.
  void say(const Ids& ids) {
    // Far above all that the layers add, so that it alone is left after the last norm.
    constexpr double kLoud = 1e6;
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const int64_t place = next_place_++;
      model->transformer->table->weight[ids[i]].zero_();
      model->transformer->table->weight[ids[i]][place] = kLoud;
      model->transformer->head->weight.select(1, place).zero_();
      model->transformer->head->weight[ids[i + 1]][place] = 1.0;
    }
  }
  [[nodiscard]] int64_t special(const std::string& text) const {
    return model->tokenizer->special_tokens().at(text);
  }

  OmniModel model;

 private:
  test::TemporaryFolder home_; // of the model's template
  int64_t next_place_ = 0; // among the entries of a hidden row
};

AnswerFormat call_format() {
  AnswerFormat format;
  format.reasoning_begin.clear();
  format.calls = {{.begin = "the", .end = ".", .syntax = CallSyntax::KeyValues}};
  return format;
}

// Answers a user with calls of f and g; what it makes of their results depends on them.
class Caller : public PartlyScripted {
 public:
  Caller()
      : PartlyScripted(
            "{% for message in messages %}<|user|>{{ message.role }}: "
            "{{ message.content }}{% endfor %}"
            "{{ '<|image|>' if messages[-1].role == 'tool' else '<|assistant|>' }}",
            call_format()) {
    // Both calls are "theX.", of different ids: no id comes before two others.
    say(
        {special("<|assistant|>"), kThe, byte_id('f'), kDot, byte_id('t'), byte_id('h'),
         byte_id('e'), byte_id('g'), byte_id('.'), special("</s>")});
  }
};

const std::vector<ToolResult> kResults = {
    {"21 degrees", "f", "call00000"},
    {"rain", "g", "call00001"}};

// A question, answered with two calls.
void ask(Chat& chat) {
  const Reply reply = chat.send({"what now?"}, greedy());
  REQUIRE(reply.tool_calls.size() == 2);
  REQUIRE(reply.tool_calls[0].name == "f");
  REQUIRE(reply.tool_calls[1].name == "g");
  REQUIRE(reply.stop_reason == StopReason::EndOfTurn);
}

Names roles_of(const Chat& chat) {
  Names roles;
  for (const Message& message : chat.conversation().messages) {
    roles.emplace_back(role_name(message.role));
  }
  return roles;
}

Ids last_ids(const Chat& chat) {
  return *chat.conversation().messages.back().ids;
}

// What the model says to results when nothing came between.
Ids undisturbed_answer(
    const OmniModel& model,
    const std::vector<ToolResult>& results = kResults) {
  Chat chat(model);
  ask(chat);
  chat.send_tool_results(results, greedy());
  return last_ids(chat);
}

const Names kAsked = {"user", "assistant"};
const Names kAnswered = {"user", "assistant", "tool", "tool", "assistant"};

// The calls stand open as if no results had been sent, and the chat goes on from its
// cache.
void check_goes_on(Chat& chat) {
  CHECK(roles_of(chat) == kAsked);
  CHECK(chat.conversation().messages.back().tool_calls.size() == 2);
  const Reply reply = chat.send_tool_results(kResults, greedy());
  CHECK(reply.usage.prefilled_tokens < reply.usage.prompt_tokens);
  CHECK(roles_of(chat) == kAnswered);
  CHECK(last_ids(chat) == undisturbed_answer(chat.model()));
}

} // namespace

TEST_CASE("what is said to results depends on them") {
  Caller caller;
  const Ids answer = undisturbed_answer(caller.model);
  CHECK(
      undisturbed_answer(
          caller.model, {{"3 degrees", "f", "call00000"}, kResults[1]}) != answer);
  CHECK(
      undisturbed_answer(caller.model, {kResults[0], {"sun", "g", "call00001"}}) !=
      answer);
}

TEST_CASE("results cancelled before the first id are taken back") {
  Caller caller;
  // Asked after each of two results, and before the prompt.
  const int64_t cancel_at = GENERATE(1, 2, 3);
  int64_t num_asked = 100;
  ChatOptions options;
  options.wants_cancel = [&] { return ++num_asked == cancel_at; };
  Chat chat(caller.model, std::move(options));
  ask(chat);
  num_asked = 0;
  const Reply reply = chat.send_tool_results(kResults, greedy());
  CHECK(num_asked == cancel_at);
  CHECK(reply.stop_reason == StopReason::Cancelled);
  CHECK(reply.usage.answer_tokens == 0);
  check_goes_on(chat);
}

TEST_CASE("a cancelled answer to results stays, and is taken back with them") {
  Caller caller;
  int64_t num_asked = 100;
  ChatOptions options;
  options.wants_cancel = [&] { return ++num_asked == 5; }; // after its second id
  Chat chat(caller.model, std::move(options));
  ask(chat);
  num_asked = 0;
  const Reply reply = chat.send_tool_results(kResults, greedy());
  CHECK(reply.stop_reason == StopReason::Cancelled);
  CHECK(reply.usage.answer_tokens == 2);
  CHECK(roles_of(chat) == kAnswered);
  REQUIRE(chat.undo());
  check_goes_on(chat);
}

TEST_CASE("an error while results are answered leaves the calls open") {
  Caller caller;
  Chat chat(caller.model);
  ask(chat);
  CHECK_THROWS_WITH(
      chat.send_tool_results(
          kResults, greedy(),
          [](const Event&) -> bool { throw std::runtime_error("listener"); }),
      "listener");
  check_goes_on(chat);
}

TEST_CASE("results that cannot be sent leave the calls open") {
  Caller caller;
  Chat chat(caller.model);
  ask(chat);
  CHECK_THROWS_WITH(
      chat.send_tool_results({kResults[0]}, greedy()),
      testing::Contains("expected results for calls that the last answer made, one "
                        "each, got 1 for 2 calls"));
  CHECK_THROWS_WITH(
      chat.send_tool_results(
          {kResults[0], {std::string(6000, 'x'), "g", "call00001"}}, greedy()),
      testing::Contains("[chat] expected a conversation of at most"));
  check_goes_on(chat);
}

TEST_CASE("several results and their answer are one turn to take back") {
  Caller caller;
  const std::string system = GENERATE("", "be brief");
  ChatOptions options;
  options.system = system;
  Chat chat(caller.model, options);
  const Names begin(system.empty() ? 0 : 1, "system");
  Names asked = begin;
  asked.insert(asked.end(), kAsked.begin(), kAsked.end());
  ask(chat);
  const Ids calls = last_ids(chat);
  chat.send_tool_results(kResults, greedy());
  const Ids answer = last_ids(chat);
  REQUIRE(chat.undo());
  CHECK(roles_of(chat) == asked);
  CHECK(last_ids(chat) == calls);
  // Other results, and the same ones again.
  chat.send_tool_results({kResults[1], kResults[0]}, greedy());
  CHECK(last_ids(chat) != answer);
  REQUIRE(chat.undo());
  chat.send_tool_results(kResults, greedy());
  CHECK(last_ids(chat) == answer);
  REQUIRE(chat.undo());
  REQUIRE(chat.undo());
  CHECK(roles_of(chat) == begin);
  CHECK_FALSE(chat.undo());
  CHECK_THROWS_WITH(
      chat.send_tool_results(kResults, greedy()), testing::Contains("for 0 calls"));
  ask(chat);
  chat.send_tool_results(kResults, greedy());
  CHECK(last_ids(chat) == answer);
}

TEST_CASE("a chat thinks, thinks not, or leaves that to the template") {
  const std::string chat_template =
      "{% for message in messages %}"
      "{{ message.role }}: {{ message.reasoning_content }}{{ message.content }}"
      "{% endfor %}"
      "{% if enable_thinking is not defined %}<|user|>"
      "{% elif enable_thinking %}<|image|>{% else %}<|assistant|>{% endif %}";
  AnswerFormat format;
  format.reasoning_begin = {"<|image|>"};
  format.reasoning_end = {"<s>"};
  PartlyScripted thinker(chat_template, format);
  const int64_t end = thinker.special("</s>");
  thinker.say(
      {thinker.special("<|image|>"), byte_id('r'), thinker.special("<s>"), byte_id('a'),
       end});
  thinker.say({thinker.special("<|assistant|>"), byte_id('b'), end});
  thinker.say({thinker.special("<|user|>"), byte_id('c'), end});

  using Said = std::pair<std::string, std::string>; // reasoning, text
  const std::optional<bool> at_first = GENERATE(
      std::optional<bool>(), std::optional<bool>(true), std::optional<bool>(false));
  ChatOptions options;
  options.prompt.thinks = at_first;
  Chat chat(thinker.model, options);
  const auto send = [&] {
    Names kinds;
    const Reply reply = chat.send({"go"}, greedy(), [&](const Event& event) {
      kinds.emplace_back(event_kind_name(event.kind));
      return true;
    });
    const bool has_thought = !reply.reasoning.empty();
    CHECK(
        kinds ==
        (has_thought ? Names{"reasoning", "text", "done"} : Names{"text", "done"}));
    CHECK(chat.conversation().messages.back().reasoning == reply.reasoning);
    return Said(reply.reasoning, reply.text);
  };
  const Said thought("r", "a"), not_thought("", "b"), left_open("", "c");
  CHECK(send() == (!at_first ? left_open : *at_first ? thought : not_thought));
  chat.prompt_options().thinks = true;
  CHECK(send() == thought);
  chat.prompt_options().thinks = false;
  CHECK(send() == not_thought);
  chat.prompt_options().thinks = std::nullopt;
  CHECK(send() == left_open);
}

} // namespace omni
