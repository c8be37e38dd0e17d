// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that compare values with each other.
#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <unordered_map>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

// Texts in lower case, where case does not count.
TemplateValue
folded(TemplateRuntime& runtime, const TemplateValue& value, bool is_case_sensitive) {
  if (is_case_sensitive || !value.is_text()) {
    return value;
  }
  runtime.charge(value.weight());
  return runtime.text(to_lower(value.as_text()));
}

struct Keyed {
  TemplateValue key;
  TemplateValue value;
};

void sort_keyed(TemplateRuntime& runtime, std::vector<Keyed>& rows, bool is_reversed) {
  int64_t weight = 0;
  for (const Keyed& row : rows) {
    weight += row.key.weight();
  }
  runtime.charge(weight * std::bit_width(rows.size()));
  std::stable_sort(rows.begin(), rows.end(), [&](const Keyed& a, const Keyed& b) {
    return is_reversed ? is_less(b.key, a.key) : is_less(a.key, b.key);
  });
}

TemplateValue values_of(TemplateRuntime& runtime, std::vector<Keyed> rows) {
  TemplateValue::Items values;
  for (Keyed& row : rows) {
    values.push_back(std::move(row.value));
  }
  return runtime.list(std::move(values));
}

TemplateValue sort(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const bool is_case_sensitive = given.truth(1, false);
  TemplateValue::Items paths = {given[2]};
  if (given[2].is_text()) { // several, with commas
    TemplateArguments comma{{TemplateValue(",")}, {}};
    paths = find_entry(text_split_methods(), "split")(runtime, given[2], comma).items();
  }
  std::vector<Keyed> rows;
  for (const TemplateValue& item : items_of(runtime, value)) {
    TemplateValue::Items keys;
    for (const TemplateValue& path : paths) {
      keys.push_back(folded(runtime, path_of(runtime, item, path), is_case_sensitive));
    }
    rows.push_back({runtime.list(std::move(keys)), item});
  }
  sort_keyed(runtime, rows, given.truth(0, false));
  return values_of(runtime, std::move(rows));
}

TemplateValue dict_sort(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = given.text(1, "key");
  if (by != "key" && by != "value") {
    template_fault("expected dictsort() by key or by value, got another");
  }
  if (value.kind() != Kind::Dict) {
    expect_defined(value);
    template_fault("expected a dict for dictsort(), got " + type_name(value));
  }
  std::vector<Keyed> rows;
  for (const auto& [key, part] : value.as_dict().entries()) {
    rows.push_back(
        {folded(runtime, by == "key" ? key : part, given.truth(0, false)),
         runtime.tuple({key, part})});
  }
  sort_keyed(runtime, rows, given.truth(2, false));
  return values_of(runtime, std::move(rows));
}

TemplateValue group_by(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const TemplateValue* fallback = given[1].is_none() ? nullptr : &given[1];
  const bool is_case_sensitive = given.truth(2, false);
  std::vector<Keyed> rows;
  for (const TemplateValue& item : items_of(runtime, value)) {
    const TemplateValue key = path_of(runtime, item, given[0], fallback);
    rows.push_back({folded(runtime, key, is_case_sensitive), item});
  }
  sort_keyed(runtime, rows, false);
  TemplateValue::Items groups;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    TemplateValue::Items members;
    while (end < rows.size() && equals(rows[begin].key, rows[end].key)) {
      members.push_back(rows[end++].value);
    }
    const TemplateValue key = is_case_sensitive
        ? rows[begin].key
        : path_of(runtime, rows[begin].value, given[0], fallback);
    groups.push_back(runtime.tuple({key, runtime.list(std::move(members))}));
    begin = std::max(end, begin + 1); // a NaN is not even its own equal
  }
  return runtime.list(std::move(groups));
}

template <bool is_max>
TemplateValue extreme(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "min and max", arguments, {"case_sensitive", "attribute"});
  std::optional<Keyed> best;
  TemplateIterator rest(runtime, value);
  while (const auto item = rest.next()) {
    TemplateValue key =
        folded(runtime, path_of(runtime, *item, given[1]), given.truth(0, false));
    runtime.charge(key.weight());
    if (!best || (is_max ? is_less(best->key, key) : is_less(key, best->key))) {
      best = Keyed{std::move(key), *item};
    }
  }
  return best ? best->value : undefined("No aggregated item, sequence was empty.");
}

TemplateValue unique(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("unique", arguments, {"case_sensitive", "attribute"});
  using Seen = std::unordered_multimap<size_t, TemplateValue>;
  return runtime.checked(generator(
      [&runtime, is_case_sensitive = given.truth(0, false), path = given[1],
       rest = TemplateIterator(runtime, value),
       seen = std::make_shared<Seen>()]() mutable -> std::optional<TemplateValue> {
        while (auto item = rest.next()) {
          TemplateValue key =
              folded(runtime, path_of(runtime, *item, path), is_case_sensitive);
          runtime.charge(key.weight());
          if (!is_hashable(key)) {
            template_fault("expected values that do not change, got " + type_name(key));
          }
          const size_t hash = hash_of(key);
          const auto [begin, end] = seen->equal_range(hash);
          const bool is_known = std::any_of(
              begin, end, [&](const auto& entry) { return equals(entry.second, key); });
          if (!is_known) {
            seen->emplace(hash, std::move(key));
            return item;
          }
        }
        return std::nullopt;
      },
      value.depth()));
}

} // namespace

std::span<const TemplateFunctionEntry> order_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"sort", sort},
      {"dictsort", dict_sort},
      {"groupby", group_by},
      {"min", extreme<false>},
      {"max", extreme<true>},
      {"unique", unique},
  });
  return kFilters;
}

} // namespace omni
