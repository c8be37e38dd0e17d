// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/tool_call_syntax.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "omni/core/errors.h"
#include "omni/core/json.h"

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

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_of(kWhiteSpace) == text.npos;
}

// Under which an object has a call's arguments; null where it has none.
const char* arguments_key(const OrderedJson& value) {
  for (const char* key : {"arguments", "parameters", "input"}) {
    if (value.is_object() && value.contains(key) && !value[key].is_null()) {
      return key;
    }
  }
  return nullptr;
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
  if (const char* key = arguments_key(value)) {
    const OrderedJson& given = value[key];
    // Some models write the object as a text once more.
    const OrderedJson arguments =
        given.is_string() ? json_of(given.get<std::string>()) : given;
    if (!arguments.is_object()) {
      return call;
    }
    call.arguments = arguments.dump();
  }
  const auto id = value.find("id");
  if (id != value.end() && id->is_string()) {
    call.id = id->get<std::string>();
  }
  call.name = name->get<std::string>();
  return call;
}

std::vector<ToolCall> json_calls(const OrderedJson& value) {
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
  const size_t name_end = std::min(text.find(kKeyBegin), text.size());
  ToolCall call;
  call.name = trimmed(text.substr(0, name_end));
  text.remove_prefix(name_end);
  OrderedJson arguments = OrderedJson::object();
  while (!trimmed(text).empty()) {
    std::string_view key;
    std::string_view value;
    if (!take_between(text, kKeyBegin, kKeyEnd, key) ||
        !take_between(text, kValueBegin, kValueEnd, value)) {
      return {};
    }
    const OrderedJson parsed = json_of(value);
    const bool is_json = !parsed.is_null() || trimmed(value) == "null";
    arguments[std::string(trimmed(key))] =
        is_json ? parsed : OrderedJson(std::string(value));
  }
  if (!is_name(call.name)) {
    return {};
  }
  call.arguments = arguments.dump();
  return {call};
}

using Fields = std::map<std::string, std::string, std::less<>>;

// What a text has in place of the {fields} of a pattern; nothing where it is written
// otherwise.
std::optional<Fields> match(std::string_view pattern, std::string_view text) {
  Fields fields;
  std::string field; // what stands before the next mark
  text = trimmed(text);
  while (true) {
    const size_t open = pattern.find('{');
    const std::string_view mark = trimmed(pattern.substr(0, open));
    size_t found = text.find(mark);
    if (open == pattern.npos) { // the last mark, which may stand in arguments too
      found = text.ends_with(mark) ? text.size() - mark.size() : text.npos;
    } else if (mark.empty() && !field.empty()) { // arguments begin with their own
      found = text.find('{');
    }
    if (found == text.npos || (field.empty() && found > 0)) {
      return std::nullopt;
    }
    if (!field.empty()) {
      fields[field] = plain_text(trimmed(text.substr(0, found)));
    }
    if (open == pattern.npos) {
      return fields;
    }
    text.remove_prefix(found + mark.size());
    const size_t close = pattern.find('}');
    field = pattern.substr(open + 1, close - open - 1);
    pattern.remove_prefix(close + 1);
  }
}

std::vector<ToolCall> pattern_call(std::string_view pattern, std::string_view text) {
  std::optional<Fields> fields = match(pattern, text);
  if (!fields || !is_name((*fields)["name"])) {
    return {};
  }
  const OrderedJson arguments = json_of((*fields)["arguments"]);
  if (!arguments.is_object()) {
    return {};
  }
  return {ToolCall{(*fields)["name"], arguments.dump(), (*fields)["id"]}};
}

std::vector<ToolCall> read_as(const CallFormat& format, std::string_view text) {
  switch (format.syntax) {
    case CallSyntax::Json: {
      const OrderedJson value = json_of(plain_text(trimmed(text)));
      const bool is_whole = format.begin.empty();
      return is_whole && arguments_key(value) == nullptr ? std::vector<ToolCall>()
                                                         : json_calls(value);
    }
    case CallSyntax::KeyValues:
      return key_value_call(plain_text(text));
    case CallSyntax::Pattern:
      return pattern_call(format.pattern, text);
  }
  return {};
}

} // namespace

std::vector<ToolCall> read_tool_calls(
    const AnswerFormat& format,
    std::string_view begin,
    std::string_view text) {
  for (const CallFormat& call : format.calls) {
    std::vector<ToolCall> calls;
    if (call.begin == begin) {
      calls = read_as(call, text);
    }
    if (!calls.empty()) {
      return calls;
    }
  }
  return {};
}

} // namespace omni
