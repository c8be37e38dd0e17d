// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/scopes.h"

#include <algorithm>

#include "omni/conversation/jinja/lexer.h"
#include "omni/conversation/jinja/symbols.h"
#include "omni/conversation/jinja/walk.h"

namespace omni {
namespace {

class ScopeResolver {
 public:
  explicit ScopeResolver(std::string_view source) : source_(source) {}

  void resolve(StatementList& statements, const TemplateSymbols& scope) {
    for (TemplateStatement& statement : statements) {
      offset_ = statement.offset;
      std::visit([&](auto& node) { resolve_node(node, scope); }, statement.node);
    }
  }

 private:
  // A change that ends with the block it is made in.
  template <class Value>
  class Within {
   public:
    Within(Value& variable, Value value) : variable_(variable), before_(variable) {
      variable_ = value;
    }
    ~Within() {
      variable_ = before_;
    }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Value& variable_;
    Value before_;
  };

  void resolve(const ExpressionPointer& expression, const TemplateSymbols& scope) {
    if (!expression) {
      return;
    }
    if (auto* name = std::get_if<NameSyntax>(&expression->node)) {
      name->place = scope.place_of(name->name);
    } else if (const auto* filter = std::get_if<FilterSyntax>(&expression->node)) {
      expect_known(*expression, filter->function, "filter", filter->name);
    } else if (const auto* test = std::get_if<TestSyntax>(&expression->node)) {
      expect_known(*expression, test->function, "test", test->name);
    }
    // What may never be reached is looked up when it is.
    const bool is_condition = std::holds_alternative<ConditionSyntax>(expression->node);
    const Within<bool> within(is_optional_, is_optional_ || is_condition);
    for_each_part(
        expression->node, [&](const ExpressionPointer& part) { resolve(part, scope); });
  }

  void expect_known(
      const TemplateExpression& expression,
      TemplateFunction function,
      const char* kind,
      const std::string& name) const {
    if (function == nullptr && !is_optional_) {
      template_error(
          source_, expression.offset,
          std::string("expected the name of a ") + kind + ", got \"" +
              name.substr(0, 60) + "\"");
    }
  }

  void resolve(TargetSyntax& target, const TemplateSymbols& scope, bool is_set = true) {
    if (!target.name.empty()) {
      if (is_set && is_in_loop_ && target.attribute.empty() && target.name == "loop") {
        template_error(
            source_, target.offset,
            "expected no assignment to the variable loop inside of a loop");
      }
      target.place = scope.place_of(target.name);
    }
    for (TargetSyntax& item : target.items) {
      resolve(item, scope, is_set);
    }
  }

  void resolve_node(TextSyntax&, const TemplateSymbols&) {}

  void resolve_node(LoopControlSyntax&, const TemplateSymbols&) {
    if (!may_break_) {
      template_error(source_, offset_, "expected break and continue inside of a loop");
    }
  }

  void resolve_node(PrintSyntax& node, const TemplateSymbols& scope) {
    for (const ExpressionPointer& value : node.values) {
      resolve(value, scope);
    }
  }

  void resolve_node(LoopSyntax& node, const TemplateSymbols& scope) {
    const Within<bool> in_loop(is_in_loop_, true);
    const Within<bool> certain(is_optional_, false);
    resolve(node.iterable, scope);
    TemplateSymbols body(&scope);
    if (node.is_recursive || !undeclared_names(node.body, {"loop"}).empty()) {
      body.declare("loop");
      node.loop_slot = body.slot_of("loop");
    }
    body.declare(node.target);
    body.read(node.body);
    resolve(node.target, body);
    if (node.condition) {
      TemplateSymbols condition(&scope);
      condition.declare(node.condition_target);
      condition.load(node.condition);
      resolve(node.condition_target, condition);
      resolve(node.condition, condition);
      node.condition_frame = condition.layout();
    }
    {
      const Within<bool> breaks(may_break_, true);
      resolve(node.body, body);
    }
    node.body_frame = body.layout();
    TemplateSymbols otherwise(&scope);
    otherwise.read(node.otherwise);
    resolve(node.otherwise, otherwise);
    node.otherwise_frame = otherwise.layout();
  }

