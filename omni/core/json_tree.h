// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A JSON document put together from the events of nlohmann's parser. It finds a key
// that stands twice in an object, which the library's own builder overwrites. Internal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace omni {

template <class Document> // Json or OrderedJson
class JsonTree {
 public:
  // `root` must outlive the tree.
  explicit JsonTree(Document& root) : root_(root) {}

  // The next value: of the open list, of the latest key, or the whole document.
  template <class Value>
  Document& add(Value&& value) {
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return root_;
    }
    if (open_.back()->is_array()) {
      auto& list = open_.back()->template get_ref<typename Document::array_t&>();
      return list.emplace_back(std::forward<Value>(value));
    }
    *member_ = std::forward<Value>(value);
    return *member_;
  }
  void open_object() {
    open_.push_back(&add(Document::object()));
  }
  void open_array() {
    open_.push_back(&add(Document::array()));
  }
  void close() {
    open_.pop_back();
  }
  // Of the value that comes next. False when the open object has it already.
  [[nodiscard]] bool add_key(const std::string& name) {
    auto& object = open_.back()->template get_ref<typename Document::object_t&>();
    const auto [place, is_new] = object.emplace(name, nullptr);
    member_ = &place->second;
    return is_new;
  }

 private:
  Document& root_;
  std::vector<Document*> open_; // lists and objects, the outermost first
  Document* member_ = nullptr; // of the open object
};

} // namespace omni
