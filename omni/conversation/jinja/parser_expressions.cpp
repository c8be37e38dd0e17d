// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/parser.h"

namespace omni {
ExpressionPointer TemplateParser::expression(bool has_conditions) {
  const Nesting nesting(*this);
  ExpressionPointer value = disjunction();
  while (has_conditions && is_name("if")) {
    const size_t offset = take().offset;
    ConditionSyntax node{disjunction(), std::move(value), nullptr};
    if (skip_name("else")) {
      node.otherwise = expression();
    }
    value = make(offset, std::move(node));
  }
  return value;
}

ExpressionPointer TemplateParser::disjunction() {
  ExpressionPointer left = conjunction();
  while (is_name("or")) {
    const size_t offset = take().offset;
    left = make(offset, LogicSyntax{false, std::move(left), conjunction()});
  }
  return left;
}

ExpressionPointer TemplateParser::conjunction() {
  ExpressionPointer left = negation();
  while (is_name("and")) {
    const size_t offset = take().offset;
    left = make(offset, LogicSyntax{true, std::move(left), negation()});
  }
  return left;
}

ExpressionPointer TemplateParser::negation() {
  if (is_name("not")) {
    const Nesting nesting(*this);
    const size_t offset = take().offset;
    return make(offset, UnarySyntax{UnaryOperator::Not, negation()});
  }
  return comparison();
}

ExpressionPointer TemplateParser::comparison() {
  constexpr std::array<std::pair<const char*, CompareOperator>, 6> kOperators = {
      {{"==", CompareOperator::Equal},
       {"!=", CompareOperator::Unequal},
       {"<", CompareOperator::Less},
       {"<=", CompareOperator::LessEqual},
       {">", CompareOperator::Greater},
       {">=", CompareOperator::GreaterEqual}}};
  ExpressionPointer first = sum();
  const size_t offset = current().offset;
  CompareSyntax node;
  while (true) {
    const auto* const found = std::find_if(
        kOperators.begin(), kOperators.end(),
        [&](const auto& row) { return is_operator(row.first); });
    if (found != kOperators.end()) {
      take();
      node.rest.emplace_back(found->second, sum());
    } else if (skip_name("in")) {
      node.rest.emplace_back(CompareOperator::In, sum());
    } else if (is_name("not") && is_name("in", 1)) {
      take();
      take();
      node.rest.emplace_back(CompareOperator::NotIn, sum());
    } else {
      break;
    }
  }
  if (node.rest.empty()) {
    return first;
  }
  node.first = std::move(first);
  return make(offset, std::move(node));
}

ExpressionPointer TemplateParser::sum() {
  ExpressionPointer left = joined();
  while (is_operator("+") || is_operator("-")) {
    const TemplateToken token = take();
    const auto op = token.text == "+" ? BinaryOperator::Add : BinaryOperator::Subtract;
    left = make(token.offset, BinarySyntax{op, std::move(left), joined()});
  }
  return left;
}

ExpressionPointer TemplateParser::joined() {
  ExpressionPointer first = product();
  if (!is_operator("~")) {
    return first;
  }
  const size_t offset = current().offset;
  JoinSyntax node;
  node.parts.push_back(std::move(first));
  while (skip_operator("~")) {
    node.parts.push_back(product());
  }
  return make(offset, std::move(node));
}

ExpressionPointer TemplateParser::product() {
  ExpressionPointer left = power();
  while (is_operator("*") || is_operator("/") || is_operator("//") ||
         is_operator("%")) {
    const TemplateToken token = take();
    const auto op = token.text == "*" ? BinaryOperator::Multiply
        : token.text == "/"           ? BinaryOperator::Divide
        : token.text == "//"          ? BinaryOperator::FloorDivide
                                      : BinaryOperator::Modulo;
    left = make(token.offset, BinarySyntax{op, std::move(left), power()});
  }
  return left;
}

ExpressionPointer TemplateParser::power() {
  ExpressionPointer left = unary();
  while (is_operator("**")) {
    const size_t offset = take().offset;
    left = make(offset, BinarySyntax{BinaryOperator::Power, std::move(left), unary()});
  }
  return left;
}

ExpressionPointer TemplateParser::unary(bool has_filters) {
  const Nesting nesting(*this);
  ExpressionPointer value;
  if (is_operator("-") || is_operator("+")) {
    const TemplateToken token = take();
    const auto op = token.text == "-" ? UnaryOperator::Minus : UnaryOperator::Plus;
    value = make(token.offset, UnarySyntax{op, unary(false)});
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return has_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPointer TemplateParser::primary() {
  const size_t offset = current().offset;
  if (current().kind == Kind::Name) {
    const std::string name = take().text;
    if (name == "true" || name == "True" || name == "false" || name == "False") {
      return make(offset, LiteralSyntax{name[0] == 't' || name[0] == 'T'});
    }
    if (name == "none" || name == "None") {
      return make(offset, LiteralSyntax{});
    }
    return make(offset, NameSyntax{name, {}});
  }
  if (current().kind == Kind::Text) {
    std::string text;
    while (current().kind == Kind::Text) {
      text += take().value.as_text();
    }
    return make(offset, LiteralSyntax{TemplateValue(std::move(text))});
  }
  if (current().kind == Kind::Literal) {
    return make(offset, LiteralSyntax{take().value});
  }
  if (skip_operator("(")) {
    ExpressionPointer value = tuple(true, true);
    expect_operator(")");
    return value;
  }
  if (is_operator("[")) {
    return list();
  }
  if (is_operator("{")) {
    return dict();
  }
  fail("an expression");
}

ExpressionPointer TemplateParser::tuple(bool has_conditions, bool is_in_brackets) {
  const size_t offset = current().offset;
  SequenceSyntax node{true, {}};
  bool is_tuple = false;
  while (true) {
    if (!node.items.empty()) {
      expect_operator(",");
    }
    if (current().kind == Kind::VariableEnd || current().kind == Kind::BlockEnd ||
        is_operator(")")) {
      break;
    }
    node.items.push_back(expression(has_conditions));
    if (!is_operator(",")) {
      break;
    }
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!node.items.empty()) {
      return std::move(node.items.front());
    }
    if (!is_in_brackets) {
      fail("an expression");
    }
  }
  return make(offset, std::move(node));
}

ExpressionPointer TemplateParser::list() {
  const size_t offset = take().offset;
  SequenceSyntax node{false, {}};
  while (!is_operator("]")) {
    if (!node.items.empty()) {
      expect_operator(",");
      if (is_operator("]")) {
        break;
      }
    }
    node.items.push_back(expression());
  }
  take();
  return make(offset, std::move(node));
}

ExpressionPointer TemplateParser::dict() {
  const size_t offset = take().offset;
  DictSyntax node;
  while (!is_operator("}")) {
    if (!node.entries.empty()) {
      expect_operator(",");
      if (is_operator("}")) {
        break;
      }
    }
    ExpressionPointer key = expression();
    expect_operator(":");
    node.entries.emplace_back(std::move(key), expression());
  }
  take();
  return make(offset, std::move(node));
}

} // namespace omni
