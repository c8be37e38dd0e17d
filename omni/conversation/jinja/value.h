// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a chat template reads and computes with: none, bool, whole number, float, text,
// list, tuple, dict in order, and objects that only templates make. Values do not
// change once made and share their parts, so that a copy is cheap. No torch.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace omni {

class TemplateDict;
class TemplateObject;
struct TemplateSequence;
struct TemplateText;

class TemplateValue {
 public:
  // In the order in which storage_ lists them.
  enum class Kind { None, Bool, Int, Float, Text, List, Tuple, Dict, Object };
  using Items = std::vector<TemplateValue>;
  using Entries = std::vector<std::pair<TemplateValue, TemplateValue>>;

  TemplateValue() = default; // None
  template <std::same_as<bool> Bool>
  TemplateValue(Bool value) : storage_(value) {} // NOLINT: a value like any other
  template <std::integral Int>
  requires(!std::same_as<Int, bool>) TemplateValue(Int value)
      : storage_(static_cast<int64_t>(value)) {} // NOLINT
  TemplateValue(double value) : storage_(value) {} // NOLINT
  TemplateValue(std::string text); // NOLINT: UTF-8
  TemplateValue(std::string_view text); // NOLINT
  TemplateValue(const char* text); // NOLINT
  TemplateValue(std::shared_ptr<TemplateObject> object); // NOLINT

  [[nodiscard]] static TemplateValue list(Items items = {});
  [[nodiscard]] static TemplateValue tuple(Items items = {});
  // The last of equal keys wins, at the place of the first. ValueError for a key that
  // is a list or a dict.
  [[nodiscard]] static TemplateValue dict(Entries entries = {});
  // Text that escaping leaves alone.
  [[nodiscard]] static TemplateValue markup(std::string text);

  [[nodiscard]] Kind kind() const {
    return static_cast<Kind>(storage_.index());
  }
  [[nodiscard]] bool is_none() const {
    return kind() == Kind::None;
  }
  [[nodiscard]] bool is_text() const {
    return kind() == Kind::Text;
  }
  [[nodiscard]] bool is_markup() const;

  // Each requires its kind.
  [[nodiscard]] bool as_bool() const {
    return std::get<bool>(storage_);
  }
  [[nodiscard]] int64_t as_int() const {
    return std::get<int64_t>(storage_);
  }
  [[nodiscard]] double as_float() const {
    return std::get<double>(storage_);
  }
  [[nodiscard]] const std::string& as_text() const;
  [[nodiscard]] int64_t num_characters() const; // of a text, in code points
  [[nodiscard]] const Items& items() const; // of a list or a tuple
  [[nodiscard]] const TemplateDict& as_dict() const;
  [[nodiscard]] const std::shared_ptr<TemplateObject>& object() const {
    return std::get<std::shared_ptr<TemplateObject>>(storage_);
  }

  // How deep lists, dicts and objects lie inside each other; 0 without any.
  [[nodiscard]] int32_t depth() const;
  // Values inside, this one and text in units of 16 bytes counted, shared parts as
  // often as they are seen: what walking through it costs.
  [[nodiscard]] int64_t weight() const;
  // Whether both are the same thing in memory, or equal numbers or texts of one kind.
  [[nodiscard]] bool is_same(const TemplateValue& other) const;

 private:
  std::variant<
      std::monostate,
      bool,
      int64_t,
      double,
      std::shared_ptr<const TemplateText>,
      std::shared_ptr<const TemplateSequence>, // list
      std::shared_ptr<const TemplateSequence>, // tuple
      std::shared_ptr<const TemplateDict>,
      std::shared_ptr<TemplateObject>>
      storage_;
};

// Keys and values in the order in which they came.
class TemplateDict {
 public:
  explicit TemplateDict(TemplateValue::Entries entries);

  [[nodiscard]] const TemplateValue::Entries& entries() const {
    return entries_;
  }
  [[nodiscard]] int64_t size() const {
    return static_cast<int64_t>(entries_.size());
  }
  // Null when there is none. Keys that cannot be one are never found.
  [[nodiscard]] const TemplateValue* find(const TemplateValue& key) const;
  [[nodiscard]] const TemplateValue* find_text(std::string_view key) const;
  [[nodiscard]] int32_t depth() const {
    return depth_;
  }
  [[nodiscard]] int64_t weight() const {
    return weight_;
  }

 private:
  [[nodiscard]] int64_t position_of(const TemplateValue& key, size_t hash) const;

  TemplateValue::Entries entries_;
  std::vector<int32_t> slots_; // open addressing: positions in entries_, -1 where free
  int32_t depth_ = 1;
  int64_t weight_ = 1;
};

} // namespace omni
