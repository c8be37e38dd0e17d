// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/answer_reader.h"

#include "tests/support/catch.h"

namespace omni {
namespace {

AnswerFormat marked_format() {
  AnswerFormat format;
  format.reasoning_begin = "<|think|>";
  format.reasoning_end = "<|end|>";
  format.call_syntax = CallSyntax::Marked;
  format.call_begin = "<|call|>";
  format.call_name = "<|name|>";
  format.call_arguments = "<|args|>";
  format.call_end = "<|/call|>";
  format.separators = {"<|begin|>assistant", "<|content|>", "<|begin|>"};
  return format;
}

// "R(reasoning)T(text)C(name arguments id)" of a text that comes in steps of `size`
// bytes; pieces of one kind in a row count as one.
std::string read(
    const std::string& text,
    size_t size,
    const AnswerFormat& format = {},
    bool begins_in_reasoning = false) {
  AnswerReader reader(format, begins_in_reasoning);
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

// However the text is cut.
void check_read(
    const std::string& text,
    const std::string& expected,
    const AnswerFormat& format = {},
    bool begins_in_reasoning = false) {
  for (const size_t size : {size_t{1}, size_t{2}, size_t{5}, text.size() + 1}) {
    CHECK(read(text, size, format, begins_in_reasoning) == expected);
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
  check_read("so\n</think>\n\nyes", "R(so)T(yes)", {}, true);
  check_read("\nso", "R(so)", {}, true); // cut short
  check_read("\n\n</think>\n\nyes", "T(yes)", {}, true);
  check_read("\n<think>a</think><think>b</think>c", "R(ab)T(c)");
  // Once the answer has begun, the mark is only spoken of.
  check_read("<think>a</think>b <think>c</think>", "R(a)T(b <think>c</think>)");
}

TEST_CASE("calls are read as JSON") {
  const std::string call =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"z\": 1, \"a\": \"가\"}}\n"
      "</tool_call>";
  check_read(call, "C(f {\"z\":1,\"a\":\"가\"} call_0)");
  check_read(
      "first\n" + call + "\n" + call + "\n",
      "T(first)C(f {\"z\":1,\"a\":\"가\"} call_0)C(f {\"z\":1,\"a\":\"가\"} call_1)");
  check_read("<tool_call>{\"name\": \"f\"}</tool_call>", "C(f {} call_0)");
  check_read(
      "<tool_call>[{\"name\": \"f\", \"id\": \"x\"},{\"name\": \"g\","
      "\"parameters\": {\"n\": null}}]</tool_call>",
      "C(f {} x)C(g {\"n\":null} call_1)");
  check_read(
      "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
      "C(f {\"a\":1} call_0)");
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
  check_read("<tool_call>{\"name\": \"f\"}", "C(f {} call_0)");
}

TEST_CASE("a call may last until the answer ends") {
  AnswerFormat format;
  format.call_begin = "<|tool_call|>";
  format.call_end = "";
  check_read(
      "<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]\n", "C(f {} call_0)",
      format);
}

TEST_CASE("calls are read as keys and values") {
  AnswerFormat format;
  format.call_syntax = CallSyntax::KeyValues;
  check_read(
      "<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>서울 시</arg_value>\n"
      "<arg_key>n</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
      "C(f {\"city\":\"서울 시\",\"n\":3} call_0)", format);
  check_read("<tool_call>f\n</tool_call>", "C(f {} call_0)", format);
  check_read(
      "<tool_call>f <arg_key>a</arg_key><arg_value>null</arg_value></tool_call>",
      "C(f {\"a\":null} call_0)", format);
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

TEST_CASE("text is given as soon as no mark can begin in it") {
  AnswerReader reader{AnswerFormat{}};
  CHECK(reader.push("yes <").front().text == "yes");
  CHECK(reader.push("b").front().text == " <b");
  CHECK(reader.push(" ").empty());
  CHECK(reader.finish().front().text == " ");
}

} // namespace omni
