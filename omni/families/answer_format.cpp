// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/families/answer_format.h"

#include <algorithm>

namespace omni {
namespace {

// Also those that are empty.
template <class Format, class Use>
void for_each_mark(Format& format, const Use& use) {
  for (auto* marks :
       {&format.reasoning_begin, &format.reasoning_end, &format.separators}) {
    std::for_each(marks->begin(), marks->end(), use);
  }
  use(format.text_begin);
  use(format.text_end);
  for (auto& call : format.calls) {
    use(call.begin);
    use(call.end);
    use(call.pattern);
  }
}

} // namespace

std::vector<std::string> AnswerFormat::marks() const {
  std::vector<std::string> all;
  for_each_mark(*this, [&](const std::string& mark) {
    if (!mark.empty()) {
      all.push_back(mark);
    }
  });
  for (const CallFormat& call : calls) {
    if (call.syntax == CallSyntax::KeyValues) {
      all.insert(all.end(), {kKeyBegin, kKeyEnd, kValueBegin, kValueEnd});
    }
  }
  return all;
}

std::string mark_special_tokens(
    std::string_view text,
    const std::vector<std::string>& tokens) {
  std::string marked;
  while (!text.empty()) {
    size_t size = 0;
    for (const std::string& token : tokens) {
      if (token.size() > size && text.starts_with(token)) {
        size = token.size();
      }
    }
    if (size > 0) {
      marked += kSpecialToken;
    }
    size = std::max<size_t>(size, 1);
    marked += text.substr(0, size);
    text.remove_prefix(size);
  }
  return marked;
}

std::string plain_text(std::string_view text) {
  std::string plain(text);
  std::erase(plain, kSpecialToken);
  return plain;
}

AnswerFormat with_special_tokens(
    AnswerFormat format,
    const std::vector<std::string>& tokens) {
  for_each_mark(
      format, [&](std::string& mark) { mark = mark_special_tokens(mark, tokens); });
  return format;
}

} // namespace omni
