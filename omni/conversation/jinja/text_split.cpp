// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Methods of texts that cut them into several.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/text_change.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {

TemplateValue::Items
lines_of(TemplateRuntime& runtime, const TemplateValue& text, bool keeps_ends) {
  runtime.charge(text.weight());
  const std::u32string all = characters_of(text.as_text());
  TemplateValue::Items lines;
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    while (end < all.size() && !is_line_end(all[end])) {
      ++end;
    }
    size_t next = std::min(end + 1, all.size());
    if (end + 1 < all.size() && all[end] == U'\r' && all[end + 1] == U'\n') {
      ++next;
    }
    const size_t size = (keeps_ends ? next : end) - begin;
    lines.push_back(runtime.text_like(text, text_of(all.substr(begin, size))));
    begin = next;
  }
  return lines;
}

TemplateValue::Items words_of(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    int64_t times,
    bool is_left) {
  runtime.charge(text.weight());
  std::u32string rest = characters_of(text.as_text());
  if (!is_left) {
    std::reverse(rest.begin(), rest.end());
  }
  const auto add = [&](TemplateValue::Items& words, std::u32string word) {
    if (!is_left) {
      std::reverse(word.begin(), word.end());
    }
    words.push_back(runtime.text_like(text, text_of(word)));
  };
  TemplateValue::Items words;
  size_t at = 0;
  while (true) {
    while (at < rest.size() && is_space(rest[at])) {
      ++at;
    }
    if (at == rest.size()) {
      break;
    }
    if (times-- == 0) { // the rest as it is, with the space at its end
      add(words, rest.substr(at));
      break;
    }
    const auto end =
        std::find_if(rest.begin() + static_cast<int64_t>(at), rest.end(), is_space);
    const auto size = static_cast<size_t>(end - rest.begin()) - at;
    add(words, rest.substr(at, size));
    at += size;
  }
  if (!is_left) {
    std::reverse(words.begin(), words.end());
  }
  return words;
}

namespace {

TemplateValue::Items pieces_of(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    const std::string& separator,
    int64_t times,
    bool is_left) {
  runtime.charge(text.weight());
  std::string_view rest = text.as_text();
  TemplateValue::Items pieces;
  const auto add = [&](std::string_view piece) {
    pieces.push_back(runtime.text_like(text, std::string(piece)));
  };
  while (times-- != 0) {
    const size_t place = is_left ? rest.find(separator) : rest.rfind(separator);
    if (place == std::string_view::npos) {
      break;
    }
    add(is_left ? rest.substr(0, place) : rest.substr(place + separator.size()));
    rest = is_left ? rest.substr(place + separator.size()) : rest.substr(0, place);
  }
  add(rest);
  if (!is_left) {
    std::reverse(pieces.begin(), pieces.end());
  }
  return pieces;
}

template <bool is_left>
TemplateValue split(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("split", arguments, {"sep", "maxsplit"});
  const int64_t times = given.integer(1, -1);
  if (given[0].is_none()) {
    return runtime.list(words_of(runtime, self, times, is_left));
  }
  const std::string separator = given.text(0, "");
  if (separator.empty()) {
    template_fault("expected a separator that is not empty, got an empty one");
  }
  return runtime.list(pieces_of(runtime, self, separator, times, is_left));
}

TemplateValue split_lines(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("splitlines", arguments, {"keepends"});
  return runtime.list(lines_of(runtime, self, given.truth(0, false)));
}

template <bool is_left>
TemplateValue partition(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("partition", arguments, {"sep"}, 1);
  const std::string separator = given.text(0, "");
  if (separator.empty()) {
    template_fault("expected a separator that is not empty, got an empty one");
  }
  TemplateValue::Items parts = pieces_of(runtime, self, separator, 1, is_left);
  if (parts.size() == 2) {
    parts.insert(parts.begin() + 1, runtime.text_like(self, separator));
  } else {
    parts.insert(is_left ? parts.end() : parts.begin(), 2, runtime.text_like(self, ""));
  }
  return runtime.tuple(std::move(parts));
}

} // namespace

std::span<const TemplateFunctionEntry> text_split_methods() {
  static constexpr std::array kMethods = std::to_array<TemplateFunctionEntry>({
      {"split", split<true>},
      {"rsplit", split<false>},
      {"splitlines", split_lines},
      {"partition", partition<true>},
      {"rpartition", partition<false>},
  });
  return kMethods;
}

} // namespace omni