  void resolve_node(IfSyntax& node, const TemplateSymbols& scope) {
    const Within<bool> optional(is_optional_, true);
    for (auto& [condition, body] : node.branches) {
      resolve(condition, scope);
      resolve(body, scope);
    }
    resolve(node.otherwise, scope);
  }

  void resolve_node(SetSyntax& node, const TemplateSymbols& scope) {
    resolve(node.value, scope);
    resolve(node.target, scope);
  }

  void resolve_node(SetBlockSyntax& node, const TemplateSymbols& scope) {
    resolve(node.target, scope);
    TemplateSymbols inner(&scope);
    inner.read(node.body);
    inner.load(node.filter);
    const Within<bool> certain(is_optional_, false);
    resolve(node.body, inner);
    resolve(node.filter, inner);
    node.frame = inner.layout();
  }

  void resolve_node(MacroSyntax& node, const TemplateSymbols& scope) {
    if (!node.name.empty()) {
      node.place = scope.place_of(node.name);
    }
    TemplateSymbols inner(&scope);
    for (const std::string& parameter : node.parameters) {
      inner.declare(parameter);
    }
    for (const ExpressionPointer& value : node.defaults) {
      inner.load(value);
    }
    inner.read(node.body);
    const auto is_parameter = [&](const std::string& name) {
      return std::find(node.parameters.begin(), node.parameters.end(), name) !=
          node.parameters.end();
    };
    for (const auto& name :
         undeclared_names(node.body, {"caller", "kwargs", "varargs"})) {
      if (!is_parameter(name)) {
        inner.declare(name);
      } else if (name == "caller" && !has_default(node, name)) {
        template_error(
            source_, offset_, "expected a default for the parameter caller, got none");
      }
      (name == "caller"       ? node.caller_slot
           : name == "kwargs" ? node.kwargs_slot
                              : node.varargs_slot) =
          is_parameter(name) && name != "caller" ? -1 : inner.slot_of(name);
    }
    for (const std::string& parameter : node.parameters) {
      node.parameter_slots.push_back(inner.slot_of(parameter));
    }
    const Within<bool> certain(is_optional_, false);
    const Within<bool> breaks(may_break_, false);
    for (const ExpressionPointer& value : node.defaults) {
      resolve(value, inner);
    }
    resolve(node.body, inner);
    node.frame = inner.layout();
  }

  static bool has_default(const MacroSyntax& node, const std::string& parameter) {
    const auto place =
        std::find(node.parameters.begin(), node.parameters.end(), parameter);
    return node.parameters.end() - place <= static_cast<int64_t>(node.defaults.size());
  }

  void resolve_node(CallBlockSyntax& node, const TemplateSymbols& scope) {
    resolve_node(node.caller, scope);
    resolve(node.call, scope);
  }

  void resolve_node(FilterBlockSyntax& node, const TemplateSymbols& scope) {
    TemplateSymbols inner(&scope);
    inner.read(node.body);
    inner.load(node.filter);
    const Within<bool> certain(is_optional_, false);
    resolve(node.body, inner);
    resolve(node.filter, inner);
    node.frame = inner.layout();
  }

  void resolve_node(WithSyntax& node, const TemplateSymbols& scope) {
    for (const ExpressionPointer& value : node.values) {
      resolve(value, scope);
    }
    TemplateSymbols inner(&scope);
    for (TargetSyntax& target : node.targets) {
      inner.declare(target);
    }
    inner.read(node.body);
    for (TargetSyntax& target : node.targets) {
      resolve(target, inner, false);
    }
    const Within<bool> certain(is_optional_, false);
    resolve(node.body, inner);
    node.frame = inner.layout();
  }

  std::string_view source_;
  size_t offset_ = 0; // of the statement
  bool is_in_loop_ = false;
  bool may_break_ = false;
  bool is_optional_ = false; // inside an if
};

} // namespace

TemplateSyntax resolved_template(StatementList body, std::string_view source) {
  TemplateSyntax made;
  made.body = std::move(body);
  TemplateSymbols symbols;
  symbols.read(made.body);
  ScopeResolver(source).resolve(made.body, symbols);
  made.frame = symbols.layout();
  return made;
}

} // namespace omni
