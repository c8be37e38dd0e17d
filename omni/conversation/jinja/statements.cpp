// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/interpreter.h"
#include "omni/conversation/jinja/print.h"

namespace omni {

TemplateInterpreter::Flow TemplateInterpreter::run(const StatementList& statements) {
  const TemplateDepth depth(runtime_);
  for (const TemplateStatement& statement : statements) {
    runtime_.charge(1);
    offset_ = statement.offset;
    const Flow flow =
        std::visit([this](const auto& node) { return run_node(node); }, statement.node);
    if (flow != Flow::Next) {
      return flow;
    }
  }
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const TextSyntax& node) {
  print(node.text);
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const PrintSyntax& node) {
  for (const ExpressionPointer& expression : node.values) {
    const TemplateValue value = evaluate(*expression);
    offset_ = expression->offset;
    if (value.is_text()) {
      print(value.as_text());
    } else {
      print(to_text(runtime_, value));
    }
  }
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const IfSyntax& node) {
  for (const auto& [condition, body] : node.branches) {
    if (is_true(evaluate(*condition))) {
      return run(body);
    }
  }
  return run(node.otherwise);
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const LoopControlSyntax& node) {
  return node.is_break ? Flow::Break : Flow::Continue;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const LoopSyntax& node) {
  TemplateValue values = evaluate(*node.iterable);
  offset_ = node.iterable->offset;
  if (!node.is_recursive) {
    return run_loop(node, std::move(values), frame_, 0);
  }
  print(captured([&] { run_loop(node, std::move(values), frame_, 0); }));
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_loop(
    const LoopSyntax& node,
    TemplateValue values,
    TemplateFrame* around,
    int64_t level) {
  const bool has_run = run_items(node, std::move(values), around, level);
  if (has_run || node.otherwise.empty()) {
    return Flow::Next;
  }
  Scope scope(*this, around);
  fill(scope.frame(), node.otherwise_frame);
  return run(node.otherwise);
}

// Whether the body ran to its end once. As in jinja2, `else` comes after a loop that
// every time ended in a break or a continue.
bool TemplateInterpreter::run_items(
    const LoopSyntax& node,
    TemplateValue values,
    TemplateFrame* around,
    int64_t level) {
  if (node.condition) {
    values = filtered(node, values, around);
  }
  std::shared_ptr<LoopObject> loop;
  std::optional<TemplateIterator> items;
  TemplateValue self;
  if (node.loop_slot >= 0) {
    loop = std::make_shared<LoopObject>(runtime_, std::move(values), level);
    self = runtime_.keep(loop);
    if (node.is_recursive) {
      loop->syntax = &node;
      loop->frame = around;
      keep(around);
    }
  } else {
    items.emplace(runtime_, std::move(values));
  }
  bool has_run = false;
  Scope scope(*this, around);
  while (auto item = loop ? loop->advance() : items->next()) {
    fill(scope.frame(), node.body_frame);
    if (loop) {
      scope.frame().slots[static_cast<size_t>(node.loop_slot)] = self;
    }
    assign(node.target, *item);
    const Flow flow = run(node.body);
    if (flow == Flow::Break) {
      break;
    }
    has_run = has_run || flow == Flow::Next;
  }
  return has_run;
}

TemplateValue TemplateInterpreter::filtered(
    const LoopSyntax& node,
    const TemplateValue& values,
    TemplateFrame* around) {
  // The loop may outlive the frames around it.
  keep(around);
  auto frame = std::make_shared<TemplateFrame>();
  frame->parent = around;
  const auto next = [this, &node, frame,
                     rest = TemplateIterator(
                         runtime_, values)]() mutable -> std::optional<TemplateValue> {
    struct Restored {
      TemplateFrame*& innermost;
      TemplateFrame* before;
      ~Restored() {
        innermost = before;
      }
    };
    const Restored restored{frame_, frame_};
    frame_ = frame.get();
    while (auto item = rest.next()) {
      fill(*frame, node.condition_frame);
      assign(node.condition_target, *item);
      if (is_true(evaluate(*node.condition))) {
        return item;
      }
    }
    return std::nullopt;
  };
  return runtime_.checked(generator(next, values.depth()));
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const SetSyntax& node) {
  expect_namespaces(node.target);
  const TemplateValue value = evaluate(*node.value);
  offset_ = node.target.offset;
  assign(node.target, value);
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const SetBlockSyntax& node) {
  TemplateValue value;
  Flow flow = Flow::Next;
  {
    Scope scope(*this, frame_);
    fill(scope.frame(), node.frame);
    value = runtime_.text(captured([&] { flow = run(node.body); }));
    if (node.filter && flow == Flow::Next) {
      const TemplateValue text = value;
      block_text_ = &text;
      value = evaluate(*node.filter);
    }
  }
  if (flow == Flow::Next) {
    assign(node.target, value);
  }
  return flow;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const FilterBlockSyntax& node) {
  Scope scope(*this, frame_);
  fill(scope.frame(), node.frame);
  Flow flow = Flow::Next;
  const TemplateValue text = runtime_.text(captured([&] { flow = run(node.body); }));
  if (flow == Flow::Next) {
    block_text_ = &text;
    print_text(evaluate(*node.filter));
  }
  return flow;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const WithSyntax& node) {
  TemplateValue::Items values;
  for (const ExpressionPointer& value : node.values) {
    values.push_back(evaluate(*value));
  }
  Scope scope(*this, frame_);
  fill(scope.frame(), node.frame);
  for (size_t i = 0; i < values.size(); ++i) {
    assign(node.targets[i], values[i]);
  }
  return run(node.body);
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const MacroSyntax& node) {
  variable(node.place) = make_macro(node);
  return Flow::Next;
}

TemplateInterpreter::Flow TemplateInterpreter::run_node(const CallBlockSyntax& node) {
  const TemplateValue caller = make_macro(node.caller);
  if (node.call) {
    print_text(
        call_with(std::get<CallSyntax>(node.call->node), node.call->offset, &caller));
  } else {
    print_text(call(caller, {}));
  }
  return Flow::Next;
}

} // namespace omni
