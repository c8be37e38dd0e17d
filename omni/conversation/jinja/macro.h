// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the variables of a scope while it runs, macros, and the variable `loop`.
#pragma once

#include <memory>
#include <optional>

#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/syntax.h"

namespace omni {

struct TemplateFrame {
  TemplateFrame* parent = nullptr;
  std::vector<std::optional<TemplateValue>> slots; // none: assigned to later
  bool is_kept = false; // a macro may still read it after the scope has ended
};

struct MacroObject : TemplateObject {
  static constexpr Kind kKind = Kind::Macro;
  // Both live as long as the rendering.
  MacroObject(const MacroSyntax& definition, TemplateFrame& around)
      : TemplateObject(kKind), syntax(definition), frame(around) {}
  [[nodiscard]] const std::string& name() const {
    return syntax.name;
  }
  const MacroSyntax& syntax;
  TemplateFrame& frame;
};

// Where a loop is and what comes next; items are taken one by one.
struct LoopObject : TemplateObject {
  static constexpr Kind kKind = Kind::Loop;
  LoopObject(TemplateRuntime& runtime, TemplateValue values, int64_t level);
  void clear() override;

  // The next item, which becomes the current one.
  [[nodiscard]] std::optional<TemplateValue> advance();
  [[nodiscard]] int64_t index0() const {
    return index0_;
  }
  // How many there are in all; walks through the rest of what has no length.
  [[nodiscard]] int64_t length();
  // The item after the current one, none at the end.
  [[nodiscard]] const std::optional<TemplateValue>& peek();
  [[nodiscard]] const std::optional<TemplateValue>& previous() const {
    return previous_;
  }

  // Of a recursive loop, null otherwise.
  const LoopSyntax* syntax = nullptr;
  TemplateFrame* frame = nullptr;
  int64_t level; // of recursion, from 0
  std::optional<TemplateValue> last_changed; // a tuple

 private:
  TemplateRuntime& runtime_;
  TemplateValue values_;
  std::optional<TemplateIterator> iterator_;
  std::optional<TemplateValue> previous_;
  std::optional<TemplateValue> current_;
  std::optional<TemplateValue> next_;
  std::optional<int64_t> length_;
  int64_t index0_ = -1;
};

} // namespace omni
