// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/value.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/unicode.h"
#include "omni/core/errors.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// Weights and depths of parts add up; beyond this they are all the same.
constexpr int64_t kMaxWeight = int64_t{1} << 40;

// Text that is UTF-8 throughout, and its number of characters.
std::pair<std::string, int64_t> checked_text(std::string text) {
  const auto is_ascii = [](char byte) {
    return static_cast<unsigned char>(byte) < 0x80;
  };
  if (std::all_of(text.begin(), text.end(), is_ascii)) {
    const auto size = static_cast<int64_t>(text.size());
    return {std::move(text), size};
  }
  int64_t num_characters = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const Utf8Character character = first_character(rest);
    if (!character.is_valid) {
      const std::u32string characters = characters_of(text);
      return {text_of(characters), static_cast<int64_t>(characters.size())};
    }
    rest.remove_prefix(character.num_bytes);
    ++num_characters;
  }
  return {std::move(text), num_characters};
}

void add_part(const TemplateValue& part, int32_t& depth, int64_t& weight) {
  depth = std::max(depth, part.depth() + 1);
  weight = std::min(kMaxWeight, weight + part.weight());
}

} // namespace

struct TemplateText {
  explicit TemplateText(std::string value, bool is_safe = false) : is_markup(is_safe) {
    std::tie(text, num_characters) = checked_text(std::move(value));
  }

  std::string text;
  int64_t num_characters = 0;
  bool is_markup;
};

struct TemplateSequence {
  explicit TemplateSequence(TemplateValue::Items values) : items(std::move(values)) {
    for (const TemplateValue& item : items) {
      add_part(item, depth, weight);
    }
  }

  TemplateValue::Items items;
  int32_t depth = 1;
  int64_t weight = 1;
};

TemplateValue::TemplateValue(std::string text)
    : storage_(std::make_shared<const TemplateText>(std::move(text))) {}

TemplateValue::TemplateValue(std::string_view text)
    : TemplateValue(std::string(text)) {}

TemplateValue::TemplateValue(const char* text) : TemplateValue(std::string(text)) {}

TemplateValue::TemplateValue(std::shared_ptr<TemplateObject> object)
    : storage_(std::move(object)) {}

TemplateValue TemplateValue::list(Items items) {
  TemplateValue value;
  value.storage_.emplace<static_cast<size_t>(Kind::List)>(
      std::make_shared<const TemplateSequence>(std::move(items)));
  return value;
}

TemplateValue TemplateValue::tuple(Items items) {
  TemplateValue value;
  value.storage_.emplace<static_cast<size_t>(Kind::Tuple)>(
      std::make_shared<const TemplateSequence>(std::move(items)));
  return value;
}

TemplateValue TemplateValue::dict(Entries entries) {
  TemplateValue value;
  value.storage_ = std::make_shared<const TemplateDict>(std::move(entries));
  return value;
}

TemplateValue TemplateValue::markup(std::string text) {
  TemplateValue value;
  value.storage_ = std::make_shared<const TemplateText>(std::move(text), true);
  return value;
}

bool TemplateValue::is_markup() const {
  return is_text() &&
      std::get<std::shared_ptr<const TemplateText>>(storage_)->is_markup;
}

const std::string& TemplateValue::as_text() const {
  return std::get<std::shared_ptr<const TemplateText>>(storage_)->text;
}

int64_t TemplateValue::num_characters() const {
  return std::get<std::shared_ptr<const TemplateText>>(storage_)->num_characters;
}

const TemplateValue::Items& TemplateValue::items() const {
  return kind() == Kind::List
      ? std::get<static_cast<size_t>(Kind::List)>(storage_)->items
      : std::get<static_cast<size_t>(Kind::Tuple)>(storage_)->items;
}

const TemplateDict& TemplateValue::as_dict() const {
  return *std::get<std::shared_ptr<const TemplateDict>>(storage_);
}

int32_t TemplateValue::depth() const {
  switch (kind()) {
    case Kind::List:
      return std::get<static_cast<size_t>(Kind::List)>(storage_)->depth;
    case Kind::Tuple:
      return std::get<static_cast<size_t>(Kind::Tuple)>(storage_)->depth;
    case Kind::Dict:
      return as_dict().depth();
    case Kind::Object:
      return object()->depth();
    default:
      return 0;
  }
}

int64_t TemplateValue::weight() const {
  switch (kind()) {
    case Kind::Text:
      return 1 + static_cast<int64_t>(as_text().size()) / kTextBytesPerStep;
    case Kind::List:
      return std::get<static_cast<size_t>(Kind::List)>(storage_)->weight;
    case Kind::Tuple:
      return std::get<static_cast<size_t>(Kind::Tuple)>(storage_)->weight;
    case Kind::Dict:
      return as_dict().weight();
    default:
      return 1;
  }
}

bool TemplateValue::is_same(const TemplateValue& other) const {
  if (kind() != other.kind()) {
    return false;
  }
  if (kind() == Kind::Text) {
    return as_text() == other.as_text();
  }
  return storage_ == other.storage_;
}

TemplateDict::TemplateDict(TemplateValue::Entries entries) {
  entries_.reserve(entries.size());
  slots_.assign(std::bit_ceil(entries.size() * 2 + 1), -1);
  for (auto& [key, value] : entries) {
    if (!is_hashable(key)) {
      throw ValueError(
          "chat_template",
          "expected a key of a dict that does not change, got one of type " +
              type_name(key) + ".");
    }
    const size_t hash = hash_of(key);
    const int64_t known = position_of(key, hash);
    if (known >= 0) {
      entries_[static_cast<size_t>(known)].second = std::move(value);
      continue;
    }
    size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot] >= 0) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = static_cast<int32_t>(entries_.size());
    entries_.emplace_back(std::move(key), std::move(value));
  }
  for (const auto& [key, value] : entries_) {
    add_part(key, depth_, weight_);
    add_part(value, depth_, weight_);
  }
}

int64_t TemplateDict::position_of(const TemplateValue& key, size_t hash) const {
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot] >= 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    if (equals(entries_[static_cast<size_t>(slots_[slot])].first, key)) {
      return slots_[slot];
    }
  }
  return -1;
}

const TemplateValue* TemplateDict::find(const TemplateValue& key) const {
  if (!is_hashable(key)) {
    return nullptr;
  }
  const int64_t position = position_of(key, hash_of(key));
  return position < 0 ? nullptr : &entries_[static_cast<size_t>(position)].second;
}

const TemplateValue* TemplateDict::find_text(std::string_view key) const {
  const size_t hash = hash_of_text(key);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot] >= 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    const auto& [known, value] = entries_[static_cast<size_t>(slots_[slot])];
    if (known.is_text() && known.as_text() == key) {
      return &value;
    }
  }
  return nullptr;
}

} // namespace omni
