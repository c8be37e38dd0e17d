// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/iteration.h"

#include "omni/conversation/jinja/macro.h"
#include "tokenizers/text/utf8.h"

namespace omni {

using Kind = TemplateValue::Kind;

bool is_iterable(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::Text:
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
      return true;
    case Kind::Object:
      break;
    default:
      return false;
  }
  switch (value.object()->kind()) {
    case TemplateObject::Kind::Undefined:
    case TemplateObject::Kind::Range:
    case TemplateObject::Kind::DictView:
    case TemplateObject::Kind::Generator:
    case TemplateObject::Kind::Loop:
      return true;
    default:
      return false;
  }
}

TemplateIterator::TemplateIterator(TemplateRuntime& runtime, TemplateValue value)
    : runtime_(&runtime), value_(std::move(value)) {
  if (!is_iterable(value_)) {
    template_fault(
        "expected something to walk through, got a value of type " + type_name(value_));
  }
}

std::optional<TemplateValue> TemplateIterator::next() {
  runtime_->charge(1);
  switch (value_.kind()) {
    case Kind::Text: {
      const std::string_view rest =
          std::string_view(value_.as_text()).substr(position_);
      if (rest.empty()) {
        return std::nullopt;
      }
      const size_t num_bytes = first_character(rest).num_bytes;
      position_ += num_bytes;
      return runtime_->text_like(value_, std::string(rest.substr(0, num_bytes)));
    }
    case Kind::List:
    case Kind::Tuple:
      return position_ < value_.items().size()
          ? std::optional(value_.items()[position_++])
          : std::nullopt;
    case Kind::Dict:
      return position_ < value_.as_dict().entries().size()
          ? std::optional(value_.as_dict().entries()[position_++].first)
          : std::nullopt;
    default:
      break;
  }
  if (const auto* range = object_of<RangeObject>(value_)) {
    if (static_cast<int64_t>(position_) >= range->size()) {
      return std::nullopt;
    }
    return range->start + static_cast<int64_t>(position_++) * range->step;
  }
  if (const auto* view = object_of<DictViewObject>(value_)) {
    return static_cast<int64_t>(position_) < view->dict.as_dict().size()
        ? std::optional(view->item(position_++))
        : std::nullopt;
  }
  if (const auto* made = object_of<GeneratorObject>(value_)) {
    const TemplateDepth depth(*runtime_);
    return made->next();
  }
  if (auto* loop = object_of<LoopObject>(value_)) {
    auto item = loop->advance();
    if (!item) {
      return std::nullopt;
    }
    return runtime_->tuple({std::move(*item), value_});
  }
  return std::nullopt;
}

std::optional<int64_t> length_of(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::Text:
      return value.num_characters();
    case Kind::List:
    case Kind::Tuple:
      return static_cast<int64_t>(value.items().size());
    case Kind::Dict:
      return value.as_dict().size();
    default:
      break;
  }
  if (is_undefined(value)) {
    return 0;
  }
  if (const auto* range = object_of<RangeObject>(value)) {
    return range->size();
  }
  if (const auto* view = object_of<DictViewObject>(value)) {
    return view->dict.as_dict().size();
  }
  if (auto* loop = object_of<LoopObject>(value)) {
    return loop->length();
  }
  return std::nullopt;
}

TemplateValue::Items items_of(TemplateRuntime& runtime, const TemplateValue& value) {
  if (value.kind() == Kind::List || value.kind() == Kind::Tuple) {
    runtime.charge_items(static_cast<int64_t>(value.items().size()));
    return value.items();
  }
  TemplateValue::Items items;
  TemplateIterator iterator(runtime, value);
  while (auto item = iterator.next()) {
    items.push_back(std::move(*item));
    if (static_cast<int64_t>(items.size()) > runtime.options().max_items) {
      runtime.charge_items(static_cast<int64_t>(items.size()));
    }
  }
  return items;
}

std::optional<size_t> position_in(int64_t index, int64_t length) {
  const int64_t position = index < 0 ? index + length : index;
  if (position < 0 || position >= length) {
    return std::nullopt;
  }
  return static_cast<size_t>(position);
}

std::optional<std::string_view> character_at(const TemplateValue& text, int64_t index) {
  const auto position = position_in(index, text.num_characters());
  if (!position) {
    return std::nullopt;
  }
  std::string_view rest = text.as_text();
  if (text.num_characters() == static_cast<int64_t>(rest.size())) {
    return rest.substr(*position, 1);
  }
  for (size_t i = 0; i < *position && !rest.empty(); ++i) {
    rest.remove_prefix(first_character(rest).num_bytes);
  }
  return rest.substr(0, first_character(rest).num_bytes);
}

} // namespace omni
