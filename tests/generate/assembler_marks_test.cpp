// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Answers of a published model: marks that are tokens of its tokenizer, and stop
// strings around them.
#include "omni/generate/assembler.h"
#include "omni/model/published_folder.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

// An id for each byte; behind them the special tokens.
class ByteTokenizer : public TextTokenizer {
 public:
  explicit ByteTokenizer(std::vector<std::string> special)
      : special_(std::move(special)) {}

  std::vector<int64_t> encode(std::string_view text, bool allow_special)
      const override {
    std::vector<int64_t> ids;
    while (!text.empty()) {
      size_t size = 1;
      ids.push_back(static_cast<unsigned char>(text.front()));
      for (size_t i = 0; i < special_.size() && allow_special; ++i) {
        if (text.starts_with(special_[i])) {
          ids.back() = kNumBytes + static_cast<int64_t>(i);
          size = special_[i].size();
        }
      }
      text.remove_prefix(size);
    }
    return ids;
  }
  std::vector<int64_t> encode_prompt(
      std::string_view prompt,
      const std::vector<int64_t>&) const override {
    return encode(prompt, true);
  }
  std::string decode(const std::vector<int64_t>& ids, bool) const override {
    std::string text;
    for (const int64_t id : ids) {
      text += bytes_of(id);
    }
    return text;
  }
  std::string bytes_of(int64_t id) const override {
    return id < kNumBytes ? std::string(1, static_cast<char>(id)) : "";
  }
  int64_t vocab_size() const override {
    return kNumBytes + static_cast<int64_t>(special_.size());
  }
  std::map<std::string, int64_t> special_tokens() const override {
    std::map<std::string, int64_t> tokens;
    for (size_t i = 0; i < special_.size(); ++i) {
      tokens[special_[i]] = kNumBytes + static_cast<int64_t>(i);
    }
    return tokens;
  }

 private:
  static constexpr int64_t kNumBytes = 256;

  std::vector<std::string> special_;
};

struct Answer {
  AssembledAnswer made;
  std::vector<Event> events;
  bool found_stop = false;
};

// What becomes of `pieces`; every second of them is written with special tokens, the
// others letter by letter.
Answer assemble(
    const std::vector<std::string>& pieces,
    const AnswerFormat& format = {},
    const std::vector<std::string>& stop = {},
    const AnswerStart& start = {}) {
  OmniModel model = testing::make_tiny_model();
  model->tokenizer = std::make_shared<ByteTokenizer>(
      std::vector<std::string>{"<think>", "</think>", "<call>", "</call>", "<end>"});
  PublishedModel published;
  published.answer_format = format;
  model->published = std::make_shared<const PublishedModel>(published);
  model->eos_ids = {model->tokenizer->special_tokens().at("<end>")};
  Answer answer;
  Assembler assembler(model, stop, [&](const Event& event) {
    answer.events.push_back(event);
    return true;
  });
  assembler.begin(start);
  for (size_t i = 0; i < pieces.size(); ++i) {
    for (const int64_t id : model->tokenizer->encode(pieces[i], i % 2 == 1)) {
      CHECK(assembler.push(id));
    }
  }
  CHECK(assembler.finish());
  answer.made = assembler.answer();
  answer.found_stop = assembler.found_stop();
  return answer;
}

AnswerFormat call_format() {
  AnswerFormat format;
  // A token and text together make the mark.
  format.calls = {{.begin = "<call>now:", .end = "</call>"}};
  return format;
}

} // namespace

TEST_CASE("special tokens are marks by their id, not by their letters") {
  const Answer answer = assemble(
      {"", "<think>", "so </think> <call>", "</think>", "yes </think> <call>now: f",
       "<call>", "now: {\"name\": \"f\", \"arguments\": {\"a\": \"</call>\"}}",
       "</call><end>"},
      call_format());
  CHECK(answer.made.reasoning == "so </think> <call>");
  CHECK(answer.made.text == "yes </think> <call>now: f");
  REQUIRE(answer.made.tool_calls.size() == 1);
  CHECK(answer.made.tool_calls[0] == ToolCall{"f", R"({"a":"</call>"})", "call00000"});
}

