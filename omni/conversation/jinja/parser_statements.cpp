// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/parser.h"

namespace omni {

StatementList TemplateParser::parse() {
  StatementList body = statements({});
  return body;
}

// Up to the name of a tag in `ends`, which is the current token then.
StatementList TemplateParser::statements(Names ends) {
  const Nesting nesting(*this);
  StatementList body;
  while (current().kind != Kind::End) {
    const size_t offset = current().offset;
    if (current().kind == Kind::Data) {
      body.push_back({offset, TextSyntax{take().text}});
    } else if (current().kind == Kind::VariableBegin) {
      take();
      PrintSyntax node;
      node.values.push_back(tuple());
      expect_kind(Kind::VariableEnd, "}}");
      body.push_back({offset, std::move(node)});
    } else {
      take();
      if (is_name_of(ends)) {
        return body;
      }
      body.push_back(statement());
      expect_kind(Kind::BlockEnd, "%}");
    }
  }
  if (ends.size() > 0) {
    fail(std::string("{% ") + *(ends.end() - 1) + " %}");
  }
  return body;
}

StatementList TemplateParser::block(Names ends) {
  skip_operator(":");
  expect_kind(Kind::BlockEnd, "%}");
  return statements(ends);
}

StatementList TemplateParser::block_to(const char* end) {
  StatementList body = block({end});
  take();
  return body;
}

TemplateStatement TemplateParser::statement() {
  const TemplateToken tag = current();
  TemplateStatement made{tag.offset, TextSyntax{}};
  const std::string name = take_name("the name of a tag");
  if (name == "for") {
    made.node = loop();
  } else if (name == "if") {
    made.node = condition();
  } else if (name == "set") {
    set(made);
  } else if (name == "macro") {
    made.node = macro();
  } else if (name == "call") {
    made.node = call_block();
  } else if (name == "filter") {
    made.node = filter_block();
  } else if (name == "with") {
    made.node = with();
  } else if (name == "print") {
    made.node = print();
  } else if (name == "generation") {
    CallBlockSyntax node;
    node.caller.body = block_to("endgeneration");
    made.node = std::move(node);
  } else if (name == "break" || name == "continue") {
    made.node = LoopControlSyntax{name == "break"};
  } else {
    fail_at(
        tag.offset,
        "expected a tag among for, if, set, macro, call, filter, with, print, "
        "generation, break, continue, raw, got \"" +
            name.substr(0, 60) + "\"");
  }
  return made;
}

TargetSyntax TemplateParser::single_target(bool may_be_namespace) {
  TargetSyntax made;
  made.offset = current().offset;
  if (skip_operator("(")) {
    const Nesting nesting(*this);
    TargetSyntax inner = target(false);
    expect_operator(")");
    return inner;
  }
  made.name = take_name("a name to assign to");
  for (const char* constant : {"true", "True", "false", "False", "none", "None"}) {
    if (made.name == constant) {
      fail_at(made.offset, "expected a name to assign to, got " + made.name);
    }
  }
  if (may_be_namespace && skip_operator(".")) {
    made.attribute = take_name("the name of an attribute");
  }
  return made;
}

TargetSyntax TemplateParser::target(bool may_be_namespace) {
  TargetSyntax several;
  several.offset = current().offset;
  while (true) {
    several.items.push_back(single_target(may_be_namespace));
    if (!skip_operator(",")) {
      return several.items.size() == 1 ? std::move(several.items.front())
                                       : std::move(several);
    }
    if (is_operator(")") || current().kind == Kind::BlockEnd) {
      return several; // a comma at the end, as in {% set a, %}...{% endset %}
    }
  }
}

LoopSyntax TemplateParser::loop() {
  LoopSyntax node;
  node.target = target(false);
  expect_name("in");
  node.iterable = tuple(false);
  if (skip_name("if")) {
    node.condition = expression();
    node.condition_target = node.target;
  }
  node.is_recursive = skip_name("recursive");
  node.body = block({"else", "endfor"});
  if (take().text == "else") {
    node.otherwise = block_to("endfor");
  }
  return node;
}

IfSyntax TemplateParser::condition() {
  IfSyntax node;
  while (true) {
    ExpressionPointer test = tuple(false);
    node.branches.emplace_back(std::move(test), block({"elif", "else", "endif"}));
    const std::string end = take().text;
    if (end == "else") {
      node.otherwise = block_to("endif");
    }
    if (end != "elif") {
      return node;
    }
  }
}

void TemplateParser::set(TemplateStatement& statement) {
  TargetSyntax assigned = target(true);
  if (skip_operator("=")) {
    statement.node = SetSyntax{std::move(assigned), tuple()};
    return;
  }
  SetBlockSyntax node;
  node.target = std::move(assigned);
  if (skip_operator("|")) {
    node.filter = filter(nullptr);
  }
  node.body = block_to("endset");
  statement.node = std::move(node);
}

WithSyntax TemplateParser::with() {
  WithSyntax node;
  while (current().kind != Kind::BlockEnd && !is_operator(":")) {
    if (!node.targets.empty()) {
      expect_operator(",");
    }
    node.targets.push_back(single_target(false));
    expect_operator("=");
    node.values.push_back(expression());
  }
  node.body = block_to("endwith");
  return node;
}

void TemplateParser::signature(MacroSyntax& macro) {
  expect_operator("(");
  while (!is_operator(")")) {
    if (!macro.parameters.empty()) {
      expect_operator(",");
    }
    const size_t offset = current().offset;
    macro.parameters.push_back(take_name("the name of a parameter"));
    if (skip_operator("=")) {
      macro.defaults.push_back(expression());
    } else if (!macro.defaults.empty()) {
      fail_at(offset, "expected a default, as the parameter before has one, got none");
    }
  }
  take();
}

MacroSyntax TemplateParser::macro() {
  MacroSyntax node;
  node.name = take_name("the name of a macro");
  signature(node);
  node.body = block_to("endmacro");
  return node;
}

CallBlockSyntax TemplateParser::call_block() {
  CallBlockSyntax node;
  if (is_operator("(")) {
    signature(node.caller);
  }
  node.call = expression();
  if (!std::holds_alternative<CallSyntax>(node.call->node)) {
    fail_at(node.call->offset, "expected the call of a macro, got something else");
  }
  node.caller.body = block_to("endcall");
  return node;
}

FilterBlockSyntax TemplateParser::filter_block() {
  FilterBlockSyntax node;
  node.filter = filter(nullptr);
  node.body = block_to("endfilter");
  return node;
}

PrintSyntax TemplateParser::print() {
  PrintSyntax node;
  while (current().kind != Kind::BlockEnd) {
    if (!node.values.empty()) {
      expect_operator(",");
    }
    node.values.push_back(expression());
  }
  return node;
}

} // namespace omni
