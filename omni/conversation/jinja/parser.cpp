// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/parser.h"

#include <algorithm>

namespace omni {
namespace {

std::string described(const TemplateToken& token) {
  switch (token.kind) {
    case TemplateToken::Kind::End:
      return "the end of the template";
    case TemplateToken::Kind::BlockEnd:
      return "%}";
    case TemplateToken::Kind::VariableEnd:
      return "}}";
    case TemplateToken::Kind::Literal:
      return "a number";
    case TemplateToken::Kind::Text:
      return "a text in quotes";
    case TemplateToken::Kind::Name:
    case TemplateToken::Kind::Operator:
      return "\"" + token.text.substr(0, 60) + "\"";
    default:
      return "text outside of a tag";
  }
}

} // namespace

TemplateParser::TemplateParser(std::string_view source, int64_t max_depth)
    : source_(source), max_depth_(max_depth), tokens_(template_tokens(source)) {}

void TemplateParser::enter() {
  if (++depth_ > max_depth_) {
    fail_at(
        current().offset,
        "expected blocks and expressions up to " + std::to_string(max_depth_) +
            " deep inside each other (max_depth), got more");
  }
}

ExpressionPointer TemplateParser::make(size_t offset, TemplateExpression::Node node) {
  auto made = std::make_unique<TemplateExpression>();
  made->offset = offset;
  made->depth = depth_of(node);
  made->node = std::move(node);
  if (made->depth > max_depth_) {
    fail_at(
        offset,
        "expected expressions up to " + std::to_string(max_depth_) +
            " deep inside each other (max_depth), got more");
  }
  return made;
}

TemplateToken TemplateParser::take() {
  TemplateToken token = tokens_[position_];
  if (token.kind != Kind::End) {
    ++position_;
  }
  return token;
}

bool TemplateParser::is_name(std::string_view name, size_t ahead) const {
  const size_t at = std::min(position_ + ahead, tokens_.size() - 1);
  return tokens_[at].kind == Kind::Name && tokens_[at].text == name;
}

bool TemplateParser::is_operator(std::string_view text) const {
  return current().kind == Kind::Operator && current().text == text;
}

bool TemplateParser::is_name_of(Names names) const {
  return std::any_of(
      names.begin(), names.end(), [&](const char* name) { return is_name(name); });
}

bool TemplateParser::skip_name(std::string_view name) {
  if (!is_name(name)) {
    return false;
  }
  take();
  return true;
}

bool TemplateParser::skip_operator(std::string_view text) {
  if (!is_operator(text)) {
    return false;
  }
  take();
  return true;
}

void TemplateParser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) {
    fail("\"" + std::string(text) + "\"");
  }
}

void TemplateParser::expect_name(std::string_view name) {
  if (!skip_name(name)) {
    fail("\"" + std::string(name) + "\"");
  }
}

std::string TemplateParser::take_name(const char* what) {
  if (current().kind != Kind::Name) {
    fail(what);
  }
  return take().text;
}

void TemplateParser::expect_kind(Kind kind, const char* what) {
  if (current().kind != kind) {
    fail(what);
  }
  take();
}

void TemplateParser::fail(const std::string& expected) const {
  fail_at(current().offset, "expected " + expected + ", got " + described(current()));
}

void TemplateParser::fail_at(size_t offset, const std::string& message) const {
  template_error(source_, offset, message);
}

} // namespace omni
