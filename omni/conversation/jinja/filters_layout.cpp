// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that set a text in lines.
#include <algorithm>
#include <array>
#include <optional>

#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/text_change.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

const TemplateValue& expect_text(const TemplateValue& value) {
  if (!value.is_text()) {
    expect_defined(value);
    template_fault("expected a text, got a value of type " + type_name(value));
  }
  return value;
}

TemplateValue indent(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("indent", arguments, {"width", "first", "blank"});
  std::string margin = given[0].is_text() ? given[0].as_text() : "";
  if (!given[0].is_text()) {
    const int64_t width = std::max<int64_t>(given.integer(0, 4), 0);
    runtime.charge_text(width);
    margin = std::string(static_cast<size_t>(width), ' ');
  }
  const bool has_blank_lines = given.truth(2, false);
  const TemplateValue text =
      runtime.text_like(value, expect_text(value).as_text() + "\n");
  std::string made = given.truth(1, false) ? margin : "";
  bool is_first = true;
  for (const TemplateValue& line : lines_of(runtime, text, false)) {
    if (!is_first) {
      made += '\n';
      made += has_blank_lines || !line.as_text().empty() ? margin : "";
    }
    made += line.as_text();
    runtime.charge_text(static_cast<int64_t>(margin.size()));
    if (static_cast<int64_t>(made.size()) > runtime.options().max_text_bytes) {
      runtime.charge_text(static_cast<int64_t>(made.size()));
    }
    is_first = false;
  }
  return runtime.text_like(value, std::move(made));
}

TemplateValue truncate(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "truncate", arguments, {"length", "killwords", "end", "leeway"});
  const int64_t length = given.integer(0, 255);
  const std::u32string end = characters_of(given.text(2, "..."));
  const int64_t leeway = given[3].is_none() ? 5 : given.integer(3, 5);
  if (length < static_cast<int64_t>(end.size()) || leeway < 0) {
    template_fault(
        "expected truncate() to have a length for its end, got too short a one");
  }
  if (const auto size = length_of(value); size && *size <= length + leeway) {
    return value;
  }
  runtime.charge(expect_text(value).weight());
  std::u32string part = characters_of(value.as_text())
                            .substr(0, static_cast<size_t>(length) - end.size());
  if (!given.truth(1, false)) {
    part = part.substr(0, part.rfind(U' '));
  }
  return runtime.text_like(value, text_of(part + end));
}

// Cuts a line into words, the whitespace between them, and words at their hyphens, as
// Python's textwrap does.
class Wrapper {
 public:
  Wrapper(int64_t width, bool breaks_words, bool breaks_hyphens)
      : width_(width), breaks_words_(breaks_words), breaks_hyphens_(breaks_hyphens) {}

  std::vector<std::u32string> lines(const std::u32string& text) {
    text_ = text;
    const std::u32string_view all = text_;
    std::vector<std::u32string_view> chunks; // the next one is the last
    for (size_t at = 0; at < text_.size();) {
      const size_t end = end_of_chunk(at);
      chunks.push_back(all.substr(at, end - at));
      at = end;
    }
    std::reverse(chunks.begin(), chunks.end());
    std::vector<std::u32string> made;
    while (!chunks.empty()) {
      if (is_blank(chunks.back()) && !made.empty()) {
        chunks.pop_back();
      }
      std::vector<std::u32string_view> line = next_line(chunks);
      if (!line.empty() && is_blank(line.back())) {
        line.pop_back();
      }
      if (!line.empty()) {
        std::u32string joined;
        for (const std::u32string_view chunk : line) {
          joined += chunk;
        }
        made.push_back(std::move(joined));
      }
    }
    return made;
  }

 private:
  static bool is_blank(std::u32string_view chunk) {
    return std::all_of(chunk.begin(), chunk.end(), is_space);
  }
  static bool is_gap(char32_t c) {
    return (c >= 9 && c <= 13) || c == U' ';
  }
  static bool is_word(char32_t c) {
    return c == U'_' || is_alphabetic(c) || is_numeric(c);
  }
  static bool is_letter(char32_t c) {
    return is_word(c) && !is_decimal(c);
  }
  [[nodiscard]] bool at(size_t i, bool (*test)(char32_t)) const {
    return i < text_.size() && test(text_[i]);
  }
  [[nodiscard]] bool is_punctuated(size_t i) const {
    return is_word(text_[i]) ||
        std::u32string_view(U"!\"'&.,?").find(text_[i]) != std::u32string_view::npos;
  }

