// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Answers of models: however a text is cut, it is read alike; calls hold objects and
// have ids of their own; marks of special tokens (here tabs) are in no text.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "omni/core/json.h"
#include "omni/generate/answer_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni::fuzz {
namespace {

std::vector<AnswerFormat> formats() {
  AnswerFormat keys;
  keys.calls = {{.syntax = CallSyntax::KeyValues}};
  AnswerFormat patterns;
  patterns.calls = {
      {"<tool_call>", "</tool_call>", CallSyntax::Pattern,
       "{id}<name>{name}<args>{arguments}"},
      {"<tool_call>", "</tool_call>", CallSyntax::Pattern, "{name}{arguments}"}};
  patterns.separators = {"<b>", "<b>assistant"};
  AnswerFormat open;
  open.calls = {{.end = ""}, {.begin = "", .end = ""}};
  open.text_begin = "<b>";
  open.text_end = "</b>";
  const std::vector<std::string> special = {"<tool_call>", "<b>", "<name>", "<think>"};
  return {
      AnswerFormat(),
      keys,
      patterns,
      open,
      with_special_tokens(patterns, special),
      with_special_tokens(open, special)};
}

// Pieces in order, those of one kind in a row joined.
std::string read(const AnswerFormat& format, const std::string& text, size_t step) {
  AnswerReader reader(
      format, {.in_reasoning = text.size() % 2 == 1, .has_tools = text.size() % 3 > 0});
  std::set<std::string> ids;
  std::string result;
  auto last = AnswerPiece::Kind::Call;
  const auto keep = [&](const std::vector<AnswerPiece>& pieces) {
    for (const AnswerPiece& piece : pieces) {
      if (piece.kind == AnswerPiece::Kind::Call) {
        if (!ids.insert(piece.call.id).second ||
            !parse_json(piece.call.arguments, "fuzz", "arguments").is_object()) {
          std::abort();
        }
        result += "\n[call] " + piece.call.name + piece.call.arguments + piece.call.id;
      } else {
        const char* kind =
            piece.kind == AnswerPiece::Kind::Text ? "\n[text] " : "\n[reasoning] ";
        result.append(piece.kind == last ? "" : kind).append(piece.text);
        if (piece.text.find(kSpecialToken) != std::string::npos) {
          std::abort();
        }
      }
      last = piece.kind;
    }
  };
  for (size_t at = 0; at < text.size(); at += step) {
    keep(reader.push(std::string_view(text).substr(at, step)));
  }
  keep(reader.finish());
  return result;
}

} // namespace

std::vector<std::string> seeds() {
  return {
      "<think>\nso\n</think>\n\nyes",
      "a <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1, \"b\"]}}</tool_call>",
      "<tool_call>f\n<arg_key>k</arg_key>\n<arg_value>v</arg_value>\n</tool_call>",
      "<b>assistant<tool_call>1<name>f<args>{\"a\": null}</tool_call><b> x",
      "<tool_call>[{\"name\": \"f\"}, {\"name\": \"g\", \"parameters\": {}}]",
      "<think>so</think><b>a</b> <tool_call>f{}",
      "\t<think>\t<b>\t<tool_call>1\t<name>f<args>{\"a\": \"<tool_call>\"}</tool_call>",
      "{\"name\": \"f\", \"parameters\": {\"a\": \"b\"}}"};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  std::string text = to_valid_utf8(fuzz::as_bytes(data, size));
  std::replace(text.begin(), text.end(), '\t', kSpecialToken);
  for (const AnswerFormat& format : fuzz::formats()) {
    const std::string whole = fuzz::read(format, text, text.size() + 1);
    if (fuzz::read(format, text, 1) != whole || fuzz::read(format, text, 7) != whole) {
      std::abort();
    }
  }
  return 0;
}
