// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/json.h"

#include <cmath>
#include <utility>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/json_tree.h"

namespace omni {
namespace {

// Builds the document after looking at each event.
template <class Document>
class CheckedBuilder {
 public:
  CheckedBuilder(
      Document& root,
      std::string component,
      std::string subject,
      const JsonLimits& limits)
      : tree_(root),
        component_(std::move(component)),
        subject_(std::move(subject)),
        limits_(limits) {}

  // Refuses, before anything is built, what has too many values for sure: a comma
  // outside a string stands between two.
  void look_at(std::string_view text) const {
    int64_t num_values = 1;
    bool is_in_string = false;
    for (size_t i = 0; i < text.size() && num_values <= limits_.max_values; ++i) {
      const char letter = text[i];
      if (letter == '"') {
        is_in_string = !is_in_string;
      } else if (!is_in_string) {
        num_values += letter == ',' ? 1 : 0;
      } else if (letter == '\\') {
        ++i; // what it escapes
      }
    }
    check_count(num_values);
  }

  bool null() {
    return add(nullptr);
  }
  bool boolean(bool value) {
    return add(value);
  }
  bool number_integer(int64_t value) {
    return add(value);
  }
  bool number_unsigned(uint64_t value) {
    return add(value);
  }
  bool number_float(double value, const std::string& /*text*/) {
    return add(value);
  }
  bool string(std::string& value) {
    return add(std::move(value));
  }
  bool binary(Json::binary_t& /*value*/) {
    return false; // no text has one
  }
  bool start_object(size_t /*size*/) {
    open();
    tree_.open_object();
    return true;
  }
  bool key(std::string& name) {
    if (static_cast<int64_t>(name.size()) > limits_.max_key_bytes) {
      fail("a key of " + std::to_string(name.size()) + " bytes is too long");
    }
    if (!tree_.add_key(name)) {
      fail("the key \"" + name + "\" occurs twice");
    }
    return true;
  }
  bool end_object() {
    return close();
  }
  bool start_array(size_t /*size*/) {
    open();
    tree_.open_array();
    return true;
  }
  bool end_array() {
    return close();
  }
  bool parse_error(
      size_t position,
      const std::string& /*token*/,
      const Json::exception& error) {
    constexpr int kOutOfRange = 406;
    fail(
        error.id == kOutOfRange
            ? std::string("a number is too large")
            : "is not valid JSON at byte " + std::to_string(position));
    return false;
  }

 private:
  template <class Value>
  bool add(Value&& value) {
    count();
    tree_.add(std::forward<Value>(value));
    return true;
  }
  bool close() {
    --depth_;
    tree_.close();
    return true;
  }
  void count() {
    check_count(++num_values_);
  }
  void check_count(int64_t num_values) const {
    if (num_values > limits_.max_values) {
      fail("has more than " + std::to_string(limits_.max_values) + " values");
    }
  }
  void open() {
    count();
    if (++depth_ > limits_.max_depth) {
      fail("is nested deeper than " + std::to_string(limits_.max_depth));
    }
  }
  [[noreturn]] void fail(const std::string& cause) const {
    throw IoError(component_, subject_, cause + ".");
  }

  JsonTree<Document> tree_;
  std::string component_;
  std::string subject_;
  JsonLimits limits_;
  int64_t num_values_ = 0;
  int64_t depth_ = 0;
};

std::string shown(const Json& value) {
  constexpr size_t kMaxShown = 60;
  if (value.is_structured()) {
    return std::string(value.is_array() ? "a list" : "an object");
  }
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) {
    text.resize(kMaxShown);
    text += "...";
  }
  return text;
}

bool is_integer(const Json& value) {
  return value.is_number_integer() &&
      (!value.is_number_unsigned() ||
       value.get<uint64_t>() <=
           static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
}

template <class Document>
Document parse_document(
    std::string_view text,
    const std::string& component,
    const std::string& subject,
    const JsonLimits& limits) {
  Document root;
  CheckedBuilder<Document> builder(root, component, subject, limits);
  builder.look_at(text);
  // The library would take a NUL byte for the end of the text.
  const size_t nul = text.find('\0');
  Document::sax_parse(text.begin(), text.end(), &builder);
  if (nul != text.npos) {
    throw IoError(
        component, subject, "is not valid JSON at byte " + std::to_string(nul));
  }
  return root;
}

} // namespace

Json parse_json(
    std::string_view text,
    const std::string& component,
    const std::string& subject,
    const JsonLimits& limits) {
  return parse_document<Json>(text, component, subject, limits);
}

OrderedJson parse_ordered_json(
    std::string_view text,
    const std::string& component,
    const std::string& subject,
    const JsonLimits& limits) {
  return parse_document<OrderedJson>(text, component, subject, limits);
}

Json read_json(
    const std::filesystem::path& path,
    const std::string& component,
    int64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), component, path.string());
}

