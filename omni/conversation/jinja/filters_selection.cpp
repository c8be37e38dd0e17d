// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that apply another filter or a test to every value.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/tests.h"

namespace omni {
namespace {

int32_t depth_of_all(const TemplateValue& value, const TemplateArguments& arguments) {
  int32_t depth = value.depth();
  for (const TemplateValue& given : arguments.positional) {
    depth = std::max(depth, given.depth());
  }
  for (const auto& [name, given] : arguments.keyword) {
    depth = std::max(depth, given.depth());
  }
  return depth;
}

std::string name_of(const TemplateValue& value, const char* what) {
  if (!value.is_text()) {
    expect_defined(value);
    template_fault(
        std::string("expected the name of a ") + what + ", got a value of type " +
        type_name(value));
  }
  return value.as_text();
}

// A filter or a test with its arguments, by a name that comes with the values.
class NamedFunction {
 public:
  // `at` is the place of the name among the positional arguments.
  NamedFunction(const TemplateArguments& given, size_t at, bool is_filter)
      : given_(given) {
    const char* what = is_filter ? "filter" : "test";
    const std::string name = name_of(given.positional[at], what);
    function_ = is_filter ? find_template_filter(name) : find_template_test(name);
    if (function_ == nullptr) {
      template_fault(
          std::string("expected the name of a ") + what + ", got \"" +
          name.substr(0, 60) + "\"");
    }
    const auto begin = given_.positional.begin();
    given_.positional.erase(begin, begin + static_cast<int64_t>(at) + 1);
  }

  TemplateValue operator()(TemplateRuntime& runtime, const TemplateValue& value) const {
    TemplateArguments given = given_;
    runtime.charge(1 + static_cast<int64_t>(given.positional.size()));
    return function_(runtime, value, given);
  }

 private:
  TemplateArguments given_;
  TemplateFunction function_ = nullptr;
};

// The values that map() makes.
class Mapping {
 public:
  explicit Mapping(TemplateArguments given) : given_(std::move(given)) {
    const auto is_attribute = [](const auto& entry) {
      return entry.first == "attribute";
    };
    const auto attribute =
        std::find_if(given_.keyword.begin(), given_.keyword.end(), is_attribute);
    if (!given_.positional.empty() || attribute == given_.keyword.end()) {
      if (given_.positional.empty()) {
        template_fault("expected the name of a filter for map(), got none");
      }
      function_.emplace(given_, 0, true);
      return;
    }
    path_ = attribute->second;
    for (const auto& [name, value] : given_.keyword) {
      if (name == "default") {
        fallback_ = value;
      } else if (name != "attribute") {
        template_fault(
            "expected attribute and default for map(), got \"" + name + "\"");
      }
    }
  }

  std::optional<TemplateValue> next(TemplateRuntime& runtime, TemplateIterator& rest) {
    const auto item = rest.next();
    if (!item) {
      return std::nullopt;
    }
    return function_
        ? (*function_)(runtime, *item)
        : path_of(runtime, *item, path_, fallback_.is_none() ? nullptr : &fallback_);
  }

 private:
  TemplateArguments given_;
  std::optional<NamedFunction> function_;
  TemplateValue path_;
  TemplateValue fallback_;
};

// The values that select() and its like keep.
template <bool is_wanted, bool has_path>
class Selection {
 public:
  explicit Selection(const TemplateArguments& given) {
    constexpr size_t at = has_path ? 1 : 0;
    if (given.positional.size() < at) {
      template_fault("expected the name of an attribute to select by, got none");
    }
    if (has_path) {
      path_ = given.positional[0];
    }
    if (given.positional.size() > at) {
      test_.emplace(given, at, false);
    }
  }

  std::optional<TemplateValue> next(TemplateRuntime& runtime, TemplateIterator& rest) {
    while (auto item = rest.next()) {
      const TemplateValue part = has_path ? path_of(runtime, *item, path_) : *item;
      if (is_true(test_ ? (*test_)(runtime, part) : part) == is_wanted) {
        return item;
      }
    }
    return std::nullopt;
  }

 private:
  TemplateValue path_;
  std::optional<NamedFunction> test_;
};

// What `Walk` gives of the values of `value`. It begins when the first is asked for, as
// in Python: until then nothing is said of a bad argument.
template <typename Walk>
TemplateValue lazily(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const int32_t depth = depth_of_all(value, arguments);
  return runtime.checked(generator(
      [&runtime, value, given = arguments, walk = std::optional<Walk>(),
       rest = std::optional<TemplateIterator>()]() mutable
      -> std::optional<TemplateValue> {
        if (!rest) {
          if (!is_true(value)) {
            return std::nullopt;
          }
          walk.emplace(std::move(given));
          rest.emplace(runtime, value);
        }
        return walk->next(runtime, *rest);
      },
      depth));
}

} // namespace

std::span<const TemplateFunctionEntry> selection_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"map", lazily<Mapping>},
      {"select", lazily<Selection<true, false>>},
      {"reject", lazily<Selection<false, false>>},
      {"selectattr", lazily<Selection<true, true>>},
      {"rejectattr", lazily<Selection<false, true>>},
  });
  return kFilters;
}

} // namespace omni
