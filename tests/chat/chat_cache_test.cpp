// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A chat that goes on from its cache says what whole forward passes over the whole
// conversation say, also where sliding layers no longer hold what is gone back to, and
// computes just the ids that are new.
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "omni/chat/chat.h"
#include "omni/conversation/composer.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using Ids = std::vector<int64_t>;

constexpr int64_t kMaxText = 6;

// Always the most likely id, and no pictures.
SamplingOptions greedy() {
  SamplingOptions sampling;
  sampling.temperature = 0.0;
  sampling.max_text_tokens = kMaxText;
  sampling.modalities = {Modality::Text};
  return sampling;
}

Ids last_ids(const Chat& chat) {
  return *chat.conversation().messages.back().ids;
}

ComposedMessage asked(const std::string& text) {
  return {Role::User, {text}, {}};
}

ComposedMessage answered(const Ids& ids) {
  return {Role::Assistant, {}, ids};
}

// How many ids two rows begin with alike.
int64_t num_shared(const Ids& one, const Ids& other) {
  const auto [end, ignored] =
      std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return end - one.begin();
}

// The greedy answer to a conversation, without any cache.
Ids answer_anew(
    OmniModel& model,
    const std::vector<ComposedMessage>& messages,
    const std::vector<EncodedMedia>& items = {}) {
  const c10::InferenceMode guard;
  const TokenSpace& space = model->config.token_space;
  const IdRange text = space.range(Segment::Text);
  const int64_t eos = model->eos_ids.front();
  SequenceBuilder builder(
      space, model->config.image_codec->grid_size(),
      Composer(model).compose(messages, true).sequence);
  Ids ids;
  while (ids.empty() || ids.back() != eos) {
    const TokenSequence& sequence = builder.sequence();
    const at::Tensor hidden = model->transformer->forward(
        {model->embed(sequence, items).unsqueeze(0),
         sequence.positions_tensor().unsqueeze(0),
         {}});
    const at::Tensor logits = model->transformer->logits(hidden)[0][-1];
    const int64_t best =
        text.begin + logits.narrow(0, text.begin, text.size()).argmax().item<int64_t>();
    const bool ends = static_cast<int64_t>(ids.size()) == kMaxText ||
        logits[eos].item<float>() > logits[best].item<float>();
    ids.push_back(ends ? eos : best);
    builder.push(ids.back());
  }
  return ids;
}

} // namespace

TEST_CASE("a second turn answers as the whole conversation computed anew") {
  OmniModel model = testing::make_attentive_model();
  const Image picture{at::full({20, 30, 3}, 50, at::kByte), "picture"};
  const ProcessedMedia media = model->processor.process(picture);
  std::vector<EncodedMedia> items;
  {
    const c10::InferenceMode guard;
    items = model->encode({media});
  }
  Chat chat(model);
  chat.send({picture, "one"}, greedy());
  std::vector<ComposedMessage> messages = {
      {Role::User, {MediaSlots{Modality::Image, 0, media.positions}, "one"}, {}}};
  CHECK(last_ids(chat) == answer_anew(model, messages, items));
  messages.push_back(answered(last_ids(chat)));
  messages.push_back(asked("two"));
  const Ids expected = answer_anew(model, messages, items);
  const Reply second = chat.send({"two"}, greedy());
  CHECK(second.usage.prefilled_tokens < second.usage.prompt_tokens);
  CHECK(last_ids(chat) == expected);
  // What came before matters.
  REQUIRE(answer_anew(model, {asked("two")}) != expected);
  // The same after the cache was cut back and filled with something else.
  REQUIRE(chat.undo());
  chat.send({"something else entirely"}, greedy());
  REQUIRE(chat.undo());
  chat.send({"two"}, greedy());
  CHECK(last_ids(chat) == expected);
}

TEST_CASE("a second turn that a chat template writes computes only what is new") {
  OmniModel model = testing::make_attentive_model();
  const test::TemporaryFolder home;
  testing::give_chat_template(
      model, home.path,
      "{% for message in messages %}<|user|>{{ message.role }}: {{ message.content }}"
      "{% endfor %}<|assistant|>");
  const Composer composer(model);
  const auto prompt_of = [&](const std::vector<ComposedMessage>& messages) {
    return composer.compose(messages, true).sequence.ids;
  };
  Chat chat(model);
  std::vector<ComposedMessage> messages = {asked("one, and something more")};
  Ids known = prompt_of(messages);
  const Reply first = chat.send({"one, and something more"}, greedy());
  CHECK(first.usage.prefilled_tokens == static_cast<int64_t>(known.size()));
  const Ids said = last_ids(chat);
  CHECK(said == answer_anew(model, messages));
  known.insert(known.end(), said.begin(), said.end() - 1); // nothing follows the last

  messages.push_back({Role::Assistant, {first.text}, said});
  messages.push_back(asked("two"));
  const Ids prompt = prompt_of(messages);
  const int64_t shared = num_shared(known, prompt);
  REQUIRE(shared > first.usage.prompt_tokens / 2);
  const Reply second = chat.send({"two"}, greedy());
  CHECK(second.usage.prompt_tokens == static_cast<int64_t>(prompt.size()));
  CHECK(second.usage.prefilled_tokens == second.usage.prompt_tokens - shared);
  CHECK(last_ids(chat) == answer_anew(model, messages));
  // What came before matters.
  REQUIRE(answer_anew(model, {asked("two")}) != last_ids(chat));
}

TEST_CASE("a chat goes back further than its sliding layers hold") {
  constexpr int64_t kWindow = 8;
  // A cache keeps 256 rows more than the window, and moves on in steps of that.
  OmniModel model =
      testing::make_attentive_model({.sliding_window = kWindow, .max_positions = 2048});
  Chat chat(model);
  std::vector<ComposedMessage> messages;
  const auto send = [&](const std::string& text) {
    messages.push_back(asked(text));
    const Ids expected = answer_anew(model, messages);
    const Reply reply = chat.send({text}, greedy());
    CHECK(last_ids(chat) == expected);
    messages.push_back(answered(last_ids(chat)));
    return reply.usage;
  };
  const auto undo = [&] {
    REQUIRE(chat.undo());
    messages.resize(messages.size() - 2);
  };
  send("one");
  const Usage long_turn = send(std::string(700, 'x'));
  REQUIRE(long_turn.prompt_tokens > kWindow + 2 * 256);
  // Back by less than the slack: the cache goes on.
  const Usage after = send("two");
  CHECK(after.prefilled_tokens < after.prompt_tokens);
  undo();
  const Usage near = send("two, otherwise");
  CHECK(near.prefilled_tokens < near.prompt_tokens);
  // Back to before the long turn: those rows are gone, and all is computed again.
  undo();
  undo();
  const Usage far = send("three");
  CHECK(far.prefilled_tokens == far.prompt_tokens);
  const Usage next = send("four");
  CHECK(next.prefilled_tokens < next.prompt_tokens);
}

} // namespace omni
