// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// JSON in and out of structs that `describe(archive, struct)` lists the fields of.
// Internal: the one place where configuration meets the JSON library. Reading rejects
// unknown keys and wrong types by the key's full path.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "omni/transformer/transformer_config.h"
#include "tokenizers/token_space.h"

namespace omni {

using ConfigJson = OrderedJson;

template <class T>
using Choices = std::initializer_list<std::pair<const char*, T>>;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

class ConfigWriter {
 public:
  ConfigJson json = ConfigJson::object();

  template <class T>
  void operator()(const char* key, T& value) {
    if constexpr (IsOptional<T>::value) {
      if (value) {
        (*this)(key, *value);
      }
    } else if constexpr (requires(ConfigWriter & w) { describe(w, value); }) {
      ConfigWriter inner;
      describe(inner, value);
      json[key] = inner.json;
    } else {
      json[key] = value;
    }
  }

  // Written only where it is not as usual: what few models have.
  template <class T>
  void rare(const char* key, T& value, const T& usual) {
    if (!(value == usual)) {
      (*this)(key, value);
    }
  }

  template <class T, class List = Choices<T>>
  void choice(const char* key, T& value, const List& choices) {
    for (const auto& [name, known] : choices) {
      if (known == value) {
        json[key] = name;
      }
    }
  }

  // Equal neighbours are written once, with "repeat".
  template <class Layers>
  void layers(const char* key, Layers& layers) {
    ConfigJson list = ConfigJson::array();
    for (size_t i = 0; i < layers.size();) {
      size_t end = i;
      while (end < layers.size() && layers[end] == layers[i]) {
        ++end;
      }
      ConfigWriter inner;
      inner.json["repeat"] = end - i;
      describe(inner, layers[i]);
      list.push_back(inner.json);
      i = end;
    }
    json[key] = list;
  }

  template <class T>
  void list(const char* key, std::vector<T>& items) {
    ConfigJson array = ConfigJson::array();
    for (T& item : items) {
      ConfigWriter inner;
      describe(inner, item);
      array.push_back(inner.json);
    }
    json[key] = array;
  }

