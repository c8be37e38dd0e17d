// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: what one rendering may still spend, the error that template code raises,
// and how filters, tests, methods and global functions are called: all alike.
#pragma once

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "omni/conversation/chat_template.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

// What one step of a rendering does to texts.
inline constexpr int64_t kTextBytesPerStep = 16;

// An error without its place; who knows the place makes a ValueError of it.
class TemplateFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void template_fault(const std::string& message);

class TemplateRuntime {
 public:
  TemplateRuntime(const ChatTemplateOptions& options, int64_t num_steps)
      : options_(options), steps_left_(num_steps) {}
  ~TemplateRuntime();
  TemplateRuntime(const TemplateRuntime&) = delete;
  TemplateRuntime& operator=(const TemplateRuntime&) = delete;

  [[nodiscard]] const ChatTemplateOptions& options() const {
    return options_;
  }
  // Takes steps away; a fault when none are left.
  void charge(int64_t num_steps) {
    if ((steps_left_ -= num_steps) < 0) {
      fail_for_steps();
    }
  }
  // Charges for a text about to be made, and refuses one that is too long.
  void charge_text(int64_t num_bytes);
  // Charges for a list about to be made, and refuses one that is too long.
  void charge_items(int64_t num_items);
  // The value, unless its parts lie too deep inside each other.
  TemplateValue checked(TemplateValue value) const;
  [[nodiscard]] TemplateValue list(TemplateValue::Items items);
  [[nodiscard]] TemplateValue tuple(TemplateValue::Items items);
  [[nodiscard]] TemplateValue dict(TemplateValue::Entries entries);
  [[nodiscard]] TemplateValue text(std::string text);
  // A text, escaped or not as the one it was made of.
  [[nodiscard]] TemplateValue text_like(const TemplateValue& source, std::string text);
  // Of calls and expressions inside each other; TemplateDepth alone changes it.
  void enter();
  void leave() {
    --depth_;
  }
  // Keeps an object that others may point to, in a circle perhaps, until the end.
  TemplateValue keep(std::shared_ptr<TemplateObject> object);

 private:
  [[noreturn]] void fail_for_steps() const;

  const ChatTemplateOptions& options_;
  int64_t steps_left_;
  int64_t depth_ = 0;
  std::vector<std::shared_ptr<TemplateObject>> kept_;
};

// One level deeper as long as it lives.
class TemplateDepth {
 public:
  explicit TemplateDepth(TemplateRuntime& runtime) : runtime_(runtime) {
    runtime_.enter();
  }
  ~TemplateDepth() {
    runtime_.leave();
  }
  TemplateDepth(const TemplateDepth&) = delete;
  TemplateDepth& operator=(const TemplateDepth&) = delete;

 private:
  TemplateRuntime& runtime_;
};

struct TemplateArguments {
  TemplateValue::Items positional;
  std::vector<std::pair<std::string, TemplateValue>> keyword;
};

// A filter, a test, a method or a global function (which has no self).
using TemplateFunction =
    TemplateValue (*)(TemplateRuntime&, const TemplateValue& self, TemplateArguments&);

struct TemplateFunctionEntry {
  const char* name;
  TemplateFunction function;
};

// Arguments by the names of a function's parameters.
class TemplateParameters {
 public:
  // A fault for too many, an unknown name, one twice, or fewer than `num_required`.
  TemplateParameters(
      const char* function,
      TemplateArguments& arguments,
      std::initializer_list<const char*> names,
      size_t num_required = 0);

  [[nodiscard]] bool has(size_t i) const {
    return values_[i].second;
  }
  // None where it was not given.
  [[nodiscard]] const TemplateValue& operator[](size_t i) const {
    return values_[i].first;
  }
  [[nodiscard]] const TemplateValue& get(size_t i, const TemplateValue& fallback)
      const {
    return has(i) ? values_[i].first : fallback;
  }
  // Of the type named, or a fault.
  [[nodiscard]] int64_t integer(size_t i, int64_t fallback) const;
  [[nodiscard]] bool truth(size_t i, bool fallback) const;
  [[nodiscard]] std::string text(size_t i, const std::string& fallback) const;

 private:
  const char* function_;
  std::vector<std::pair<TemplateValue, bool>> values_;
};

// Without any argument, else a fault.
void expect_no_arguments(const char* function, const TemplateArguments& arguments);

} // namespace omni
