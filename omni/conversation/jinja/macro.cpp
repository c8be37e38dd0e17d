// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/macro.h"

namespace omni {

LoopObject::LoopObject(TemplateRuntime& runtime, TemplateValue values, int64_t in)
    : TemplateObject(kKind),
      level(in),
      runtime_(runtime),
      values_(std::move(values)),
      iterator_(TemplateIterator(runtime, values_)) {}

void LoopObject::clear() {
  values_ = {};
  iterator_.reset();
  previous_.reset();
  current_.reset();
  next_.reset();
  last_changed.reset();
}

std::optional<TemplateValue> LoopObject::advance() {
  const TemplateDepth depth(runtime_);
  std::optional<TemplateValue> item =
      next_ ? std::exchange(next_, std::nullopt) : iterator_->next();
  if (item) {
    ++index0_;
    previous_ = std::exchange(current_, item);
  }
  return item;
}

int64_t LoopObject::length() {
  if (!length_) {
    length_ =
        object_of<LoopObject>(values_) != nullptr ? std::nullopt : length_of(values_);
  }
  if (!length_) {
    TemplateValue::Items rest;
    while (auto item = iterator_->next()) {
      rest.push_back(std::move(*item));
      runtime_.charge(1);
    }
    length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (next_ ? 1 : 0);
    iterator_ = TemplateIterator(runtime_, runtime_.list(std::move(rest)));
  }
  return *length_;
}

const std::optional<TemplateValue>& LoopObject::peek() {
  if (!next_) {
    next_ = iterator_->next();
  }
  return next_;
}

} // namespace omni