  void token_space(const char* key, TokenSpace& space) {
    ConfigJson segments = ConfigJson::object();
    for (const auto& [segment, range] : space.segments()) {
      segments[segment_name(segment)] = {range.begin, range.end};
    }
    json[key] = {
        {"vocab_size", space.vocab_size()},
        {"segments", segments},
        {"control_ids", space.control_ids()}};
  }
};

class ConfigReader {
 public:
  ConfigReader(const ConfigJson& json, std::string path)
      : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) {
      fail("an object", json_);
    }
  }

  template <class T>
  void operator()(const char* key, T& value) {
    const ConfigJson* found = find(key);
    if (found == nullptr) {
      return;
    }
    if constexpr (IsOptional<T>::value) {
      if (!found->is_null()) {
        value.emplace();
        (*this)(key, *value);
      }
    } else if constexpr (requires(ConfigReader & r) { describe(r, value); }) {
      ConfigReader inner(*found, path_ + key + ".");
      describe(inner, value);
      inner.reject_unknown();
    } else {
      read(*found, key, value);
    }
  }

  template <class T>
  void rare(const char* key, T& value, const T& /*usual*/) {
    (*this)(key, value);
  }

  template <class T, class List = Choices<T>>
  void choice(const char* key, T& value, const List& choices) {
    const ConfigJson* found = find(key);
    if (found == nullptr) {
      return;
    }
    std::string allowed;
    for (const auto& [name, known] : choices) {
      if (*found == name) {
        value = known;
        return;
      }
      allowed += (allowed.empty() ? "" : ", ") + std::string(name);
    }
    fail_at(key, "one of " + allowed, *found);
  }

  template <class Layers>
  void layers(const char* key, Layers& layers) {
    const ConfigJson* found = find(key);
    if (found == nullptr) {
      return;
    }
    if (!found->is_array()) {
      fail_at(key, "a list of layers", *found);
    }
    constexpr int64_t kMaxLayers = 4096;
    layers.clear();
    for (size_t i = 0; i < found->size(); ++i) {
      ConfigReader inner((*found)[i], path_ + key + "[" + std::to_string(i) + "].");
      int64_t repeat = 1;
      inner("repeat", repeat);
      const auto count = static_cast<int64_t>(layers.size());
      if (repeat < 1 || repeat > kMaxLayers - count) {
        inner.fail_at(
            "repeat", "1 to " + std::to_string(kMaxLayers) + " layers", repeat);
      }
      typename Layers::value_type layer;
      describe(inner, layer);
      inner.reject_unknown();
      layers.insert(layers.end(), static_cast<size_t>(repeat), layer);
    }
  }

  template <class T>
  void list(const char* key, std::vector<T>& items) {
    const ConfigJson* found = find(key);
    if (found == nullptr) {
      return;
    }
    if (!found->is_array()) {
      fail_at(key, "a list", *found);
    }
    items.clear();
    for (size_t i = 0; i < found->size(); ++i) {
      ConfigReader inner((*found)[i], path_ + key + "[" + std::to_string(i) + "].");
      describe(inner, items.emplace_back());
      inner.reject_unknown();
    }
  }

  void token_space(const char* key, TokenSpace& space) {
    const ConfigJson* found = find(key);
    if (found == nullptr) {
      return;
    }
    ConfigReader inner(*found, path_ + key + ".");
    int64_t vocab_size = 0;
    std::map<std::string, std::array<int64_t, 2>> ranges;
    ControlIds control_ids;
    inner("vocab_size", vocab_size);
    inner("segments", ranges);
    inner("control_ids", control_ids);
    inner.reject_unknown();
    if (vocab_size == 0 && ranges.empty() && control_ids.empty()) {
      return; // codecs by themselves have no ids to share out
    }
    std::map<Segment, IdRange> segments;
    for (const auto& [name, range] : ranges) {
      segments[segment_from_name(name)] = {range[0], range[1]};
    }
    space = TokenSpace(vocab_size, segments, control_ids);
  }

  void reject_unknown() const {
    for (const auto& item : json_.items()) {
      if (!seen_.contains(item.key())) {
        std::string known;
        for (const std::string& key : seen_) {
          known += (known.empty() ? "" : ", ") + key;
        }
        throw ValueError(
            "config",
            "`" + path_ + item.key() + "` is not a key we know. Known here: " + known +
                ".");
      }
    }
  }

 private:
  const ConfigJson* find(const char* key) {
    seen_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  template <class T>
  void read(const ConfigJson& json, const char* key, T& value) {
    if constexpr (std::same_as<T, bool>) {
      if (!json.is_boolean()) {
        fail_at(key, "true or false", json);
      }
    } else if constexpr (std::integral<T>) {
      if (!json.is_number_integer()) {
        fail_at(key, "an integer", json);
      }
    } else if constexpr (std::floating_point<T>) {
      if (!json.is_number() || !std::isfinite(json.get<double>())) {
        fail_at(key, "a finite number", json);
      }
    }
    try {
      value = json.get<T>();
    } catch (const ConfigJson::exception&) {
      fail_at(key, "a value of another type", json);
    }
  }

  [[noreturn]] void fail_at(
      const std::string& key,
      const std::string& expected,
      const ConfigJson& got) const {
    throw ValueError(
        "config",
        "expected `" + path_ + key + "` " + expected + ", got " + got.dump() + ".");
  }
  [[noreturn]] void fail(const std::string& expected, const ConfigJson& got) const {
    throw ValueError(
        "config",
        "expected " + (path_.empty() ? "the file" : "`" + path_ + "`") + " " +
            expected + ", got " + got.dump() + ".");
  }

  const ConfigJson& json_;
  std::string path_;
  std::set<std::string> seen_;
};

} // namespace omni
