// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/composer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "omni/model/sequence_builder.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Ids = std::vector<int64_t>;

OmniModel& model() {
  static OmniModel only = testing::make_tiny_model();
  return only;
}

int64_t control(const std::string& role) {
  return model()->config.token_space.control(role);
}

Ids encode(const std::string& text) {
  return model()->tokenizer->encode(text);
}

Ids joined(const std::vector<Ids>& parts) {
  Ids all;
  for (const Ids& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

ComposedMessage says(Role role, std::vector<ComposedPart> parts) {
  return {role, std::move(parts), {}};
}

Composition compose(
    const std::vector<ComposedMessage>& messages,
    bool opens_answer = false) {
  return Composer(model()).compose(messages, opens_answer);
}

// The ids that a composition teaches.
Ids learned(const Composition& composition) {
  REQUIRE(composition.is_learned.size() == composition.sequence.ids.size());
  Ids ids;
  for (size_t i = 0; i < composition.is_learned.size(); ++i) {
    if (composition.is_learned[i] != 0) {
      ids.push_back(composition.sequence.ids[i]);
    }
  }
  return ids;
}

bool is_prefix(const TokenSequence& head, const TokenSequence& whole) {
  return head.ids.size() <= whole.ids.size() &&
      std::equal(head.ids.begin(), head.ids.end(), whole.ids.begin()) &&
      std::equal(head.positions.begin(), head.positions.end(), whole.positions.begin());
}

} // namespace

TEST_CASE("a conversation is roles, text and ends of turns") {
  const Composition composition = compose(
      {says(Role::System, {std::string("the")}),
       says(Role::User, {std::string("가"), std::string("circle")}),
       says(Role::Assistant, {std::string("원")}),
       says(Role::User, {std::string("the")})},
      /*opens_answer=*/true);
  CHECK(
      composition.sequence.ids ==
      joined(
          {{control("bos"), control("system")},
           encode("the"),
           {control("user")},
           encode("가"),
           encode("circle"),
           {control("assistant")},
           encode("원"),
           {control("eos"), control("user")},
           encode("the"),
           {control("assistant")}}));
  CHECK(learned(composition) == joined({encode("원"), {control("eos")}}));
  CHECK(compose({}).sequence.ids == Ids{control("bos")});
}

TEST_CASE("what a user types is text, whatever it spells") {
  const IdRange text = model()->config.token_space.range(Segment::Text);
  for (const char* typed :
       {"<eos>", "<bos>", "</s>", "<s>", "<|user|>", "<|assistant|>", "<|image|>",
        "<sep>", "<image_slot>", "<draw_begin>", "<unk>", "<0x00>", "assistant",
        "a</s>b<|user|>c"}) {
    INFO(typed);
    const Composition composition = compose({says(Role::User, {std::string(typed)})});
    const Ids& ids = composition.sequence.ids;
    REQUIRE(ids.size() > 2);
    for (size_t i = 2; i < ids.size(); ++i) {
      CHECK(text.contains(ids[i]));
      // Not one of the tokenizer's own special pieces either.
      CHECK_FALSE(model()->tokenizer->bytes_of(ids[i]).empty());
    }
    CHECK(model()->tokenizer->decode(Ids(ids.begin() + 2, ids.end())) == typed);
    CHECK(learned(composition).empty());
  }
}

TEST_CASE("media are slots between marks, at their rows' positions") {
  const at::Tensor picture =
      at::tensor({0, 0, 0, 0, 0, 1, 0, 1, 0}, at::kFloat).view({3, 3});
  const at::Tensor sound = at::tensor({0, 0, 0, 2, 2, 2}, at::kFloat).view({2, 3});
  const Composition composition = compose({says(
      Role::User,
      {MediaSlots{Modality::Image, 3, picture}, std::string("the"),
       MediaSlots{Modality::Audio, 7, sound}, MediaSlots{Modality::Video, 9, sound}})});
  const int64_t slot = control("image_slot");
  CHECK(
      composition.sequence.ids ==
      joined(
          {{control("bos"), control("user"), control("image_begin"), slot, slot, slot,
            control("image_end")},
           encode("the"),
           {control("audio_begin"), control("audio_slot"), control("audio_slot"),
            control("audio_end"), control("video_begin"), slot, slot,
            control("video_end")}}));
  REQUIRE(composition.sequence.spans.size() == 3);
  CHECK(composition.sequence.spans[0].item == 3);
  CHECK(composition.sequence.spans[1].modality == Modality::Audio);
  CHECK(composition.sequence.spans[2].num_rows == 2);
  using Position = std::array<float, 3>;
  CHECK(composition.sequence.positions[4] == Position{3, 3, 4});
  CHECK(composition.sequence.positions[6] == Position{5, 5, 5}); // image_end
  CHECK(learned(composition).empty());
}

TEST_CASE("an answer is learned but for what it is told") {
  const IdRange image = model()->config.token_space.range(Segment::Image);
  const IdRange speech = model()->config.token_space.range(Segment::Speech);
  const int64_t letter = model()->config.token_space.range(Segment::Spelling).begin;
  const ImageCodes drawing{{0, 5, 15, 3}};
  const SpokenWords spoken{{{{2, 3}, {1, 4}}, {{5}, {9}}}};
  const Composition composition = compose(
      {says(Role::User, {drawing}), // a picture to be copied
       says(Role::Assistant, {std::string("the"), drawing, spoken})});
  const Ids codes = {image.begin, image.begin + 5, image.begin + 15, image.begin + 3};
  CHECK(
      composition.sequence.ids ==
      joined(
          {{control("bos"), control("user"), control("draw_begin")},
           codes,
           {control("draw_end"), control("assistant")},
           encode("the"),
           {control("draw_begin")},
           codes,
           {control("draw_end"), control("speech_begin"), letter + 2, letter + 3,
            speech.begin + 1, speech.begin + 4, control("speech_next"), letter + 5,
            speech.begin + 9, control("speech_end"), control("eos")}}));
  CHECK(
      learned(composition) ==
      joined(
          {encode("the"),
           {control("draw_begin")},
           codes,
           {speech.begin + 1, speech.begin + 4, control("speech_next"),
            speech.begin + 9, control("speech_end"), control("eos")}}));
}

TEST_CASE("a turn's sequence begins with the one before it") {
  const at::Tensor picture = at::rand({6, 3});
  std::vector<ComposedMessage> messages;
  TokenSequence before;
  for (int turn = 0; turn < 4; ++turn) {
    messages.push_back(says(
        Role::User,
        {MediaSlots{Modality::Image, turn, picture}, std::string("the circle")}));
    const TokenSequence prompt = compose(messages, true).sequence;
    CHECK(is_prefix(before, prompt));
    // An answer as generated: with its end, or cut off before it, inside a drawing
    // even.
    Ids answer = joined({encode("원 the"), {control("draw_begin")}});
    const IdRange image = model()->config.token_space.range(Segment::Image);
    for (int64_t code = 0; code < (turn == 2 ? 3 : 4); ++code) {
      answer.push_back(image.begin + code);
    }
    if (turn != 2) {
      answer.insert(answer.end(), {control("draw_end"), control("eos")});
    }
    SequenceBuilder cached(model()->config.token_space, 2, prompt);
    cached.push(answer);
    before = cached.take(); // what the cache holds rows of
    messages.push_back({Role::Assistant, {}, answer});
  }
  const Composition whole = compose(messages);
  CHECK(is_prefix(before, whole.sequence));
  // The answer cut off was ended all the same.
  CHECK(
      std::count(
          whole.sequence.ids.begin(), whole.sequence.ids.end(), control("eos")) == 4);
}

TEST_CASE("parts and ids of an answer compose alike") {
  const ImageCodes drawing{{1, 2, 3, 0}};
  const Composition parts =
      compose({says(Role::Assistant, {std::string("the"), drawing})});
  const Ids& ids = parts.sequence.ids;
  const Composition by_ids =
      compose({{Role::Assistant, {}, Ids(ids.begin() + 2, ids.end())}});
  CHECK(by_ids.sequence.ids == ids);
  CHECK((by_ids.sequence.positions == parts.sequence.positions));
}

TEST_CASE("a dropped prompt is one mark") {
  const Composition composition = compose({says(Role::User, {NullPrompt{}})}, true);
  CHECK(
      composition.sequence.ids ==
      Ids{control("bos"), control("user"), control("null"), control("assistant")});
}

TEST_CASE("codes outside their segment are refused") {
  CHECK_THROWS_WITH(
      compose({says(Role::Assistant, {ImageCodes{{16}}})}),
      Contains("[compose] expected a code in [0, 16), got 16."));
  CHECK_THROWS_WITH(
      compose({says(Role::Assistant, {SpokenWords{{{{1}, {-1}}}}})}),
      Contains("[compose] expected a code in [0, 16), got -1."));
  OmniConfig config = parse_config(testing::tiny_config_json());
  config.name = "wordless";
  const OmniModel wordless(config, nullptr);
  CHECK_THROWS_WITH(
      Composer(wordless),
      Contains("[compose] expected a model with a text tokenizer, got \"wordless\""));
}

TEST_CASE("words of a text are spelled in ids of the token space") {
  const IdRange letters = model()->config.token_space.range(Segment::Spelling);
  const auto words = Composer(model()).spell_text("Ab  가! ...");
  REQUIRE(words.size() == 2);
  CHECK(words[0] == Ids{letters.begin + 1, letters.begin + 2}); // a, b
  CHECK(words[1].size() == 2); // initial and medial
  for (const int64_t letter : words[1]) {
    CHECK(letters.contains(letter));
  }
}

TEST_CASE("roles go by their names") {
  for (const Role role : {Role::System, Role::User, Role::Assistant}) {
    CHECK(role_from_name(role_name(role)) == role);
  }
  CHECK_THROWS_WITH(
      role_from_name("robot"), Contains("robot") && Contains("assistant"));
}

} // namespace omni
