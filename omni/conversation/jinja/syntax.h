// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: a template as a tree of expressions and statements. Which variable a name
// means is settled before anything runs (scopes.h), as jinja2's compiler does
// it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

struct TemplateExpression;
struct TemplateStatement;
using ExpressionPointer = std::unique_ptr<TemplateExpression>;
using StatementList = std::vector<TemplateStatement>;

// A variable: so many frames outwards, at that place in the frame.
struct VariablePlace {
  int32_t num_frames = 0;
  int32_t slot = -1;
};

// The variables of one scope and what each holds when the scope is entered.
struct FrameLayout {
  enum class Source { Parameter, Context, Outer, Nothing };
  struct Slot {
    std::string name;
    Source source = Source::Nothing;
    VariablePlace outer; // seen from this frame, when the source is Outer
  };
  std::vector<Slot> slots;
};

struct ArgumentsSyntax {
  std::vector<ExpressionPointer> positional;
  std::vector<std::pair<std::string, ExpressionPointer>> keyword;
  ExpressionPointer more_positional; // *args
  ExpressionPointer more_keyword; // **kwargs
};

struct LiteralSyntax {
  TemplateValue value;
};
struct NameSyntax {
  std::string name;
  VariablePlace place;
};
struct AttributeSyntax {
  ExpressionPointer object;
  TemplateValue name;
};
struct ItemSyntax {
  ExpressionPointer object;
  ExpressionPointer index;
};
struct SliceSyntax {
  ExpressionPointer object;
  ExpressionPointer start; // null where there is none, as the others
  ExpressionPointer stop;
  ExpressionPointer step;
};
struct CallSyntax {
  ExpressionPointer callee;
  ArgumentsSyntax arguments;
};
struct FilterSyntax {
  ExpressionPointer input; // null: the text of a block
  std::string name;
  TemplateFunction function = nullptr; // null for a name that is no filter
  ArgumentsSyntax arguments;
};
struct TestSyntax {
  ExpressionPointer input;
  std::string name;
  TemplateFunction function = nullptr;
  ArgumentsSyntax arguments;
};
enum class UnaryOperator { Not, Minus, Plus };
struct UnarySyntax {
  UnaryOperator op;
  ExpressionPointer operand;
};
enum class BinaryOperator {
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Power
};
struct BinarySyntax {
  BinaryOperator op;
  ExpressionPointer left;
  ExpressionPointer right;
};
struct LogicSyntax {
  bool is_and;
  ExpressionPointer left;
  ExpressionPointer right;
};
enum class CompareOperator {
  Equal,
  Unequal,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,
  NotIn
};
struct CompareSyntax {
  ExpressionPointer first;
  std::vector<std::pair<CompareOperator, ExpressionPointer>> rest;
};
struct JoinSyntax { // a ~ b
  std::vector<ExpressionPointer> parts;
};
struct ConditionSyntax { // a if b else c
  ExpressionPointer condition;
  ExpressionPointer value;
  ExpressionPointer otherwise; // null where there is none
};
struct SequenceSyntax {
  bool is_tuple;
  std::vector<ExpressionPointer> items;
};
struct DictSyntax {
  std::vector<std::pair<ExpressionPointer, ExpressionPointer>> entries;
};

struct TemplateExpression {
  using Node = std::variant<
      LiteralSyntax,
      NameSyntax,
      AttributeSyntax,
      ItemSyntax,
      SliceSyntax,
      CallSyntax,
      FilterSyntax,
      TestSyntax,
      UnarySyntax,
      BinarySyntax,
      LogicSyntax,
      CompareSyntax,
      JoinSyntax,
      ConditionSyntax,
      SequenceSyntax,
      DictSyntax>;

  size_t offset = 0;
  int32_t depth = 1; // of the tree
  Node node;
};

// One more than that of the deepest part.
[[nodiscard]] int32_t depth_of(const TemplateExpression::Node& node);

// What is assigned to: a name, an attribute of a namespace, or several of these.
struct TargetSyntax {
  size_t offset = 0;
  std::string name; // empty for several
  std::string attribute; // of the namespace called `name`
  VariablePlace place;
  std::vector<TargetSyntax> items;
};

struct TextSyntax {
  std::string text;
};
struct PrintSyntax {
  std::vector<ExpressionPointer> values;
};
struct LoopSyntax {
  TargetSyntax target;
  ExpressionPointer iterable;
  ExpressionPointer condition; // null where there is none
  TargetSyntax condition_target; // the same names in the condition's frame
  StatementList body;
  StatementList otherwise;
  bool is_recursive = false;
  int32_t loop_slot = -1; // of the variable `loop`, when something reads it
  FrameLayout body_frame;
  FrameLayout condition_frame;
  FrameLayout otherwise_frame;
};
struct IfSyntax {
  std::vector<std::pair<ExpressionPointer, StatementList>> branches;
  StatementList otherwise;
};
struct SetSyntax {
  TargetSyntax target;
  ExpressionPointer value;
};
struct SetBlockSyntax {
  TargetSyntax target;
  ExpressionPointer filter; // null where there is none
  StatementList body;
  FrameLayout frame;
};
struct MacroSyntax {
  std::string name; // empty for the body of a call block
  VariablePlace place; // that the macro is assigned to
  std::vector<std::string> parameters;
  std::vector<ExpressionPointer> defaults; // of the last parameters
  StatementList body;
  // Slots in the frame; -1 where the body does not read it.
  std::vector<int32_t> parameter_slots;
  int32_t caller_slot = -1;
  int32_t kwargs_slot = -1;
  int32_t varargs_slot = -1;
  FrameLayout frame;
};
struct CallBlockSyntax {
  MacroSyntax caller;
  ExpressionPointer call; // null for {% generation %}, which prints what its body does
};
struct FilterBlockSyntax {
  ExpressionPointer filter;
  StatementList body;
  FrameLayout frame;
};
struct WithSyntax {
  std::vector<TargetSyntax> targets;
  std::vector<ExpressionPointer> values;
  StatementList body;
  FrameLayout frame;
};
struct LoopControlSyntax {
  bool is_break;
};

struct TemplateStatement {
  size_t offset = 0;
  std::variant<
      TextSyntax,
      PrintSyntax,
      LoopSyntax,
      IfSyntax,
      SetSyntax,
      SetBlockSyntax,
      MacroSyntax,
      CallBlockSyntax,
      FilterBlockSyntax,
      WithSyntax,
      LoopControlSyntax>
      node;
};

struct TemplateSyntax {
  StatementList body;
  FrameLayout frame;
};

} // namespace omni