TEST_CASE("special tokens that are no marks, or end an answer, are not shown") {
  CHECK(assemble({"a", "<end>", "b"}, call_format()).made.text == "ab");
  AnswerFormat plain;
  plain.calls.clear();
  CHECK(assemble({"a", "<call>", "b</call>"}, plain).made.text == "ab</call>");
}

TEST_CASE("a call that cannot be read is shown as it was written") {
  const Answer answer =
      assemble({"a \n", "<call>", "now: f() ", "</call>", "\n b"}, call_format());
  CHECK(answer.made.text == "a \n<call>now: f() </call>\n b");
  CHECK(answer.made.tool_calls.empty());
}

TEST_CASE("keys and values may be special tokens") {
  OmniModel model = testing::make_tiny_model();
  const std::string call =
      "<arg_key>a</arg_key><arg_value>1</arg_value><arg_key>b</arg_key>"
      "<arg_value>c</arg_value>";
  model->tokenizer = std::make_shared<ByteTokenizer>(std::vector<std::string>{
      "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"});
  PublishedModel published;
  published.answer_format.calls = {{.syntax = CallSyntax::KeyValues}};
  model->published = std::make_shared<const PublishedModel>(published);
  Assembler assembler(model, {}, {});
  for (const int64_t id :
       model->tokenizer->encode("<tool_call>f " + call + "</tool_call>", true)) {
    CHECK(assembler.push(id));
  }
  CHECK(assembler.finish());
  REQUIRE(assembler.answer().tool_calls.size() == 1);
  CHECK(assembler.answer().tool_calls[0].arguments == R"({"a":1,"b":"c"})");
}

TEST_CASE("a stop string ends the answer within reasoning too") {
  const Answer answer =
      assemble({"", "<think>", "one STOP two", "</think>", "yes"}, {}, {"STOP"});
  CHECK(answer.found_stop);
  CHECK(answer.made.reasoning == "one ");
  CHECK(answer.made.text.empty());
  REQUIRE(answer.events.size() >= 2);
  CHECK(answer.events.front().kind == Event::Kind::Reasoning);
  CHECK(answer.events.back().kind == Event::Kind::Done);
  // In a call that has begun, which is then given as far as it came.
  const Answer call =
      assemble({"a ", "<call>", "now: {STOP}"}, call_format(), {"STOP"});
  CHECK(call.made.text == "a <call>now: {");
}

TEST_CASE("a stop string may be a mark, or go across one") {
  struct Case {
    std::string stop;
    std::string reasoning;
    std::string text;
  };
  const Case cases[] = {
      {"</think>", "so", ""},
      {"o</think>", "s", ""},
      {"</think>ye", "so", ""},
      {"o</think>y", "s", ""},
      {"<think>s", "", ""},
      {"o</think>x", "so", "yes"}, // held back across the mark, then given
      {"s!", "so", "yes"},
  };
  for (const Case& of : cases) {
    INFO(of.stop);
    const Answer answer =
        assemble({"", "<think>", "so", "</think>", "yes"}, {}, {of.stop});
    CHECK(answer.found_stop == of.text.empty());
    CHECK(answer.made.reasoning == of.reasoning);
    CHECK(answer.made.text == of.text);
  }
}

TEST_CASE("what came before an answer is told to its reader") {
  CHECK(
      assemble({"so", "</think>", "yes"}, {}, {}, {.in_reasoning = true})
          .made.reasoning == "so");
  AnswerFormat format;
  format.calls = {{.begin = "", .end = ""}};
  AnswerStart start{.has_tools = true};
  start.earlier_calls = {{"f", "{}", "call00000"}};
  const Answer answer =
      assemble({R"({"name": "f", "parameters": {}})"}, format, {}, start);
  REQUIRE(answer.made.tool_calls.size() == 1);
  CHECK(answer.made.tool_calls[0].id == "call00001");
}

} // namespace omni
