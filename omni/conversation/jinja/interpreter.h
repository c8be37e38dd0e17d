// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: one rendering of a template. Walks the tree; frames of variables live on
// the stack of calls, or to the end where a macro may still read them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "omni/conversation/jinja/macro.h"
#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/syntax.h"

namespace omni {

class TemplateInterpreter {
 public:
  // All of these outlive this.
  TemplateInterpreter(
      const TemplateSyntax& syntax,
      std::string_view source,
      const ChatTemplateOptions& options,
      const ChatTemplate::Variables& variables);
  ~TemplateInterpreter();
  TemplateInterpreter(const TemplateInterpreter&) = delete;
  TemplateInterpreter& operator=(const TemplateInterpreter&) = delete;

  // ValueError [chat_template] with the place of what failed.
  [[nodiscard]] std::string render();

 private:
  enum class Flow { Next, Break, Continue };
  class Scope; // a frame as long as it is in use

  // Variables.
  void fill(TemplateFrame& frame, const FrameLayout& layout);
  [[nodiscard]] std::optional<TemplateValue>& variable(VariablePlace place);
  [[nodiscard]] std::optional<TemplateValue> context_variable(
      const std::string& name) const;
  void assign(const TargetSyntax& target, const TemplateValue& value);
  void expect_namespaces(const TargetSyntax& target);
  // So that macros and loops may read it and those around it after its end.
  static void keep(TemplateFrame* frame);
  void print(std::string_view text);
  void print_text(const TemplateValue& value); // a fault if it is none
  // What is printed meanwhile.
  template <class Work>
  [[nodiscard]] std::string captured(const Work& work);

  // Statements.
  Flow run(const StatementList& statements);
  Flow run_node(const TextSyntax& node);
  Flow run_node(const PrintSyntax& node);
  Flow run_node(const LoopSyntax& node);
  Flow run_node(const IfSyntax& node);
  Flow run_node(const SetSyntax& node);
  Flow run_node(const SetBlockSyntax& node);
  Flow run_node(const MacroSyntax& node);
  Flow run_node(const CallBlockSyntax& node);
  Flow run_node(const FilterBlockSyntax& node);
  Flow run_node(const WithSyntax& node);
  Flow run_node(const LoopControlSyntax& node);
  // In the frame around the loop, at a level of recursion.
  Flow run_loop(
      const LoopSyntax& node,
      TemplateValue values,
      TemplateFrame* around,
      int64_t level);
  bool run_items(
      const LoopSyntax& node,
      TemplateValue values,
      TemplateFrame* around,
      int64_t level);
  [[nodiscard]] TemplateValue
  filtered(const LoopSyntax& node, const TemplateValue& values, TemplateFrame* around);

  // Expressions.
  TemplateValue evaluate(const TemplateExpression& expression);
  TemplateValue evaluate_or_none(const ExpressionPointer& expression);
  TemplateValue value_of(const LiteralSyntax& node, size_t offset);
  TemplateValue value_of(const NameSyntax& node, size_t offset);
  TemplateValue value_of(const AttributeSyntax& node, size_t offset);
  TemplateValue value_of(const ItemSyntax& node, size_t offset);
  TemplateValue value_of(const SliceSyntax& node, size_t offset);
  TemplateValue value_of(const CallSyntax& node, size_t offset);
  TemplateValue value_of(const FilterSyntax& node, size_t offset);
  TemplateValue value_of(const TestSyntax& node, size_t offset);
  TemplateValue value_of(const UnarySyntax& node, size_t offset);
  TemplateValue value_of(const BinarySyntax& node, size_t offset);
  TemplateValue value_of(const LogicSyntax& node, size_t offset);
  TemplateValue value_of(const CompareSyntax& node, size_t offset);
  TemplateValue value_of(const JoinSyntax& node, size_t offset);
  TemplateValue value_of(const ConditionSyntax& node, size_t offset);
  TemplateValue value_of(const SequenceSyntax& node, size_t offset);
  TemplateValue value_of(const DictSyntax& node, size_t offset);
  [[nodiscard]] bool
  compares(CompareOperator op, const TemplateValue& left, const TemplateValue& right);

  // Calls.
  TemplateArguments arguments_of(const ArgumentsSyntax& syntax);
  TemplateValue call(const TemplateValue& callee, TemplateArguments arguments);
  TemplateValue call_macro(const MacroObject& macro, TemplateArguments arguments);
  void bind_parameters(
      const MacroObject& macro,
      TemplateFrame& frame,
      TemplateArguments& arguments);
  TemplateValue call_loop(LoopObject& loop, TemplateArguments arguments);
  TemplateValue make_macro(const MacroSyntax& node);
  TemplateValue
  call_with(const CallSyntax& node, size_t offset, const TemplateValue* caller);

  const TemplateSyntax& syntax_;
  std::string_view source_;
  const ChatTemplateOptions& options_;
  std::unordered_map<std::string, TemplateValue> variables_;
  TemplateRuntime runtime_;
  std::vector<std::unique_ptr<TemplateFrame>> kept_frames_;
  TemplateFrame* frame_ = nullptr; // innermost
  std::string* out_ = nullptr;
  const TemplateValue* block_text_ = nullptr; // the input of a filter block
  size_t offset_ = 0; // of what is computed, for errors
};

// A frame around the current one, filled by its layout; the innermost until destroyed.
class TemplateInterpreter::Scope {
 public:
  Scope(TemplateInterpreter& interpreter, TemplateFrame* parent);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  [[nodiscard]] TemplateFrame& frame() {
    return *frame_;
  }

 private:
  TemplateInterpreter& interpreter_;
  TemplateFrame* before_;
  std::unique_ptr<TemplateFrame> frame_;
};

template <class Work>
std::string TemplateInterpreter::captured(const Work& work) {
  struct Restored {
    std::string*& out;
    std::string* before;
    ~Restored() {
      out = before;
    }
  };
  std::string text;
  const Restored restored{out_, out_};
  out_ = &text;
  work();
  return text;
}

} // namespace omni
