// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/object.h"

namespace omni {

int64_t RangeObject::size() const {
  // Unsigned, so that the widest range has no overflow.
  const auto low = static_cast<uint64_t>(step > 0 ? start : stop);
  const auto high = static_cast<uint64_t>(step > 0 ? stop : start);
  if (step > 0 ? start >= stop : start <= stop) {
    return 0;
  }
  const uint64_t by =
      step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t size = (high - low - 1) / by + 1;
  return size > INT64_MAX ? INT64_MAX : static_cast<int64_t>(size);
}

TemplateValue DictViewObject::item(size_t i) const {
  const auto& [key, value] = dict.as_dict().entries()[i];
  switch (part) {
    case Part::Keys:
      return key;
    case Part::Values:
      return value;
    default:
      return TemplateValue::tuple({key, value});
  }
}

void NamespaceObject::set(const std::string& name, TemplateValue value) {
  const auto [place, is_new] = positions.emplace(name, entries.size());
  if (is_new) {
    entries.emplace_back(name, std::move(value));
  } else {
    entries[place->second].second = std::move(value);
  }
}

const TemplateValue* NamespaceObject::find(const std::string& name) const {
  const auto place = positions.find(name);
  return place == positions.end() ? nullptr : &entries[place->second].second;
}

TemplateValue undefined(std::string message) {
  return {std::make_shared<UndefinedObject>(std::move(message))};
}

TemplateValue undefined_name(const std::string& name) {
  return undefined("'" + name + "' is undefined");
}

TemplateValue undefined_part(const TemplateValue& object, const TemplateValue& part) {
  const std::string owner = object.is_none() ? "None" : type_name(object) + " object";
  if (part.is_text()) {
    return undefined(
        "'" + owner + "' has no attribute '" + part.as_text().substr(0, 100) + "'");
  }
  std::string element = "of type " + type_name(part);
  if (part.kind() == TemplateValue::Kind::Int) {
    element = std::to_string(part.as_int());
  }
  return undefined(owner + " has no element " + element);
}

bool is_undefined(const TemplateValue& value) {
  return object_of<UndefinedObject>(value) != nullptr;
}

void expect_defined(const TemplateValue& value) {
  if (const auto* missing = object_of<UndefinedObject>(value)) {
    template_fault(missing->message);
  }
}

TemplateValue generator(GeneratorObject::Next next, int32_t depth) {
  return {std::make_shared<GeneratorObject>(std::move(next), depth)};
}

std::string type_name(const TemplateValue& value) {
  using Kind = TemplateValue::Kind;
  switch (value.kind()) {
    case Kind::None:
      return "NoneType";
    case Kind::Bool:
      return "bool";
    case Kind::Int:
      return "int";
    case Kind::Float:
      return "float";
    case Kind::Text:
      return value.is_markup() ? "Markup" : "str";
    case Kind::List:
      return "list";
    case Kind::Tuple:
      return "tuple";
    case Kind::Dict:
      return "dict";
    case Kind::Object:
      break;
  }
  switch (value.object()->kind()) {
    case TemplateObject::Kind::Undefined:
      return "Undefined";
    case TemplateObject::Kind::Range:
      return "range";
    case TemplateObject::Kind::DictView:
      return "dict view";
    case TemplateObject::Kind::Generator:
      return "generator";
    case TemplateObject::Kind::Namespace:
      return "Namespace";
    case TemplateObject::Kind::Cycler:
      return "Cycler";
    case TemplateObject::Kind::Joiner:
      return "Joiner";
    case TemplateObject::Kind::Function:
      return "function";
    case TemplateObject::Kind::Macro:
      return "Macro";
    case TemplateObject::Kind::Loop:
      return "LoopContext";
  }
  return "object";
}

} // namespace omni
