// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the items of whatever can be walked through.
#pragma once

#include <optional>

#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

// One item after the other; texts give their characters, dicts their keys. Charges a
// step an item.
class TemplateIterator {
 public:
  // A fault for a value that has no items.
  TemplateIterator(TemplateRuntime& runtime, TemplateValue value);
  [[nodiscard]] std::optional<TemplateValue> next();

 private:
  TemplateRuntime* runtime_;
  TemplateValue value_;
  size_t position_ = 0;
};

[[nodiscard]] bool is_iterable(const TemplateValue& value);
// What len() gives; none for a value that has no length.
[[nodiscard]] std::optional<int64_t> length_of(const TemplateValue& value);
// All items, within the limit of a list.
[[nodiscard]] TemplateValue::Items items_of(
    TemplateRuntime& runtime,
    const TemplateValue& value);
// A character, counted from the front or, below zero, from the end; none outside.
[[nodiscard]] std::optional<std::string_view> character_at(
    const TemplateValue& text,
    int64_t index);
// The place in a sequence that an index means, below zero from the end; none outside.
[[nodiscard]] std::optional<size_t> position_in(int64_t index, int64_t length);

} // namespace omni
