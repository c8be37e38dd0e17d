// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// JSON files read with care. Internal: no public header includes this one. Parsing is
// bounded and rejects repeated keys; JsonObject reads typed values and names the key's
// full path when one is missing or of another type. No torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json; // keys stay in the order of the text

struct JsonLimits {
  int64_t max_depth = 64; // of arrays and objects inside each other
  int64_t max_values = 4'000'000; // of any kind, keys not counted
  int64_t max_key_bytes = 65'536;
};

// Throws IoError as [component], naming `subject` and the byte: not JSON, beyond the
// limits, a key twice in one object, a number that no double holds.
[[nodiscard]] Json parse_json(
    std::string_view text,
    const std::string& component,
    const std::string& subject,
    const JsonLimits& limits = {});
[[nodiscard]] OrderedJson parse_ordered_json(
    std::string_view text,
    const std::string& component,
    const std::string& subject,
    const JsonLimits& limits = {});
[[nodiscard]] Json read_json(
    const std::filesystem::path& path,
    const std::string& component,
    int64_t max_bytes = int64_t{64} << 20);

// One object of a document and the way to it. Getters throw ValueError such as
// "[config] expected `transformer.width` a whole number from 1, got "x"."; those with a
// fallback return it for a key that is missing or null. Keeps pointers into the
// document, which must outlive it.
class JsonObject {
 public:
  JsonObject(const Json& value, std::string component, std::string path = "");

  [[nodiscard]] bool has(const std::string& key) const; // present and not null
  [[nodiscard]] bool is_string(const std::string& key) const;
  [[nodiscard]] int64_t integer(
      const std::string& key,
      int64_t min = std::numeric_limits<int64_t>::min()) const;
  [[nodiscard]] int64_t integer_or(
      const std::string& key,
      int64_t fallback,
      int64_t min = std::numeric_limits<int64_t>::min()) const;
  // Finite.
  [[nodiscard]] double number(const std::string& key) const;
  [[nodiscard]] double number_or(const std::string& key, double fallback) const;
  [[nodiscard]] bool boolean(const std::string& key) const;
  [[nodiscard]] bool boolean_or(const std::string& key, bool fallback) const;
  [[nodiscard]] std::string string(const std::string& key) const;
  [[nodiscard]] std::string string_or(
      const std::string& key,
      const std::string& fallback) const;
  [[nodiscard]] JsonObject object(const std::string& key) const;
  [[nodiscard]] std::vector<JsonObject> objects(const std::string& key) const;
  [[nodiscard]] std::vector<int64_t> integers(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> strings(const std::string& key) const;

  // Throws ValueError that lists every key of this object not among `known`.
  void reject_unknown_keys(const std::set<std::string>& known) const;

 private:
  [[nodiscard]] const Json& at(const std::string& key, const char* expected) const;
  [[nodiscard]] const Json& array(const std::string& key, const char* expected) const;
  [[nodiscard]] std::string path_of(const std::string& key) const;
  [[noreturn]] void
  fail(const std::string& key, const std::string& expected, const Json* value) const;

  const Json* value_;
  std::string component_;
  std::string path_;
};

} // namespace omni
