// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/interpreter.h"
#include "omni/conversation/jinja/print.h"

namespace omni {

TemplateValue TemplateInterpreter::evaluate(const TemplateExpression& expression) {
  const TemplateDepth depth(runtime_);
  runtime_.charge(1);
  offset_ = expression.offset;
  return std::visit(
      [&](const auto& node) { return value_of(node, expression.offset); },
      expression.node);
}

TemplateValue TemplateInterpreter::evaluate_or_none(
    const ExpressionPointer& expression) {
  return expression ? evaluate(*expression) : TemplateValue();
}

TemplateValue TemplateInterpreter::value_of(const LiteralSyntax& node, size_t) {
  return node.value;
}

TemplateValue TemplateInterpreter::value_of(const NameSyntax& node, size_t) {
  const auto& value = variable(node.place);
  return value ? *value : undefined_name(node.name);
}

TemplateValue TemplateInterpreter::value_of(
    const AttributeSyntax& node,
    size_t offset) {
  const TemplateValue object = evaluate(*node.object);
  offset_ = offset;
  return attribute_of(runtime_, object, node.name);
}

TemplateValue TemplateInterpreter::value_of(const ItemSyntax& node, size_t offset) {
  const TemplateValue object = evaluate(*node.object);
  const TemplateValue index = evaluate(*node.index);
  offset_ = offset;
  return item_of(runtime_, object, index);
}

TemplateValue TemplateInterpreter::value_of(const SliceSyntax& node, size_t offset) {
  const TemplateValue object = evaluate(*node.object);
  const TemplateValue start = evaluate_or_none(node.start);
  const TemplateValue stop = evaluate_or_none(node.stop);
  const TemplateValue step = evaluate_or_none(node.step);
  offset_ = offset;
  return slice_of(runtime_, object, start, stop, step);
}

TemplateValue TemplateInterpreter::value_of(const CallSyntax& node, size_t offset) {
  return call_with(node, offset, nullptr);
}

TemplateValue TemplateInterpreter::value_of(const FilterSyntax& node, size_t offset) {
  const TemplateValue input = node.input ? evaluate(*node.input) : *block_text_;
  TemplateArguments arguments = arguments_of(node.arguments);
  offset_ = offset;
  if (node.function == nullptr) {
    template_fault("expected the name of a filter, got \"" + node.name + "\"");
  }
  return node.function(runtime_, input, arguments);
}

TemplateValue TemplateInterpreter::value_of(const TestSyntax& node, size_t offset) {
  const TemplateValue input = evaluate(*node.input);
  TemplateArguments arguments = arguments_of(node.arguments);
  offset_ = offset;
  if (node.function == nullptr) {
    template_fault("expected the name of a test, got \"" + node.name + "\"");
  }
  return node.function(runtime_, input, arguments);
}

TemplateValue TemplateInterpreter::value_of(const UnarySyntax& node, size_t offset) {
  const TemplateValue value = evaluate(*node.operand);
  offset_ = offset;
  switch (node.op) {
    case UnaryOperator::Not:
      return !is_true(value);
    case UnaryOperator::Minus:
      return negated(value);
    default:
      return unchanged(value);
  }
}

TemplateValue TemplateInterpreter::value_of(const BinarySyntax& node, size_t offset) {
  const TemplateValue left = evaluate(*node.left);
  const TemplateValue right = evaluate(*node.right);
  offset_ = offset;
  return binary_result(runtime_, node.op, left, right);
}

TemplateValue TemplateInterpreter::value_of(const LogicSyntax& node, size_t) {
  TemplateValue left = evaluate(*node.left);
  return is_true(left) == node.is_and ? evaluate(*node.right) : left;
}

TemplateValue TemplateInterpreter::value_of(const CompareSyntax& node, size_t offset) {
  TemplateValue left = evaluate(*node.first);
  for (const auto& [op, expression] : node.rest) {
    TemplateValue right = evaluate(*expression);
    offset_ = offset;
    if (!compares(op, left, right)) {
      return false;
    }
    left = std::move(right);
  }
  return true;
}

bool TemplateInterpreter::compares(
    CompareOperator op,
    const TemplateValue& left,
    const TemplateValue& right) {
  if (op == CompareOperator::In || op == CompareOperator::NotIn) {
    return contains(runtime_, right, left) == (op == CompareOperator::In);
  }
  runtime_.charge(std::min(left.weight(), right.weight()));
  switch (op) {
    case CompareOperator::Equal:
      return equals(left, right);
    case CompareOperator::Unequal:
      return !equals(left, right);
    case CompareOperator::Less:
      return is_less(left, right);
    case CompareOperator::LessEqual:
      return is_at_most(left, right);
    case CompareOperator::Greater:
      return is_less(right, left);
    default:
      return is_at_most(right, left);
  }
}

TemplateValue TemplateInterpreter::value_of(const JoinSyntax& node, size_t offset) {
  std::string text;
  for (const ExpressionPointer& part : node.parts) {
    const TemplateValue value = evaluate(*part);
    text += to_text(runtime_, value);
    offset_ = offset;
    runtime_.charge_text(static_cast<int64_t>(text.size()));
  }
  return {std::move(text)};
}

TemplateValue TemplateInterpreter::value_of(const ConditionSyntax& node, size_t) {
  if (is_true(evaluate(*node.condition))) {
    return evaluate(*node.value);
  }
  return node.otherwise ? evaluate(*node.otherwise)
                        : undefined(
                              "the inline if-expression evaluated to false and no else "
                              "section was defined");
}

TemplateValue TemplateInterpreter::value_of(const SequenceSyntax& node, size_t offset) {
  TemplateValue::Items items;
  items.reserve(node.items.size());
  for (const ExpressionPointer& item : node.items) {
    items.push_back(evaluate(*item));
  }
  offset_ = offset;
  return node.is_tuple ? runtime_.tuple(std::move(items))
                       : runtime_.list(std::move(items));
}

TemplateValue TemplateInterpreter::value_of(const DictSyntax& node, size_t offset) {
  TemplateValue::Entries entries;
  entries.reserve(node.entries.size());
  for (const auto& [key, value] : node.entries) {
    TemplateValue made = evaluate(*key);
    entries.emplace_back(std::move(made), evaluate(*value));
  }
  offset_ = offset;
  return runtime_.dict(std::move(entries));
}

} // namespace omni