  // Past dashes at `i` that join words, which are two at least; `i` where none do.
  [[nodiscard]] size_t end_of_dash(size_t i) const {
    size_t end = i;
    while (end < text_.size() && text_[end] == U'-') {
      ++end;
    }
    return i > 0 && end >= i + 2 && is_punctuated(i - 1) && at(end, is_word) ? end : i;
  }

  // Whether a word may be cut behind the hyphen at `i`.
  [[nodiscard]] bool is_hyphen(size_t i) const {
    const bool is_behind_letters = i >= 2 && is_letter(text_[i - 1]) &&
        (is_letter(text_[i - 2]) ||
         (i >= 3 && text_[i - 2] == U'-' && is_letter(text_[i - 3])));
    return text_[i] == U'-' && is_behind_letters && at(i + 1, is_letter) &&
        (at(i + 2, is_letter) ||
         (i + 2 < text_.size() && text_[i + 2] == U'-' && at(i + 3, is_letter)));
  }

  [[nodiscard]] size_t end_of_chunk(size_t begin) const {
    size_t end = begin;
    if (is_gap(text_[begin])) {
      while (at(end, is_gap)) {
        ++end;
      }
      return end;
    }
    if (breaks_hyphens_ && end_of_dash(begin) > begin) {
      return end_of_dash(begin);
    }
    for (end = begin + 1; end < text_.size() && !is_gap(text_[end]); ++end) {
      if (breaks_hyphens_ && is_hyphen(end)) {
        return end + 1;
      }
      if (breaks_hyphens_ && end_of_dash(end) > end) {
        return end;
      }
    }
    return end;
  }

  std::vector<std::u32string_view> next_line(
      std::vector<std::u32string_view>& chunks) const {
    std::vector<std::u32string_view> line;
    int64_t size = 0;
    while (!chunks.empty() &&
           size + static_cast<int64_t>(chunks.back().size()) <= width_) {
      size += static_cast<int64_t>(chunks.back().size());
      line.push_back(chunks.back());
      chunks.pop_back();
    }
    if (chunks.empty() || static_cast<int64_t>(chunks.back().size()) <= width_) {
      return line;
    }
    if (breaks_words_) {
      const auto room = static_cast<size_t>(width_ - size);
      size_t end = room;
      const size_t hyphen =
          room == 0 ? std::u32string_view::npos : chunks.back().rfind(U'-', room - 1);
      if (breaks_hyphens_ && hyphen != std::u32string_view::npos && hyphen > 0 &&
          chunks.back().substr(0, hyphen).find_first_not_of(U'-') !=
              std::u32string_view::npos) {
        end = hyphen + 1;
      }
      line.push_back(chunks.back().substr(0, end));
      chunks.back().remove_prefix(end);
    } else if (line.empty()) {
      line.push_back(chunks.back());
      chunks.pop_back();
    }
    return line;
  }

  int64_t width_;
  bool breaks_words_;
  bool breaks_hyphens_;
  std::u32string text_;
};

TemplateValue word_wrap(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "wordwrap", arguments,
      {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const int64_t width = given.integer(0, 79);
  if (width <= 0) {
    template_fault("expected lines at least one character wide, got none");
  }
  const std::string separator = given[2].is_none() ? "\n" : given.text(2, "\n");
  Wrapper wrapper(width, given.truth(1, true), given.truth(3, true));
  std::string made;
  bool is_first = true;
  for (const TemplateValue& line : lines_of(runtime, expect_text(value), false)) {
    const auto wrapped = wrapper.lines(characters_of(line.as_text()));
    runtime.charge(static_cast<int64_t>(wrapped.size()));
    made += is_first ? "" : separator;
    is_first = false;
    for (size_t i = 0; i < wrapped.size(); ++i) {
      made += (i == 0 ? "" : separator) + text_of(wrapped[i]);
      if (static_cast<int64_t>(made.size()) > runtime.options().max_text_bytes) {
        runtime.charge_text(static_cast<int64_t>(made.size()));
      }
    }
  }
  return runtime.text(std::move(made));
}

} // namespace

std::span<const TemplateFunctionEntry> layout_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>(
      {{"indent", indent}, {"truncate", truncate}, {"wordwrap", word_wrap}});
  return kFilters;
}

} // namespace omni
