// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/assembler.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

constexpr int64_t kByte = 7; // id of byte 0 in tiny_unigram.model

struct Listener {
  std::vector<Event> events;
  size_t cancel_after = 1000; // events

  EventCallback callback() {
    return [this](const Event& event) {
      events.push_back(event);
      return events.size() < cancel_after;
    };
  }
  [[nodiscard]] std::string text() const {
    std::string joined;
    for (const Event& event : events) {
      joined += event.text;
    }
    return joined;
  }
  [[nodiscard]] size_t count(Event::Kind kind) const {
    size_t number = 0;
    for (const Event& event : events) {
      number += event.kind == kind ? 1 : 0;
    }
    return number;
  }
};

// Strict UTF-8: no broken, overlong or surrogate sequence.
bool is_utf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || i + length > text.size()) {
      return false;
    }
    uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xC0) != 0x80) {
        return false;
      }
      point = point << 6 | (next & 0x3FU);
    }
    const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10FFFF ||
        (point >= 0xD800 && point < 0xE000)) {
      return false;
    }
    i += length;
  }
  return true;
}

void push_all(Assembler& assembler, const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    CHECK(assembler.push(id));
  }
}

OmniModel& model() {
  static OmniModel only = testing::make_tiny_model();
  return only;
}

int64_t first_id(Segment segment) {
  return model()->config.token_space.range(segment).begin;
}

} // namespace

TEST_CASE("text comes as whole UTF-8, however its bytes are cut into ids") {
  const std::string text = "가é😀a";
  Listener listener;
  Assembler assembler(model(), {}, listener.callback());
  push_all(assembler, {263}); // the space before a text, which is not shown
  for (const char byte : text) {
    CHECK(assembler.push(kByte + static_cast<unsigned char>(byte)));
  }
  CHECK(assembler.finish());
  CHECK(listener.text() == text);
  CHECK(assembler.answer().text == text);
  CHECK(listener.count(Event::Kind::Text) == 4); // one a character
  for (const Event& event : listener.events) {
    CHECK(is_utf8(event.text));
  }
  CHECK(listener.events.back().kind == Event::Kind::Done);
}

TEST_CASE("no row of ids makes broken UTF-8") {
  torch::manual_seed(1);
  const int64_t num_text = model()->tokenizer->vocab_size();
  for (int turn = 0; turn < 30; ++turn) {
    Listener listener;
    Assembler assembler(model(), {"the"}, listener.callback());
    for (int i = 0; i < 40; ++i) {
      // Mostly lone bytes, which seldom make characters.
      const int64_t range = i % 4 == 0 ? num_text : 263;
      CHECK(assembler.push(at::randint(0, range, {1}).item<int64_t>()));
    }
    CHECK(assembler.finish());
    for (const Event& event : listener.events) {
      CHECK(is_utf8(event.text));
    }
    CHECK(listener.text() == assembler.answer().text);
  }
}

TEST_CASE("a character that never ends becomes one replacement at the end") {
  Listener listener;
  Assembler assembler(model(), {}, listener.callback());
  push_all(assembler, {265, kByte + 0xEA, kByte + 0xB0}); // "the", two of three bytes
  CHECK(listener.text() == "the");
  CHECK(assembler.finish());
  CHECK(listener.text() == "the\xEF\xBF\xBD");
}

TEST_CASE("text ends before a stop string, wherever it is cut") {
  // "the.,가" in ids of one piece each.
  const std::vector<int64_t> ids = {265, 266, 267, 268};
  struct Case {
    std::vector<std::string> stop;
    std::string text;
  };
  const Case cases[] = {
      {{"."}, "the"},
      {{".,"}, "the"}, // across two ids
      {{"e.,"}, "th"}, // begins inside one
      {{"가", ","}, "the."}, // the first to come counts
      {{"x", "the!"}, "the.,가"}, // held back while it may be, then given
      {{"가가"}, "the.,가"}, // still held at the end
      {{"t"}, ""},
  };
  for (const Case& of : cases) {
    INFO(of.stop.front());
    Listener listener;
    Assembler assembler(model(), of.stop, listener.callback());
    push_all(assembler, ids);
    CHECK(assembler.found_stop() == (of.text != "the.,가"));
    CHECK(assembler.finish());
    CHECK(listener.text() == of.text);
    CHECK(assembler.answer().text == of.text);
  }
}

TEST_CASE("the text before speech is whole, also what a stop string held back") {
  Listener listener;
  Assembler assembler(model(), {"가가"}, listener.callback());
  push_all(assembler, {265, 268}); // "the", "가"
  CHECK(assembler.answer().text == "the");
  CHECK(assembler.end_text());
  CHECK(assembler.answer().text == "the가");
  CHECK(assembler.finish());
  CHECK(listener.text() == "the가"); // once
}

