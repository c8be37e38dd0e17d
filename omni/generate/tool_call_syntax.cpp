// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The ways in which models write a call of a tool.
#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "omni/generate/answer_reader.h"

namespace omni {
namespace {

constexpr const char* kWhiteSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  return begin == text.npos
      ? std::string_view()
      : text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

// Null for text that is no JSON.
OrderedJson json_of(std::string_view text) {
  try {
    return parse_ordered_json(text, "tool_call", "a call");
  } catch (const IoError&) {
    return {};
  }
}

// One call as JSON; without a name where it is none.
ToolCall json_call(const OrderedJson& value) {
  ToolCall call;
  if (!value.is_object()) {
    return call;
  }
  const auto name = value.find("name");
  if (name == value.end() || !name->is_string()) {
    return call;
  }
  for (const char* key : {"arguments", "parameters"}) {
    const auto found = value.find(key);
    if (found == value.end() || found->is_null()) {
      continue;
    }
    // Some models write the object as a text once more.
    const OrderedJson arguments =
        found->is_string() ? json_of(found->get<std::string>()) : *found;
    if (!arguments.is_object()) {
      return call;
    }
    call.arguments = arguments.dump();
    break;
  }
  const auto id = value.find("id");
  if (id != value.end() && id->is_string()) {
    call.id = id->get<std::string>();
  }
  call.name = name->get<std::string>();
  return call;
}

std::vector<ToolCall> json_calls(std::string_view text) {
  const OrderedJson value = json_of(text);
  std::vector<ToolCall> calls;
  for (const OrderedJson& item :
       value.is_array() ? value : OrderedJson::array({value})) {
    calls.push_back(json_call(item));
    if (calls.back().name.empty()) {
      return {};
    }
  }
  return calls;
}

// What stands between two marks, `text` moved behind the second; false without them.
bool take_between(
    std::string_view& text,
    std::string_view begin,
    std::string_view end,
    std::string_view& found) {
  text = trimmed(text);
  const size_t stop = text.find(end);
  if (!text.starts_with(begin) || stop == text.npos) {
    return false;
  }
  found = text.substr(begin.size(), stop - begin.size());
  text.remove_prefix(stop + end.size());
  return true;
}

// A value that is JSON counts as such, any other is a text.
std::vector<ToolCall> key_value_call(std::string_view text) {
  constexpr std::string_view kKey = "<arg_key>";
  const size_t name_end = std::min(text.find(kKey), text.size());
  ToolCall call;
  call.name = trimmed(text.substr(0, name_end));
  text.remove_prefix(name_end);
  OrderedJson arguments = OrderedJson::object();
  while (!trimmed(text).empty()) {
    std::string_view key;
    std::string_view value;
    if (!take_between(text, kKey, "</arg_key>", key) ||
        !take_between(text, "<arg_value>", "</arg_value>", value)) {
      return {};
    }
    const OrderedJson parsed = json_of(value);
    const bool is_json = !parsed.is_null() || trimmed(value) == "null";
    arguments[std::string(trimmed(key))] =
        is_json ? parsed : OrderedJson(std::string(value));
  }
  if (call.name.empty() || call.name.find_first_of(kWhiteSpace) != std::string::npos) {
    return {};
  }
  call.arguments = arguments.dump();
  return {call};
}

std::vector<ToolCall> marked_call(const AnswerFormat& format, std::string_view text) {
  const size_t name = text.find(format.call_name);
  const size_t arguments = text.find(format.call_arguments);
  if (name == text.npos || arguments == text.npos || arguments < name) {
    return {};
  }
  ToolCall call;
  call.id = trimmed(text.substr(0, name));
  const size_t name_begin = name + format.call_name.size();
  call.name = trimmed(text.substr(name_begin, arguments - name_begin));
  const OrderedJson value =
      json_of(text.substr(arguments + format.call_arguments.size()));
  if (call.name.empty() || !value.is_object()) {
    return {};
  }
  call.arguments = value.dump();
  return {call};
}

} // namespace

std::vector<ToolCall>
read_tool_calls(const AnswerFormat& format, std::string_view text, int first_number) {
  std::vector<ToolCall> calls;
  switch (format.call_syntax) {
    case CallSyntax::Json:
      calls = json_calls(trimmed(text));
      break;
    case CallSyntax::KeyValues:
      calls = key_value_call(text);
      break;
    case CallSyntax::Marked:
      calls = marked_call(format, text);
      break;
  }
  for (ToolCall& call : calls) {
    if (call.id.empty()) {
      call.id = "call_" + std::to_string(first_number);
    }
    ++first_number;
  }
  return calls;
}

} // namespace omni
