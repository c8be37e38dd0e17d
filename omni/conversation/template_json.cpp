// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/template_json.h"

#include "omni/core/errors.h"
#include "omni/core/json.h"

namespace omni {
namespace {

using Change = std::function<std::string(std::string_view)>;

TemplateValue value_of(const OrderedJson& json, const Change& change) {
  switch (json.type()) {
    case OrderedJson::value_t::boolean:
      return json.get<bool>();
    case OrderedJson::value_t::number_integer:
      return json.get<int64_t>();
    case OrderedJson::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      constexpr auto kLargest = static_cast<uint64_t>(INT64_MAX);
      return number <= kLargest ? TemplateValue(static_cast<int64_t>(number))
                                : TemplateValue(static_cast<double>(number));
    }
    case OrderedJson::value_t::number_float:
      return json.get<double>();
    case OrderedJson::value_t::string:
      return change(json.get<std::string>());
    case OrderedJson::value_t::array: {
      TemplateValue::Items items;
      for (const OrderedJson& item : json) {
        items.push_back(value_of(item, change));
      }
      return TemplateValue::list(std::move(items));
    }
    case OrderedJson::value_t::object: {
      TemplateValue::Entries entries;
      for (const auto& [key, item] : json.items()) {
        entries.emplace_back(change(key), value_of(item, change));
      }
      return TemplateValue::dict(std::move(entries));
    }
    default:
      return {};
  }
}

} // namespace

TemplateValue template_value_of_json(
    std::string_view text,
    const std::string& subject,
    const Change& change) {
  try {
    return value_of(parse_ordered_json(text, "chat_template", subject), change);
  } catch (const IoError& error) {
    constexpr std::string_view kPrefix = "[chat_template] ";
    std::string_view message = error.what();
    message.remove_prefix(message.starts_with(kPrefix) ? kPrefix.size() : 0);
    throw ValueError("chat_template", std::string(message));
  }
}

} // namespace omni