JsonObject::JsonObject(const Json& value, std::string component, std::string path)
    : value_(&value), component_(std::move(component)), path_(std::move(path)) {
  if (!value.is_object()) {
    throw ValueError(
        component_,
        "expected " + (path_.empty() ? "the document" : "`" + path_ + "`") +
            " an object, got " + shown(value) + ".");
  }
}

bool JsonObject::has(const std::string& key) const {
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

bool JsonObject::is_string(const std::string& key) const {
  const auto found = value_->find(key);
  return found != value_->end() && found->is_string();
}

int64_t JsonObject::integer(const std::string& key, int64_t min) const {
  const bool is_bounded = min != std::numeric_limits<int64_t>::min();
  const std::string expected =
      "a whole number" + (is_bounded ? " from " + std::to_string(min) : std::string());
  const Json& value = at(key, expected.c_str());
  if (!is_integer(value) || value.get<int64_t>() < min) {
    fail(key, expected, &value);
  }
  return value.get<int64_t>();
}

int64_t JsonObject::integer_or(const std::string& key, int64_t fallback, int64_t min)
    const {
  return has(key) ? integer(key, min) : fallback;
}

double JsonObject::number(const std::string& key) const {
  const Json& value = at(key, "a number");
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    fail(key, "a number", &value);
  }
  return value.get<double>();
}

double JsonObject::number_or(const std::string& key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

bool JsonObject::boolean(const std::string& key) const {
  const Json& value = at(key, "true or false");
  if (!value.is_boolean()) {
    fail(key, "true or false", &value);
  }
  return value.get<bool>();
}

bool JsonObject::boolean_or(const std::string& key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

std::string JsonObject::string(const std::string& key) const {
  const Json& value = at(key, "a string");
  if (!value.is_string()) {
    fail(key, "a string", &value);
  }
  return value.get<std::string>();
}

std::string JsonObject::string_or(const std::string& key, const std::string& fallback)
    const {
  return has(key) ? string(key) : fallback;
}

JsonObject JsonObject::object(const std::string& key) const {
  return JsonObject(at(key, "an object"), component_, path_of(key));
}

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  std::vector<JsonObject> list;
  for (const Json& value : array(key, "a list of objects")) {
    list.emplace_back(
        value, component_, path_of(key) + "[" + std::to_string(list.size()) + "]");
  }
  return list;
}

std::vector<int64_t> JsonObject::integers(const std::string& key) const {
  std::vector<int64_t> list;
  for (const Json& value : array(key, "a list of whole numbers")) {
    if (!is_integer(value)) {
      fail(key + "[" + std::to_string(list.size()) + "]", "a whole number", &value);
    }
    list.push_back(value.get<int64_t>());
  }
  return list;
}

std::vector<std::string> JsonObject::strings(const std::string& key) const {
  std::vector<std::string> list;
  for (const Json& value : array(key, "a list of strings")) {
    if (!value.is_string()) {
      fail(key + "[" + std::to_string(list.size()) + "]", "a string", &value);
    }
    list.push_back(value.get<std::string>());
  }
  return list;
}

void JsonObject::reject_unknown_keys(const std::set<std::string>& known) const {
  std::string unknown;
  for (const auto& [key, value] : value_->items()) {
    if (!known.contains(key)) {
      unknown += (unknown.empty() ? "`" : ", `") + path_of(key) + "`";
    }
  }
  if (unknown.empty()) {
    return;
  }
  std::string choices;
  for (const std::string& key : known) {
    choices += (choices.empty() ? "" : ", ") + key;
  }
  throw ValueError(
      component_, "expected keys among " + choices + ", got " + unknown + ".");
}

const Json& JsonObject::at(const std::string& key, const char* expected) const {
  const auto found = value_->find(key);
  if (found == value_->end()) {
    fail(key, expected, nullptr);
  }
  return *found;
}

const Json& JsonObject::array(const std::string& key, const char* expected) const {
  const Json& value = at(key, expected);
  if (!value.is_array()) {
    fail(key, expected, &value);
  }
  return value;
}

std::string JsonObject::path_of(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void JsonObject::fail(
    const std::string& key,
    const std::string& expected,
    const Json* value) const {
  throw ValueError(
      component_,
      "expected `" + path_of(key) + "` " + expected + ", got " +
          (value == nullptr ? "nothing" : shown(*value)) + ".");
}

} // namespace omni
