// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/interpreter.h"

#include "omni/conversation/jinja/globals.h"
#include "omni/conversation/jinja/lexer.h"

namespace omni {
namespace {

// A conversation may be long: its values pay for the walk through them.
int64_t steps_for(
    const ChatTemplateOptions& options,
    const ChatTemplate::Variables& variables) {
  constexpr int64_t kStepsPerValue = 100;
  int64_t weight = 0;
  for (const auto& [name, value] : variables) {
    weight += value.weight();
  }
  return options.max_steps + kStepsPerValue * weight;
}

} // namespace

TemplateInterpreter::TemplateInterpreter(
    const TemplateSyntax& syntax,
    std::string_view source,
    const ChatTemplateOptions& options,
    const ChatTemplate::Variables& variables)
    : syntax_(syntax),
      source_(source),
      options_(options),
      variables_(variables.begin(), variables.end()),
      runtime_(options, steps_for(options, variables)) {}

TemplateInterpreter::~TemplateInterpreter() {
  // A kept frame holds macros that hold frames: no circle outlives this.
  for (const auto& frame : kept_frames_) {
    frame->slots.clear();
  }
}

std::string TemplateInterpreter::render() {
  try {
    for (const auto& [name, value] : variables_) {
      static_cast<void>(runtime_.checked(value));
    }
    return captured([this] {
      Scope scope(*this, nullptr);
      fill(scope.frame(), syntax_.frame);
      run(syntax_.body);
    });
  } catch (const TemplateFault& fault) {
    template_error(source_, offset_, fault.what());
  }
}

TemplateInterpreter::Scope::Scope(
    TemplateInterpreter& interpreter,
    TemplateFrame* parent)
    : interpreter_(interpreter),
      before_(interpreter.frame_),
      frame_(std::make_unique<TemplateFrame>()) {
  frame_->parent = parent;
  interpreter_.frame_ = frame_.get();
}

TemplateInterpreter::Scope::~Scope() {
  interpreter_.frame_ = before_;
  if (frame_->is_kept) {
    interpreter_.kept_frames_.push_back(std::move(frame_));
  }
}

void TemplateInterpreter::fill(TemplateFrame& frame, const FrameLayout& layout) {
  runtime_.charge(static_cast<int64_t>(layout.slots.size()));
  frame.slots.assign(layout.slots.size(), std::nullopt);
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const FrameLayout::Slot& slot = layout.slots[i];
    if (slot.source == FrameLayout::Source::Context) {
      frame.slots[i] = context_variable(slot.name);
    } else if (slot.source == FrameLayout::Source::Outer) {
      frame.slots[i] = variable(slot.outer); // seen from this frame, the innermost
    }
  }
}

std::optional<TemplateValue>& TemplateInterpreter::variable(VariablePlace place) {
  TemplateFrame* frame = frame_;
  for (int32_t i = 0; i < place.num_frames; ++i) {
    frame = frame->parent;
  }
  return frame->slots[static_cast<size_t>(place.slot)];
}

std::optional<TemplateValue> TemplateInterpreter::context_variable(
    const std::string& name) const {
  const auto given = variables_.find(name);
  return given != variables_.end() ? std::optional(given->second)
                                   : find_template_global(name);
}

void TemplateInterpreter::expect_namespaces(const TargetSyntax& target) {
  if (!target.attribute.empty()) {
    const auto& value = variable(target.place);
    if (!value || object_of<NamespaceObject>(*value) == nullptr) {
      offset_ = target.offset;
      template_fault(
          "expected a namespace to assign an attribute to, got " +
          (value ? type_name(*value) : "nothing"));
    }
  }
  for (const TargetSyntax& item : target.items) {
    expect_namespaces(item);
  }
}

void TemplateInterpreter::assign(
    const TargetSyntax& target,
    const TemplateValue& value) {
  if (!target.attribute.empty()) {
    // Checked before, but its name may have been assigned to since.
    auto* names = variable(target.place)
        ? object_of<NamespaceObject>(*variable(target.place))
        : nullptr;
    if (names == nullptr) {
      template_fault(
          "expected a namespace to assign an attribute to, got another value");
    }
    names->set(target.attribute, value);
    return;
  }
  if (!target.name.empty()) {
    variable(target.place) = value;
    return;
  }
  offset_ = target.offset;
  TemplateIterator rest(runtime_, value);
  TemplateValue::Items items;
  while (auto item = rest.next()) {
    items.push_back(std::move(*item));
    if (items.size() > target.items.size()) {
      break;
    }
  }
  if (items.size() != target.items.size()) {
    template_fault(
        "expected " + std::to_string(target.items.size()) + " values to assign, got " +
        (items.size() > target.items.size() ? "more" : std::to_string(items.size())));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    assign(target.items[i], items[i]);
  }
}

void TemplateInterpreter::keep(TemplateFrame* frame) {
  for (; frame != nullptr && !frame->is_kept; frame = frame->parent) {
    frame->is_kept = true;
  }
}

void TemplateInterpreter::print_text(const TemplateValue& value) {
  if (!value.is_text()) {
    template_fault("expected a text to print, got a value of type " + type_name(value));
  }
  print(value.as_text());
}

void TemplateInterpreter::print(std::string_view text) {
  runtime_.charge(static_cast<int64_t>(text.size()) / kTextBytesPerStep);
  if (static_cast<int64_t>(out_->size() + text.size()) > options_.max_text_bytes) {
    runtime_.charge_text(static_cast<int64_t>(out_->size() + text.size()));
  }
  out_->append(text);
}

} // namespace omni
