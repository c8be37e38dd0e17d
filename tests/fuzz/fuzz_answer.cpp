// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Answers of models: however a text is cut, it is read alike, and calls hold objects.
#include <cstdlib>

#include "omni/core/json.h"
#include "omni/generate/answer_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni::fuzz {
namespace {

std::vector<AnswerFormat> formats() {
  AnswerFormat keys;
  keys.call_syntax = CallSyntax::KeyValues;
  AnswerFormat marked;
  marked.call_syntax = CallSyntax::Marked;
  marked.call_name = "<name>";
  marked.call_arguments = "<args>";
  marked.separators = {"<b>", "<b>assistant"};
  AnswerFormat open;
  open.call_end = "";
  return {AnswerFormat(), keys, marked, open};
}

// Pieces in order, those of one kind in a row joined.
std::string read(const AnswerFormat& format, const std::string& text, size_t step) {
  AnswerReader reader(format, text.size() % 2 == 1);
  std::string result;
  auto last = AnswerPiece::Kind::Call;
  const auto keep = [&](const std::vector<AnswerPiece>& pieces) {
    for (const AnswerPiece& piece : pieces) {
      if (piece.kind == AnswerPiece::Kind::Call) {
        if (!parse_json(piece.call.arguments, "fuzz", "arguments").is_object()) {
          std::abort();
        }
        result += "\n[call] " + piece.call.name + piece.call.arguments + piece.call.id;
      } else {
        const char* kind =
            piece.kind == AnswerPiece::Kind::Text ? "\n[text] " : "\n[reasoning] ";
        result.append(piece.kind == last ? "" : kind).append(piece.text);
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
      "<tool_call>[{\"name\": \"f\"}, {\"name\": \"g\", \"parameters\": {}}]"};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  const std::string text = to_valid_utf8(fuzz::as_bytes(data, size));
  for (const AnswerFormat& format : fuzz::formats()) {
    const std::string whole = fuzz::read(format, text, text.size() + 1);
    if (fuzz::read(format, text, 1) != whole || fuzz::read(format, text, 7) != whole) {
      std::abort();
    }
  }
  return 0;
}