TEST_CASE("a picture is reported code by code and given once") {
  const c10::InferenceMode guard;
  Listener listener;
  Assembler assembler(model(), {}, listener.callback());
  const int64_t first = first_id(Segment::Image);
  push_all(assembler, {first, first + 5, first + 15, first + 3});
  REQUIRE(listener.events.size() == 4);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(listener.events[i].kind == Event::Kind::Drawing);
    CHECK(listener.events[i].num_done == static_cast<int64_t>(i + 1));
    CHECK(listener.events[i].num_total == 4);
  }
  CHECK(listener.events[3].kind == Event::Kind::Image);
  const at::Tensor pixels = model()->image_codec->decode(
      at::tensor({0, 5, 15, 3}, at::kLong).view({1, 4}))[0];
  const at::Tensor expected =
      ((pixels + 1) * 127.5).round().clamp(0, 255).permute({1, 2, 0});
  CHECK(listener.events[3].image.pixels.scalar_type() == at::kByte);
  CHECK(at::equal(listener.events[3].image.pixels.to(at::kFloat), expected));
  REQUIRE(assembler.answer().images.size() == 1);
  // A second one begins anew; cut short, it is no picture.
  push_all(assembler, {first, first});
  CHECK(assembler.finish());
  CHECK(assembler.answer().images.size() == 1);
}

TEST_CASE("speech comes in chunks that joined equal all codes decoded at once") {
  const c10::InferenceMode guard;
  Listener listener;
  Assembler assembler(model(), {}, listener.callback());
  const int64_t first = first_id(Segment::Speech);
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < 37; ++i) {
    codes.push_back(i * 7 % 16);
    CHECK(assembler.push(first + codes.back()));
  }
  CHECK(assembler.finish());
  REQUIRE(assembler.answer().speech);
  const Waveform& speech = *assembler.answer().speech;
  CHECK(speech.sample_rate_hz == 16000);
  SpeechStream stream(
      model()->speech_codec, model()->vocoder, *model()->config.vocoder);
  const at::Tensor whole = at::cat({stream.push(codes), stream.finish()});
  REQUIRE(speech.samples.sizes() == whole.sizes());
  CHECK((speech.samples - whole.clamp(-1, 1)).abs().max().item<double>() < 1e-5);
  CHECK(listener.count(Event::Kind::Speech) > 1);
  int64_t given = 0;
  for (const Event& event : listener.events) {
    given += event.speech.samples.defined() ? event.speech.samples.size(0) : 0;
  }
  CHECK(given == speech.samples.size(0));
}

TEST_CASE("marks and letters are not shown, and false cancels") {
  Listener listener;
  Assembler quiet(model(), {}, listener.callback());
  push_all(
      quiet,
      {model()->config.token_space.control("draw_begin"),
       first_id(Segment::Spelling) + 9});
  CHECK(listener.events.empty());
  listener.cancel_after = 1;
  Assembler assembler(model(), {}, listener.callback());
  CHECK_FALSE(assembler.push(265));
  CHECK_FALSE(assembler.finish());
  Assembler deaf(model(), {}, {});
  CHECK(deaf.push(265));
  CHECK(deaf.finish());
  CHECK(deaf.answer().text == "the");
}

TEST_CASE("after a listener's false nothing is told but the end") {
  const c10::InferenceMode guard;
  Listener listener;
  listener.cancel_after = 1;
  SECTION("text, with some held back for a stop string") {
    Assembler assembler(model(), {"ex"}, listener.callback());
    CHECK_FALSE(assembler.push(265)); // "the": "th" is given, "e" may begin "ex"
    CHECK_FALSE(assembler.push(266));
    CHECK_FALSE(assembler.finish());
    REQUIRE(listener.events.size() == 2);
    CHECK(assembler.answer().text == "th");
  }
  SECTION("text that is given before speech") {
    Assembler assembler(model(), {"ex"}, listener.callback());
    assembler.cancel();
    CHECK_FALSE(assembler.push(265));
    CHECK_FALSE(assembler.end_text());
    CHECK_FALSE(assembler.finish());
    REQUIRE(listener.events.size() == 1);
    CHECK(assembler.answer().text.empty());
  }
  SECTION("a drawing") {
    Assembler assembler(model(), {}, listener.callback());
    const int64_t first = first_id(Segment::Image);
    for (int i = 0; i < 4; ++i) {
      CHECK_FALSE(assembler.push(first));
    }
    CHECK_FALSE(assembler.finish());
    REQUIRE(listener.events.size() == 2);
    CHECK(assembler.answer().images.empty());
  }
  SECTION("speech, with codes not yet decoded") {
    Assembler assembler(model(), {}, listener.callback());
    const int64_t first = first_id(Segment::Speech);
    int num_pushed = 0;
    while (num_pushed < 40 && assembler.push(first)) {
      ++num_pushed;
    }
    CHECK_FALSE(assembler.push(first));
    CHECK_FALSE(assembler.finish());
    REQUIRE(listener.events.size() == 2);
    REQUIRE(assembler.answer().speech);
    CHECK(at::equal(
        assembler.answer().speech->samples, listener.events[0].speech.samples));
  }
  CHECK(listener.events.back().kind == Event::Kind::Done);
}

TEST_CASE("every event kind has a name") {
  CHECK(std::string(event_kind_name(Event::Kind::Text)) == "text");
  CHECK(std::string(event_kind_name(Event::Kind::Reasoning)) == "reasoning");
  CHECK(std::string(event_kind_name(Event::Kind::ToolCall)) == "tool_call");
  CHECK(std::string(event_kind_name(Event::Kind::Drawing)) == "drawing");
  CHECK(std::string(event_kind_name(Event::Kind::Image)) == "image");
  CHECK(std::string(event_kind_name(Event::Kind::Speech)) == "speech");
  CHECK(std::string(event_kind_name(Event::Kind::Done)) == "done");
}

} // namespace omni
