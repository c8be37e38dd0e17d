// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <charconv>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"

namespace omni {
namespace {

class BraceFormat {
 public:
  BraceFormat(TemplateRuntime& runtime, TemplateArguments& arguments, bool is_markup)
      : runtime_(runtime), arguments_(arguments), is_markup_(is_markup) {}

  std::string run(std::string_view text, int depth = 2) {
    if (depth == 0) {
      template_fault("expected formats at most two deep inside each other, got more");
    }
    std::string made;
    for (size_t i = 0; i < text.size();) {
      if (text[i] != '{' && text[i] != '}') {
        made += text[i++];
      } else if (i + 1 < text.size() && text[i + 1] == text[i]) {
        made += text[i];
        i += 2;
      } else if (text[i] == '}') {
        template_fault("expected {} in pairs, got a single }");
      } else {
        const size_t end = end_of_field(text, i + 1);
        made += field(text.substr(i + 1, end - i - 1), depth);
        i = end + 1;
        runtime_.charge(1);
        if (static_cast<int64_t>(made.size()) > runtime_.options().max_text_bytes) {
          runtime_.charge_text(static_cast<int64_t>(made.size()));
        }
      }
    }
    return made;
  }

 private:
  static size_t end_of_field(std::string_view text, size_t at) {
    int depth = 1;
    for (; at < text.size(); ++at) {
      if (text[at] == '[') { // an index may hold braces
        at = std::min(text.find(']', at), text.size() - 1);
      }
      depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
      if (depth == 0) {
        return at;
      }
    }
    template_fault("expected a } for every {, got none");
  }

  std::string field(std::string_view text, int depth) {
    size_t name_end = 0;
    while (name_end < text.size() && text[name_end] != '!' && text[name_end] != ':') {
      name_end = text[name_end] == '[' ? std::min(text.find(']', name_end), text.size())
                                       : name_end + 1;
    }
    TemplateValue value = value_of(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':')) {
        template_fault("expected one letter behind !, got another number of them");
      }
      if (rest[1] == 'r' || rest[1] == 'a') {
        value = to_repr(runtime_, value);
      } else if (rest[1] == 's') {
        value = to_text(runtime_, value);
      } else {
        template_fault("expected !r, !s or !a in a format, got another letter");
      }
      rest.remove_prefix(2);
    }
    const std::string specification =
        rest.empty() ? "" : run(rest.substr(1), depth - 1);
    if (is_markup_ && specification.empty()) {
      return escaped(runtime_, value);
    }
    return format_value(runtime_, value, specification);
  }

  TemplateValue value_of(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    TemplateValue value = argument(path.substr(0, end));
    for (size_t i = end; i < path.size();) {
      if (path[i] == '.') {
        const size_t next = std::min(path.find_first_of(".[", i + 1), path.size());
        if (next == i + 1) {
          template_fault("expected a name in a format, got none");
        }
        value = attribute_of(
            runtime_, value, TemplateValue(path.substr(i + 1, next - i - 1)));
        i = next;
      } else {
        const size_t close = path.find(']', i);
        if (path[i] != '[' || close == std::string_view::npos || close == i + 1) {
          template_fault("expected [index] in a format, got something else");
        }
        const std::string_view index = path.substr(i + 1, close - i - 1);
        const auto number = number_of(index);
        value = item_of(
            runtime_, value, number ? TemplateValue(*number) : TemplateValue(index));
        i = close + 1;
      }
    }
    return value;
  }

  static std::optional<int64_t> number_of(std::string_view text) {
    int64_t number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number >= 0
        ? std::optional(number)
        : std::nullopt;
  }

  TemplateValue argument(std::string_view name) {
    std::optional<int64_t> index = number_of(name);
    const bool is_counted = name.empty();
    if (is_counted || index) {
      if (counts_ && *counts_ != is_counted) {
        template_fault("expected all fields of a format numbered or none, got both");
      }
      counts_ = is_counted;
      index = is_counted ? next_++ : index;
      if (*index >= static_cast<int64_t>(arguments_.positional.size())) {
        template_fault("expected a value for every field of a format, got fewer");
      }
      return arguments_.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [known, value] : arguments_.keyword) {
      if (known == name) {
        return value;
      }
    }
    template_fault(
        "expected a value for the field \"" + std::string(name.substr(0, 60)) +
        "\" of a format, got none");
  }

  TemplateRuntime& runtime_;
  TemplateArguments& arguments_;
  bool is_markup_;
  std::optional<bool> counts_;
  int64_t next_ = 0;
};

} // namespace

TemplateValue format_by_braces(
    TemplateRuntime& runtime,
    const TemplateValue& format,
    TemplateArguments& arguments) {
  runtime.charge(format.weight());
  return runtime.text_like(
      format,
      BraceFormat(runtime, arguments, format.is_markup()).run(format.as_text()));
}

} // namespace omni
