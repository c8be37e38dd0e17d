// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the values that only a template makes. Those that can change (namespaces,
// cyclers, loops) are kept by the TemplateRuntime until the end of the rendering, so
// that circles of them go away.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

class TemplateObject {
 public:
  enum class Kind {
    Undefined,
    Range,
    DictView,
    Generator,
    Namespace,
    Cycler,
    Joiner,
    Function,
    Macro,
    Loop
  };

  virtual ~TemplateObject() = default;
  TemplateObject(const TemplateObject&) = delete;
  TemplateObject& operator=(const TemplateObject&) = delete;

  [[nodiscard]] Kind kind() const {
    return kind_;
  }
  // Of the values inside; 0 for objects that are kept, which nothing destroys through
  // another.
  [[nodiscard]] int32_t depth() const {
    return depth_;
  }
  // Forgets other values.
  virtual void clear() {}

 protected:
  explicit TemplateObject(Kind kind, int32_t depth = 0) : kind_(kind), depth_(depth) {}

 private:
  Kind kind_;
  int32_t depth_;
};

// The object of that type in a value, or null.
template <class Object>
Object* object_of(const TemplateValue& value) {
  return value.kind() == TemplateValue::Kind::Object &&
          value.object()->kind() == Object::kKind
      ? static_cast<Object*>(value.object().get())
      : nullptr;
}

// Prints as nothing, is false and empty; `message` is the error of any other use.
struct UndefinedObject : TemplateObject {
  static constexpr Kind kKind = Kind::Undefined;
  explicit UndefinedObject(std::string text)
      : TemplateObject(kKind), message(std::move(text)) {}
  std::string message;
};

struct RangeObject : TemplateObject {
  static constexpr Kind kKind = Kind::Range;
  RangeObject(int64_t first, int64_t end, int64_t by)
      : TemplateObject(kKind), start(first), stop(end), step(by) {}
  [[nodiscard]] int64_t size() const;
  int64_t start;
  int64_t stop;
  int64_t step;
};

// What keys(), values() and items() of a dict give.
struct DictViewObject : TemplateObject {
  static constexpr Kind kKind = Kind::DictView;
  enum class Part { Keys, Values, Items };
  DictViewObject(TemplateValue of, Part which)
      : TemplateObject(kKind, of.depth() + 1), dict(std::move(of)), part(which) {}
  [[nodiscard]] TemplateValue item(size_t i) const;
  TemplateValue dict;
  Part part;
};

// Values made one by one, once.
struct GeneratorObject : TemplateObject {
  static constexpr Kind kKind = Kind::Generator;
  using Next = std::function<std::optional<TemplateValue>()>;
  // `depth` is that of the deepest value that `make_next` holds.
  GeneratorObject(Next make_next, int32_t depth)
      : TemplateObject(kKind, depth + 1), next(std::move(make_next)) {}
  Next next;
};

struct NamespaceObject : TemplateObject {
  static constexpr Kind kKind = Kind::Namespace;
  NamespaceObject() : TemplateObject(kKind) {}
  void clear() override {
    entries.clear();
  }
  void set(const std::string& name, TemplateValue value);
  [[nodiscard]] const TemplateValue* find(const std::string& name) const;
  std::vector<std::pair<std::string, TemplateValue>> entries;
  std::unordered_map<std::string, size_t> positions;
};

struct CyclerObject : TemplateObject {
  static constexpr Kind kKind = Kind::Cycler;
  explicit CyclerObject(TemplateValue::Items values)
      : TemplateObject(kKind), items(std::move(values)) {}
  void clear() override {
    items.clear();
  }
  TemplateValue::Items items;
  size_t position = 0;
};

struct JoinerObject : TemplateObject {
  static constexpr Kind kKind = Kind::Joiner;
  explicit JoinerObject(TemplateValue text)
      : TemplateObject(kKind, text.depth() + 1), separator(std::move(text)) {}
  TemplateValue separator;
  bool was_called = false;
};

// A global function, or a method with the value it belongs to.
struct FunctionObject : TemplateObject {
  static constexpr Kind kKind = Kind::Function;
  explicit FunctionObject(const TemplateFunctionEntry& of, TemplateValue owner = {})
      : TemplateObject(kKind, owner.depth() + 1), entry(of), self(std::move(owner)) {}
  TemplateFunctionEntry entry;
  TemplateValue self;
};

[[nodiscard]] TemplateValue undefined(std::string message);
// Of a name that is nowhere.
[[nodiscard]] TemplateValue undefined_name(const std::string& name);
// Of an attribute or an item that an object lacks.
[[nodiscard]] TemplateValue undefined_part(
    const TemplateValue& object,
    const TemplateValue& part);
[[nodiscard]] bool is_undefined(const TemplateValue& value);
// A fault with the message of an undefined value, if it is one.
void expect_defined(const TemplateValue& value);
[[nodiscard]] TemplateValue generator(GeneratorObject::Next next, int32_t depth);
// Python's name of a value's type.
[[nodiscard]] std::string type_name(const TemplateValue& value);

} // namespace omni
