// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/parser.h"
#include "omni/conversation/jinja/tests.h"

namespace omni {

ExpressionPointer TemplateParser::postfix(ExpressionPointer value) {
  while (true) {
    if (is_operator(".")) {
      value = attribute(std::move(value));
    } else if (is_operator("[")) {
      value = subscript(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPointer TemplateParser::filters_and_tests(ExpressionPointer value) {
  while (true) {
    if (skip_operator("|")) {
      value = filter(std::move(value));
    } else if (is_name("is")) {
      value = test(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPointer TemplateParser::attribute(ExpressionPointer value) {
  const size_t offset = take().offset;
  if (current().kind == Kind::Name) {
    return make(offset, AttributeSyntax{std::move(value), TemplateValue(take().text)});
  }
  if (current().kind == Kind::Literal &&
      current().value.kind() == TemplateValue::Kind::Int) {
    const TemplateToken token = take();
    return make(
        offset,
        ItemSyntax{std::move(value), make(token.offset, LiteralSyntax{token.value})});
  }
  fail("a name or a whole number");
}

ExpressionPointer TemplateParser::subscript(ExpressionPointer value) {
  const size_t offset = take().offset;
  const auto is_end = [&] { return is_operator("]") || is_operator(","); };
  SliceSyntax slice;
  std::vector<ExpressionPointer> indices;
  bool is_slice = false;
  while (!is_operator("]")) {
    if (!indices.empty()) {
      expect_operator(",");
    }
    ExpressionPointer index = is_operator(":") ? nullptr : expression();
    if (is_operator(":")) {
      is_slice = true;
      take();
      slice.start = std::move(index);
      if (!is_operator(":") && !is_end()) {
        slice.stop = expression();
      }
      if (skip_operator(":") && !is_end()) {
        slice.step = expression();
      }
    }
    indices.push_back(std::move(index));
  }
  take();
  if (is_slice) {
    if (indices.size() > 1) {
      fail_at(offset, "expected one slice or several indices, got both");
    }
    slice.object = std::move(value);
    return make(offset, std::move(slice));
  }
  ExpressionPointer index = indices.size() == 1
      ? std::move(indices.front())
      : make(offset, SequenceSyntax{true, std::move(indices)});
  return make(offset, ItemSyntax{std::move(value), std::move(index)});
}

ArgumentsSyntax TemplateParser::arguments() {
  const size_t offset = current().offset;
  const auto ensure = [&](bool is_right) {
    if (!is_right) {
      fail_at(
          offset,
          "expected arguments in the order: values, names=values, *values, **values");
    }
  };
  expect_operator("(");
  ArgumentsSyntax made;
  bool needs_comma = false;
  while (!is_operator(")")) {
    if (needs_comma) {
      expect_operator(",");
      if (is_operator(")")) {
        break;
      }
    }
    needs_comma = true;
    if (skip_operator("*")) {
      ensure(!made.more_positional && !made.more_keyword);
      made.more_positional = expression();
    } else if (skip_operator("**")) {
      ensure(!made.more_keyword);
      made.more_keyword = expression();
    } else if (
        current().kind == Kind::Name && tokens_[position_ + 1].kind == Kind::Operator &&
        tokens_[position_ + 1].text == "=") {
      ensure(!made.more_keyword);
      std::string name = take().text;
      take();
      made.keyword.emplace_back(std::move(name), expression());
    } else {
      ensure(!made.more_positional && !made.more_keyword && made.keyword.empty());
      made.positional.push_back(expression());
    }
  }
  take();
  return made;
}

ExpressionPointer TemplateParser::call(ExpressionPointer value) {
  const size_t offset = current().offset;
  ArgumentsSyntax given = arguments();
  return make(offset, CallSyntax{std::move(value), std::move(given)});
}

// From its name on; `value` is null for the text of a block.
ExpressionPointer TemplateParser::filter(ExpressionPointer value) {
  while (true) {
    const size_t offset = current().offset;
    std::string name = take_name("the name of a filter");
    while (skip_operator(".")) {
      name += "." + take_name("a name");
    }
    FilterSyntax node;
    node.input = std::move(value);
    node.function = find_template_filter(name);
    node.name = std::move(name);
    if (is_operator("(")) {
      node.arguments = arguments();
    }
    value = make(offset, std::move(node));
    if (!skip_operator("|")) {
      return value;
    }
  }
}

ExpressionPointer TemplateParser::test(ExpressionPointer value) {
  const size_t offset = take().offset;
  const bool is_negated = skip_name("not");
  std::string name = take_name("the name of a test");
  while (skip_operator(".")) {
    name += "." + take_name("a name");
  }
  TestSyntax node;
  node.input = std::move(value);
  node.function = find_template_test(name);
  node.name = std::move(name);
  const bool begins_value = current().kind == Kind::Name ||
      current().kind == Kind::Text || current().kind == Kind::Literal ||
      is_operator("[") || is_operator("{");
  if (is_operator("(")) {
    node.arguments = arguments();
  } else if (begins_value && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) {
      fail("no second \"is\" after a test");
    }
    const Nesting nesting(*this);
    node.arguments.positional.push_back(postfix(primary()));
  }
  ExpressionPointer made = make(offset, std::move(node));
  return is_negated ? make(offset, UnarySyntax{UnaryOperator::Not, std::move(made)})
                    : std::move(made);
}

} // namespace omni
