// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the names of one scope of a template, found by reading its statements in
// order. A name that is read first holds what the render call gave; one that is
// assigned first holds nothing until then, even where the call gave it. These are
// jinja2's rules.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "omni/conversation/jinja/syntax.h"

namespace omni {

class TemplateSymbols {
 public:
  explicit TemplateSymbols(const TemplateSymbols* parent = nullptr) : parent_(parent) {}

  void declare(const std::string& parameter);
  void declare(const TargetSyntax& parameter);
  void store(const std::string& name);
  void store(const TargetSyntax& target);
  void load(const std::string& name);
  void load(const TemplateExpression& expression);
  void load(const ExpressionPointer& expression); // which may be null
  // What the statements of this very scope read and assign, not those of inner scopes.
  void read(const StatementList& statements);

  [[nodiscard]] bool has(const std::string& name) const; // here or outside
  // Where a name is found, seen from this scope. It must have been read or assigned.
  [[nodiscard]] VariablePlace place_of(const std::string& name) const;
  [[nodiscard]] int32_t slot_of(const std::string& name) const; // in this very scope
  [[nodiscard]] FrameLayout layout() const;

 private:
  struct Symbol {
    int32_t slot;
    FrameLayout::Source source;
  };

  void define(const std::string& name, FrameLayout::Source source);
  void merge(const std::vector<TemplateSymbols>& branches);
  void read(const TemplateStatement& statement);

  const TemplateSymbols* parent_;
  std::map<std::string, Symbol> symbols_;
  std::set<std::string> stores_;
};

// Which of `names` the statements read before they assign to it, inner scopes included.
[[nodiscard]] std::set<std::string> undeclared_names(
    const StatementList& statements,
    std::set<std::string> names);

} // namespace omni
