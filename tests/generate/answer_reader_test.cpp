// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/answer_reader.h"

#include "tests/support/catch.h"

namespace omni {
namespace {

AnswerFormat marked_format() {
  AnswerFormat format;
  format.reasoning_begin = {"<|think|>"};
  format.reasoning_end = {"<|end|>"};
  format.calls = {
      {"<|call|>", "<|/call|>", CallSyntax::Pattern,
       "{id}<|name|>{name}<|args|>{arguments}"}};
  format.separators = {"<|begin|>assistant", "<|content|>", "<|begin|>"};
  return format;
}

// "R(reasoning)T(text)C(name arguments id)" of a text that comes in steps of `size`
// bytes; pieces of one kind in a row count as one.
std::string read(
    const std::string& text,
    size_t size,
    const AnswerFormat& format = {},
    const AnswerStart& start = {}) {
  AnswerReader reader(format, start);
  std::vector<AnswerPiece> pieces;
  const auto keep = [&](const std::vector<AnswerPiece>& more) {
    for (const AnswerPiece& piece : more) {
      if (!pieces.empty() && piece.kind != AnswerPiece::Kind::Call &&
          pieces.back().kind == piece.kind) {
        pieces.back().text += piece.text;
      } else {
        pieces.push_back(piece);
      }
    }
  };
  for (size_t begin = 0; begin < text.size(); begin += size) {
    keep(reader.push(text.substr(begin, size)));
  }
  keep(reader.finish());
  std::string result;
  for (const AnswerPiece& piece : pieces) {
    switch (piece.kind) {
      case AnswerPiece::Kind::Reasoning:
        result.append("R(").append(piece.text).append(")");
        break;
      case AnswerPiece::Kind::Text:
        result.append("T(").append(piece.text).append(")");
        break;
      case AnswerPiece::Kind::Call:
        result.append("C(").append(piece.call.name).append(" ");
        result.append(piece.call.arguments).append(" ");
        result.append(piece.call.id).append(")");
        break;
    }
  }
  return result;
}

const AnswerStart kInReasoning{.in_reasoning = true};

// However the text is cut.
void check_read(
    const std::string& text,
    const std::string& expected,
    const AnswerFormat& format = {},
    const AnswerStart& start = {}) {
  for (const size_t size : {size_t{1}, size_t{2}, size_t{5}, text.size() + 1}) {
    CHECK(read(text, size, format, start) == expected);
  }
}

} // namespace

TEST_CASE("an answer without marks is text as it is") {
  check_read("", "");
  check_read("  two\n\n", "T(  two\n\n)");
  check_read("1 < 2 <thin", "T(1 < 2 <thin)");
  check_read("a </think> b", "T(a </think> b)"); // nothing was opened
}

TEST_CASE("reasoning is told from the answer, white space around it is neither") {
  check_read("<think>\nso \n so\n</think>\n\nyes\n", "R(so \n so)T(yes\n)");
  check_read("so\n</think>\n\nyes", "R(so)T(yes)", {}, kInReasoning);
  check_read("\nso", "R(so)", {}, kInReasoning); // cut short
  check_read("\n\n</think>\n\nyes", "T(yes)", {}, kInReasoning);
  check_read("\n<think>a</think><think>b</think>c", "R(ab)T(c)");
  // Once the answer has begun, the mark is only spoken of.
  check_read("<think>a</think>b <think>c</think>", "R(a)T(b <think>c</think>)");
}

TEST_CASE("calls are read as JSON") {
  const std::string call =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"z\": 1, \"a\": \"가\"}}\n"
      "</tool_call>";
  check_read(call, "C(f {\"z\":1,\"a\":\"가\"} call00000)");
  check_read(
      "first\n" + call + "\n" + call + "\n",
      "T(first)C(f {\"z\":1,\"a\":\"가\"} call00000)C(f {\"z\":1,\"a\":\"가\"} "
      "call00001)");
  check_read("<tool_call>{\"name\": \"f\"}</tool_call>", "C(f {} call00000)");
  check_read(
      "<tool_call>[{\"name\": \"f\", \"id\": \"x\"},{\"name\": \"g\","
      "\"parameters\": {\"n\": null}}]</tool_call>",
      "C(f {} x)C(g {\"n\":null} call00001)");
  check_read(
      "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
      "C(f {\"a\":1} call00000)");
}

TEST_CASE("a call that cannot be read is given as text") {
  for (const std::string body :
       {"", "f(1)", "[]", "{\"name\": 1}", "{\"arguments\": {}}",
        "{\"name\": \"f\", \"arguments\": [1]}", "{\"name\": \"f\"", "3"}) {
    const std::string text = "<tool_call>" + body + "</tool_call>";
    check_read(text, "T(" + text + ")");
  }
  check_read("<tool_call>{\"name\": \"f", "T(<tool_call>{\"name\": \"f)");
  // Complete but for the mark, which the end of the answer stands for.
  check_read("<tool_call>{\"name\": \"f\"}", "C(f {} call00000)");
}

TEST_CASE("a call may last until the answer ends") {
  AnswerFormat format;
  format.calls = {{.begin = "<|tool_call|>", .end = ""}};
  check_read(
      "<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]\n", "C(f {} call00000)",
      format);
  // Or until the next, also where one of them cannot be read.
  const std::string call = "<|tool_call|>{\"name\": \"f\"}";
  check_read(call + " " + call, "C(f {} call00000)C(f {} call00001)", format);
  check_read(
      "a <|tool_call|> f() \n" + call, "T(a <|tool_call|> f())C(f {} call00000)",
      format);
}

TEST_CASE("a call may be the whole answer, where tools were given") {
  AnswerFormat format;
  format.calls = {{.begin = "<tag>", .end = ""}, {.begin = "", .end = ""}};
  const AnswerStart with_tools{.has_tools = true};
  const std::string call = "{\"name\": \"f\", \"parameters\": {\"a\": {}}}";
  check_read("\n" + call + "\n", "C(f {\"a\":{}} call00000)", format, with_tools);
  check_read(
      "<think>so</think>" + call, "R(so)C(f {\"a\":{}} call00000)", format, with_tools);
  check_read("<tag>" + call, "C(f {\"a\":{}} call00000)", format);
  check_read(call, "T(" + call + ")", format);
  for (const std::string& text :
       {"so: " + call, call + " so", std::string("{\"name\": \"Kim\"}"),
        "[" + call + "]", std::string("{\"name\": \"f\", \"parameters\": 1}"),
        std::string(" \n{ \n")}) {
    check_read(text, "T(" + text + ")", format, with_tools);
  }
}

TEST_CASE("text behind reasoning may stand between marks") {
  AnswerFormat format;
  format.text_begin = "<response>";
  format.text_end = "</response>";
  const std::string think = "<think>so</think>\n";
  check_read(think + "<response>\nyes\n</response>\n", "R(so)T(yes)", format);
  check_read(think + "<response>yes", "R(so)T(yes)", format); // cut short
  check_read(think + "yes </response>", "R(so)T(yes </response>)", format);
  // Only the last closes the text, which may hold what it is marked with.
  check_read(
      think + "<response>a <response>b</response> c </response>\n d</response>",
      "R(so)T(a <response>b</response> c </response>\n d)", format);
  check_read(
      think + "<response></response> </response>", "R(so)T(</response>)", format);
  check_read(
      think + "<response>a</response>\n<tool_call>{\"name\": \"f\"}</tool_call>",
      "R(so)T(a)C(f {} call00000)", format);
  check_read(
      think + "<response>a</response>\n<tool_call>f</tool_call>",
      "R(so)T(a</response>\n<tool_call>f</tool_call>)", format);
  const std::string answer = "<response>a</response>"; // without reasoning: text
  check_read(answer, "T(" + answer + ")", format);
}

TEST_CASE("marks that are special tokens count as those alone") {
  const std::vector<std::string> tokens = {"<|think|>", "<|end|>",    "<|begin|>",
                                           "<|call|>",  "<|name|>",   "<|/call|>",
                                           "<|args|>",  "<tool_call>"};
  const AnswerFormat format = with_special_tokens(marked_format(), tokens);
  const std::string answer =
      "<|think|>so<|end|><|begin|>assistant<|content|>yes"
      "<|call|>7<|name|>f<|args|>{\"a\": \"b\"}<|/call|>";
  check_read(
      mark_special_tokens(answer, tokens), "R(so)T(yes)C(f {\"a\":\"b\"} 7)", format);
  // One mark is no special token, so that it counts as text.
  const size_t content = answer.find("<|content|>");
  check_read(
      answer, "T(" + answer.substr(0, content) + answer.substr(content + 11) + ")",
      format);
  // In what a special token marks, the same in letters is text.
  const std::string spelled = "a <|/call|> b <|end|>";
  check_read(
      mark_special_tokens("<|think|>", tokens) + spelled +
          mark_special_tokens("<|end|>", tokens) + spelled +
          mark_special_tokens("<|call|>7<|name|>f<|args|>", tokens) + "{\"a\": \"" +
          spelled + "\"}" + mark_special_tokens("<|/call|>", tokens),
      "R(" + spelled + ")T(" + spelled + ")C(f {\"a\":\"" + spelled + "\"} 7)", format);
  // A call that cannot be read is text as a person would write it.
  const std::string call = "<|call|> f <|/call|>";
  check_read(
      "a " + mark_special_tokens(call, tokens) + " b", "T(a " + call + " b)", format);
}

TEST_CASE("no two calls of a conversation have the same id") {
  const std::string call = "<tool_call>{\"name\": \"f\"}</tool_call>";
  const std::string named = "<tool_call>{\"name\": \"f\", \"id\": \"x\"}</tool_call>";
  check_read(
      call + named + named + call,
      "C(f {} call00000)C(f {} x)C(f {} call00002)C(f {} call00003)");
  AnswerStart start;
  for (const char* id : {"call00000", "x", "call00003"}) {
    start.earlier_calls.push_back({"f", "{}", id});
  }
  check_read(call + named, "C(f {} call00004)C(f {} call00005)", {}, start);
}

TEST_CASE("a call that cannot be read keeps the white space around it") {
  const std::string call = "<tool_call> f(1) </tool_call>";
  check_read("a\n\n" + call + " \n b", "T(a\n\n" + call + " \n b)");
  check_read(" " + call + "\n" + call + "\n", "T( " + call + "\n" + call + "\n)");
  check_read("a <tool_call> f(1 \n", "T(a <tool_call> f(1 \n)");
  // What belongs to another mark goes with that.
  check_read("<think>so</think> " + call + " b", "R(so)T(" + call + " b)");
  check_read(
      call + "\n<tool_call>{\"name\": \"f\"}</tool_call>\n" + call,
      "T(" + call + ")C(f {} call00000)T(" + call + ")");
}

TEST_CASE("calls are read as keys and values") {
  AnswerFormat format;
  format.calls = {{.syntax = CallSyntax::KeyValues}};
  check_read(
      "<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>서울 시</arg_value>\n"
      "<arg_key>n</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
      "C(f {\"city\":\"서울 시\",\"n\":3} call00000)", format);
  check_read("<tool_call>f\n</tool_call>", "C(f {} call00000)", format);
  check_read(
      "<tool_call>f <arg_key>a</arg_key><arg_value>null</arg_value></tool_call>",
      "C(f {\"a\":null} call00000)", format);
  for (const std::string body :
       {"", "two words", "f <arg_key>a</arg_key>", "f <arg_value>1</arg_value>",
        "f <arg_key>a</arg_key> x <arg_value>1</arg_value>"}) {
    const std::string text = "<tool_call>" + body + "</tool_call>";
    check_read(text, "T(" + text + ")", format);
  }
}

TEST_CASE("calls and answers are read between marks of their own") {
  check_read(
      "<|think|>so<|end|><|begin|>assistant<|content|>yes", "R(so)T(yes)",
      marked_format());
  check_read(
      "<|call|>7<|name|>f<|args|>{\"a\": [1]}<|/call|>", "C(f {\"a\":[1]} 7)",
      marked_format());
  check_read("<|content|>a<|begin|>b", "T(ab)", marked_format()); // the shorter mark
  check_read("a<|begin|>", "T(a)", marked_format());
  for (const std::string body :
       {"7<|name|>f", "7<|name|>f<|args|>", "<|args|>{}<|name|>f",
        "<|name|> <|args|>{}"}) {
    const std::string text = "<|call|>" + body + "<|/call|>";
    check_read(text, "T(" + text + ")", marked_format());
  }
}

TEST_CASE("calls are read by the patterns of a format, in turn") {
  AnswerFormat format;
  format.calls.clear();
  for (const char* pattern :
       {"function<sep>{name}\n```json\n{arguments}\n```", "{name}[{id}]{arguments}",
        "{name}{arguments}"}) {
    format.calls.push_back({"<c>", "</c>", CallSyntax::Pattern, pattern});
  }
  check_read(
      "<c>function<sep>f\n```json\n{\"a\": \"```\"}\n```</c>\n<c>g[ 1 ] {}</c><c> "
      "h\n{}</c>",
      "C(f {\"a\":\"```\"} call00000)C(g {} 1)C(h {} call00002)", format);
  for (const std::string body :
       {"", "{}", "f", "f[]", "f[1]", "f {} g", "two words{}",
        "xfunction<sep>f\n```json\n{}\n```", "function<sep>f\n```json\n{}"}) {
    const std::string text = "<c>" + body + "</c>";
    check_read(text, "T(" + text + ")", format);
  }
}

TEST_CASE("text is given as soon as no mark can begin in it") {
  AnswerReader reader{AnswerFormat{}};
  CHECK(reader.push("yes <").front().text == "yes");
  CHECK(reader.push("b").front().text == " <b");
  CHECK(reader.push(" ").empty());
  CHECK(reader.finish().front().text == " ");
}

} // namespace omni
