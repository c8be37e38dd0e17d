// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/symbols.h"

#include "omni/conversation/jinja/walk.h"

namespace omni {

using Source = FrameLayout::Source;

bool TemplateSymbols::has(const std::string& name) const {
  return slot_of(name) >= 0 || (parent_ != nullptr && parent_->has(name));
}

int32_t TemplateSymbols::slot_of(const std::string& name) const {
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? -1 : found->second.slot;
}

VariablePlace TemplateSymbols::place_of(const std::string& name) const {
  VariablePlace place;
  for (const TemplateSymbols* scope = this; scope != nullptr; scope = scope->parent_) {
    place.slot = scope->slot_of(name);
    if (place.slot >= 0) {
      break;
    }
    ++place.num_frames;
  }
  return place;
}

FrameLayout TemplateSymbols::layout() const {
  FrameLayout layout;
  layout.slots.resize(symbols_.size());
  for (const auto& [name, symbol] : symbols_) {
    FrameLayout::Slot& slot = layout.slots[static_cast<size_t>(symbol.slot)];
    slot.name = name;
    slot.source = symbol.source;
    if (symbol.source == Source::Outer) {
      slot.outer = parent_->place_of(name);
      ++slot.outer.num_frames;
    }
  }
  return layout;
}

void TemplateSymbols::define(const std::string& name, Source source) {
  // Published templates have a few dozen; the time to compile grows with the square.
  constexpr size_t kMaxNames = 256;
  const auto slot = static_cast<int32_t>(symbols_.size());
  symbols_.emplace(name, Symbol{slot, source}).first->second.source = source;
  if (symbols_.size() > kMaxNames) {
    template_fault(
        "expected up to " + std::to_string(kMaxNames) +
        " names in a block, a loop or a macro, got more");
  }
}

void TemplateSymbols::declare(const std::string& parameter) {
  stores_.insert(parameter);
  define(parameter, Source::Parameter);
}

void TemplateSymbols::declare(const TargetSyntax& parameter) {
  if (!parameter.name.empty()) {
    declare(parameter.name);
  }
  for (const TargetSyntax& item : parameter.items) {
    declare(item);
  }
}

void TemplateSymbols::store(const std::string& name) {
  stores_.insert(name);
  if (slot_of(name) < 0) {
    const bool is_outside = parent_ != nullptr && parent_->has(name);
    define(name, is_outside ? Source::Outer : Source::Nothing);
  }
}

void TemplateSymbols::store(const TargetSyntax& target) {
  if (!target.attribute.empty()) {
    load(target.name); // of a namespace
  } else if (!target.name.empty()) {
    store(target.name);
  }
  for (const TargetSyntax& item : target.items) {
    store(item);
  }
}

void TemplateSymbols::load(const std::string& name) {
  if (!has(name)) {
    define(name, Source::Context);
  }
}

void TemplateSymbols::load(const TemplateExpression& expression) {
  if (const auto* name = std::get_if<NameSyntax>(&expression.node)) {
    load(name->name);
  }
  for_each_part(
      expression.node, [this](const ExpressionPointer& part) { load(*part); });
}

void TemplateSymbols::load(const ExpressionPointer& expression) {
  if (expression) {
    load(*expression);
  }
}

void TemplateSymbols::read(const StatementList& statements) {
  for (const TemplateStatement& statement : statements) {
    read(statement);
  }
}

// What a name means after an if: assigned in one branch alone, it is what it was
// before.
void TemplateSymbols::merge(const std::vector<TemplateSymbols>& branches) {
  std::set<std::string> stored;
  for (const TemplateSymbols& branch : branches) {
    stored.insert(branch.stores_.begin(), branch.stores_.end());
  }
  std::erase_if(stored, [this](const auto& name) { return stores_.count(name) > 0; });
  for (const TemplateSymbols& branch : branches) {
    for (const auto& [name, symbol] : branch.symbols_) {
      define(name, symbol.source);
    }
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  for (const std::string& name : stored) {
    const bool is_outside = parent_ != nullptr && parent_->has(name);
    define(name, is_outside ? Source::Outer : Source::Context);
  }
}

void TemplateSymbols::read(const TemplateStatement& statement) {
  if (const auto* print = std::get_if<PrintSyntax>(&statement.node)) {
    for (const ExpressionPointer& value : print->values) {
      load(value);
    }
  } else if (const auto* loop = std::get_if<LoopSyntax>(&statement.node)) {
    load(loop->iterable);
  } else if (const auto* condition = std::get_if<IfSyntax>(&statement.node)) {
    // An elif is an if inside; only its own branches end before the next.
    load(condition->branches.front().first);
    TemplateSymbols body = *this;
    body.read(condition->branches.front().second);
    TemplateSymbols others = *this;
    for (size_t i = 1; i < condition->branches.size(); ++i) {
      others.load(condition->branches[i].first);
      TemplateSymbols inner = others;
      inner.read(condition->branches[i].second);
      others.merge({inner, others, others});
    }
    TemplateSymbols otherwise = *this;
    otherwise.read(condition->otherwise);
    merge({body, others, otherwise});
  } else if (const auto* set = std::get_if<SetSyntax>(&statement.node)) {
    load(set->value);
    store(set->target);
  } else if (const auto* block = std::get_if<SetBlockSyntax>(&statement.node)) {
    store(block->target);
  } else if (const auto* macro = std::get_if<MacroSyntax>(&statement.node)) {
    store(macro->name);
  } else if (const auto* call = std::get_if<CallBlockSyntax>(&statement.node)) {
    load(call->call);
  } else if (const auto* filter = std::get_if<FilterBlockSyntax>(&statement.node)) {
    load(filter->filter);
  } else if (const auto* with = std::get_if<WithSyntax>(&statement.node)) {
    for (const ExpressionPointer& value : with->values) {
      load(value);
    }
  }
}

namespace {

class UndeclaredNames {
 public:
  explicit UndeclaredNames(std::set<std::string> names) : names_(std::move(names)) {}

  void read(const ExpressionPointer& expression) {
    if (!expression) {
      return;
    }
    if (const auto* name = std::get_if<NameSyntax>(&expression->node)) {
      if (names_.count(name->name) > 0) {
        found_.insert(name->name);
      }
    }
    for_each_part(
        expression->node, [this](const ExpressionPointer& part) { read(part); });
  }

  void assign(const TargetSyntax& target) {
    if (target.attribute.empty()) {
      names_.erase(target.name);
    }
    for (const TargetSyntax& item : target.items) {
      assign(item);
    }
  }

  void read(const StatementList& statements) {
    for (const TemplateStatement& statement : statements) {
      std::visit([this](const auto& node) { read_node(node); }, statement.node);
    }
  }

  std::set<std::string> take() {
    return std::move(found_);
  }

 private:
  void read_node(const TextSyntax&) {}
  void read_node(const LoopControlSyntax&) {}
  void read_node(const PrintSyntax& node) {
    for (const ExpressionPointer& value : node.values) {
      read(value);
    }
  }
  void read_node(const LoopSyntax& node) {
    assign(node.target);
    read(node.iterable);
    read(node.body);
    read(node.otherwise);
    read(node.condition);
  }
  void read_node(const IfSyntax& node) {
    for (const auto& [condition, body] : node.branches) {
      read(condition);
      read(body);
    }
    read(node.otherwise);
  }
  void read_node(const SetSyntax& node) {
    assign(node.target);
    read(node.value);
  }
  void read_node(const SetBlockSyntax& node) {
    assign(node.target);
    read(node.filter);
    read(node.body);
  }
  void read_node(const MacroSyntax& node) {
    for (const std::string& parameter : node.parameters) {
      names_.erase(parameter);
    }
    for (const ExpressionPointer& value : node.defaults) {
      read(value);
    }
    read(node.body);
  }
  void read_node(const CallBlockSyntax& node) {
    read(node.call);
    read_node(node.caller);
  }
  void read_node(const FilterBlockSyntax& node) {
    read(node.body);
    read(node.filter);
  }
  void read_node(const WithSyntax& node) {
    for (const TargetSyntax& target : node.targets) {
      assign(target);
    }
    for (const ExpressionPointer& value : node.values) {
      read(value);
    }
    read(node.body);
  }

  std::set<std::string> names_;
  std::set<std::string> found_;
};

} // namespace

std::set<std::string> undeclared_names(
    const StatementList& statements,
    std::set<std::string> names) {
  UndeclaredNames reader(std::move(names));
  reader.read(statements);
  return reader.take();
}

} // namespace omni
