// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: tokens become a tree. Every error is a ValueError [chat_template] that
// names line and column. No torch.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "omni/conversation/jinja/lexer.h"
#include "omni/conversation/jinja/syntax.h"

namespace omni {

class TemplateParser {
 public:
  // `source` is normalized and outlives this; blocks and expressions inside each other
  // are refused beyond `max_depth`.
  TemplateParser(std::string_view source, int64_t max_depth);
  [[nodiscard]] StatementList parse();

 private:
  using Kind = TemplateToken::Kind;
  using Names = std::initializer_list<const char*>;
  // One level deeper as long as it lives.
  class Nesting {
   public:
    explicit Nesting(TemplateParser& parser) : parser_(parser) {
      parser_.enter();
    }
    ~Nesting() {
      --parser_.depth_;
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    TemplateParser& parser_;
  };

  void enter();
  // Tokens.
  [[nodiscard]] const TemplateToken& current() const {
    return tokens_[position_];
  }
  TemplateToken take();
  [[nodiscard]] bool is_name(std::string_view name, size_t ahead = 0) const;
  [[nodiscard]] bool is_operator(std::string_view text) const;
  [[nodiscard]] bool is_name_of(Names names) const;
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view text);
  void expect_operator(std::string_view text);
  void expect_name(std::string_view name);
  std::string take_name(const char* what);
  void expect_kind(Kind kind, const char* what);
  [[noreturn]] void fail(const std::string& expected) const;
  [[noreturn]] void fail_at(size_t offset, const std::string& message) const;

  // Expressions.
  ExpressionPointer expression(bool has_conditions = true);
  ExpressionPointer disjunction();
  ExpressionPointer conjunction();
  ExpressionPointer negation();
  ExpressionPointer comparison();
  ExpressionPointer sum();
  ExpressionPointer joined();
  ExpressionPointer product();
  ExpressionPointer power();
  ExpressionPointer unary(bool has_filters = true);
  ExpressionPointer primary();
  ExpressionPointer postfix(ExpressionPointer value);
  ExpressionPointer filters_and_tests(ExpressionPointer value);
  ExpressionPointer filter(ExpressionPointer value);
  ExpressionPointer test(ExpressionPointer value);
  ExpressionPointer attribute(ExpressionPointer value);
  ExpressionPointer subscript(ExpressionPointer value);
  ExpressionPointer call(ExpressionPointer value);
  ExpressionPointer list();
  ExpressionPointer dict();
  // One expression, or a tuple of those that commas separate.
  ExpressionPointer tuple(bool has_conditions = true, bool is_in_brackets = false);
  ArgumentsSyntax arguments();
  ExpressionPointer make(size_t offset, TemplateExpression::Node node);

  // Statements.
  StatementList statements(Names ends);
  StatementList block(Names ends); // from the end of the tag that opens it
  StatementList block_to(const char* end); // and past the tag that ends it
  TemplateStatement statement();
  TargetSyntax target(bool may_be_namespace);
  TargetSyntax single_target(bool may_be_namespace);
  LoopSyntax loop();
  IfSyntax condition();
  void set(TemplateStatement& statement);
  WithSyntax with();
  MacroSyntax macro();
  void signature(MacroSyntax& macro);
  CallBlockSyntax call_block();
  FilterBlockSyntax filter_block();
  PrintSyntax print();

  std::string_view source_;
  int64_t max_depth_;
  int64_t depth_ = 0;
  std::vector<TemplateToken> tokens_;
  size_t position_ = 0;
};

} // namespace omni
