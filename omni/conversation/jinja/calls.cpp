// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/interpreter.h"

namespace omni {
namespace {

constexpr int64_t kStepsPerCall = 8; // what a frame and a text of its own take

// The methods of Python's texts whose arguments have names.
bool has_names(const FunctionObject& function) {
  constexpr std::array kNames = {
      "split", "rsplit", "splitlines", "expandtabs", "format"};
  return !function.self.is_text() ||
      std::find(kNames.begin(), kNames.end(), std::string_view(function.entry.name)) !=
      kNames.end();
}

} // namespace

TemplateArguments TemplateInterpreter::arguments_of(const ArgumentsSyntax& syntax) {
  TemplateArguments given;
  for (const ExpressionPointer& value : syntax.positional) {
    given.positional.push_back(evaluate(*value));
  }
  for (const auto& [name, value] : syntax.keyword) {
    given.keyword.emplace_back(name, evaluate(*value));
  }
  if (syntax.more_positional) {
    const TemplateValue values = evaluate(*syntax.more_positional);
    for (TemplateValue& value : items_of(runtime_, values)) {
      given.positional.push_back(std::move(value));
    }
  }
  if (syntax.more_keyword) {
    const TemplateValue values = evaluate(*syntax.more_keyword);
    if (values.kind() != TemplateValue::Kind::Dict) {
      template_fault("expected a dict behind **, got " + type_name(values));
    }
    runtime_.charge(values.as_dict().size());
    for (const auto& [name, value] : values.as_dict().entries()) {
      if (!name.is_text()) {
        template_fault("expected names as keys of a dict behind **, got others");
      }
      given.keyword.emplace_back(name.as_text(), value);
    }
  }
  std::vector<std::string_view> names;
  for (const auto& [name, value] : given.keyword) {
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    template_fault("expected every argument once, got one twice");
  }
  return given;
}

TemplateValue TemplateInterpreter::call_with(
    const CallSyntax& node,
    size_t offset,
    const TemplateValue* caller) {
  const TemplateValue callee = evaluate(*node.callee);
  TemplateArguments given = arguments_of(node.arguments);
  offset_ = offset;
  if (caller != nullptr) {
    given.keyword.emplace_back("caller", *caller);
  }
  return call(callee, std::move(given));
}

TemplateValue TemplateInterpreter::call(
    const TemplateValue& callee,
    TemplateArguments arguments) {
  if (const auto* function = object_of<FunctionObject>(callee)) {
    if (!arguments.keyword.empty() && !has_names(*function)) {
      template_fault(
          std::string("expected arguments without names for ") + function->entry.name +
          "(), got names");
    }
    return function->entry.function(runtime_, function->self, arguments);
  }
  if (const auto* macro = object_of<MacroObject>(callee)) {
    return call_macro(*macro, std::move(arguments));
  }
  if (auto* loop = object_of<LoopObject>(callee)) {
    return call_loop(*loop, std::move(arguments));
  }
  if (auto* joiner = object_of<JoinerObject>(callee)) {
    expect_no_arguments("a joiner", arguments);
    const bool is_first = !std::exchange(joiner->was_called, true);
    return is_first ? TemplateValue("") : joiner->separator;
  }
  expect_defined(callee);
  template_fault(
      "expected something to call, got a value of type " + type_name(callee));
}

TemplateValue TemplateInterpreter::make_macro(const MacroSyntax& node) {
  runtime_.charge(1);
  keep(frame_);
  return {std::make_shared<MacroObject>(node, *frame_)};
}

TemplateValue TemplateInterpreter::call_macro(
    const MacroObject& macro,
    TemplateArguments arguments) {
  runtime_.charge(kStepsPerCall);
  std::string text = captured([&] {
    Scope scope(*this, &macro.frame);
    fill(scope.frame(), macro.syntax.frame);
    bind_parameters(macro, scope.frame(), arguments);
    const size_t num_required =
        macro.syntax.parameters.size() - macro.syntax.defaults.size();
    for (size_t i = 0; i < macro.syntax.parameters.size(); ++i) {
      const auto slot = static_cast<size_t>(macro.syntax.parameter_slots[i]);
      if (scope.frame().slots[slot]) {
        continue;
      }
      if (i < num_required) {
        scope.frame().slots[slot] = undefined(
            "parameter '" + macro.syntax.parameters[i] + "' was not provided");
      } else {
        // Evaluated first: frames do not move, but the slot may be read meanwhile.
        TemplateValue value = evaluate(*macro.syntax.defaults[i - num_required]);
        scope.frame().slots[slot] = std::move(value);
      }
    }
    run(macro.syntax.body);
  });
  return runtime_.text(std::move(text));
}

void TemplateInterpreter::bind_parameters(
    const MacroObject& macro,
    TemplateFrame& frame,
    TemplateArguments& arguments) {
  const MacroSyntax& syntax = macro.syntax;
  auto& positional = arguments.positional;
  auto& keyword = arguments.keyword;
  const auto taken = [&](const std::string& name) {
    std::optional<TemplateValue> value;
    const auto found = std::find_if(
        keyword.begin(), keyword.end(),
        [&](const auto& row) { return row.first == name; });
    if (found != keyword.end()) {
      value.emplace(std::move(found->second));
      keyword.erase(found);
    }
    return value;
  };
  bool has_caller = false;
  for (size_t i = 0; i < syntax.parameters.size(); ++i) {
    auto& slot = frame.slots[static_cast<size_t>(syntax.parameter_slots[i])];
    if (i < positional.size()) {
      slot = positional[i];
    } else {
      slot = taken(syntax.parameters[i]);
    }
    has_caller = has_caller || syntax.parameters[i] == "caller";
  }
  if (syntax.caller_slot >= 0 && !has_caller) {
    const auto caller = taken("caller");
    frame.slots[static_cast<size_t>(syntax.caller_slot)] =
        caller && !caller->is_none() ? *caller : undefined("No caller defined");
  }
  const std::string name = syntax.name.empty() ? "caller" : syntax.name;
  if (syntax.kwargs_slot >= 0) {
    TemplateValue::Entries entries;
    for (auto& [key, value] : keyword) {
      entries.emplace_back(TemplateValue(key), std::move(value));
    }
    frame.slots[static_cast<size_t>(syntax.kwargs_slot)] =
        runtime_.dict(std::move(entries));
  } else if (!keyword.empty()) {
    template_fault(
        "expected arguments that the macro " + name + " has, got \"" +
        keyword.front().first + "\"");
  }
  const size_t num_named = std::min(syntax.parameters.size(), positional.size());
  if (syntax.varargs_slot >= 0) {
    const auto rest = positional.begin() + static_cast<int64_t>(num_named);
    frame.slots[static_cast<size_t>(syntax.varargs_slot)] =
        runtime_.tuple({rest, positional.end()});
  } else if (positional.size() > num_named) {
    template_fault(
        "expected at most " + std::to_string(syntax.parameters.size()) +
        " arguments for the macro " + name + ", got " +
        std::to_string(positional.size()));
  }
}

TemplateValue TemplateInterpreter::call_loop(
    LoopObject& loop,
    TemplateArguments arguments) {
  const TemplateParameters given("loop", arguments, {"iterable"}, 1);
  if (loop.syntax == nullptr) {
    template_fault("expected a loop marked recursive to be called, got another");
  }
  std::string text =
      captured([&] { run_loop(*loop.syntax, given[0], loop.frame, loop.level + 1); });
  return runtime_.text(std::move(text));
}

} // namespace omni
