// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/tokenizer_json_file.h"

#include <array>
#include <utility>

#include "omni/core/errors.h"
#include "omni/core/json_tree.h"

namespace omni {
namespace {

constexpr size_t kMaxDepth = 64;
// Outside the two lists: eight for each of 72,000 added tokens are the most published.
constexpr size_t kMaxValues = 1'000'000;
constexpr size_t kMaxTokenBytes = 65536;
constexpr size_t kMaxMerges = 4'000'000;

std::string shown(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  std::string result = "\"" + std::string(text.substr(0, kMaxShown));
  return result + (text.size() > kMaxShown ? "...\"" : "\"");
}

// Gets the events of nlohmann's parser. Those of model.vocab and model.merges go into
// the lists, all others into a document.
class Builder {
 public:
  explicit Builder(TokenizerJsonFile& file) : file_(file), tree_(file.document) {}

  bool null() {
    return add(nullptr, "null");
  }
  bool boolean(bool value) {
    return add(value, "a boolean");
  }
  bool number_integer(int64_t value) {
    return add(value, std::to_string(value));
  }
  bool number_unsigned(uint64_t value) {
    if (place_ != Place::Vocabulary) {
      return add(value, "a number");
    }
    if (value > kMaxTokenId) {
      fail_id(std::to_string(value));
    }
    file_.vocabulary.push_back({token_, static_cast<uint32_t>(value)});
    return true;
  }
  bool number_float(double value, const std::string& text) {
    return add(value, text);
  }
  bool string(std::string& value) {
    if (place_ == Place::Merges) {
      add_merge(value);
      return true;
    }
    if (place_ == Place::MergePair) {
      if (num_in_pair_ == 2) {
        fail_merge("more than two strings");
      }
      pair_[num_in_pair_++] = keep(value);
      return true;
    }
    return add(std::move(value), "a string");
  }
  bool binary(Json::binary_t& /*value*/) {
    return false; // no text has one
  }

  bool start_object(size_t /*size*/) {
    open("an object");
    if (is_at("model", "vocab")) {
      place_ = Place::Vocabulary;
      // The document keeps an empty object, which says that there is one.
      tree_.add(Json::object());
      return true;
    }
    tree_.open_object();
    return true;
  }
  bool key(std::string& name) {
    if (place_ == Place::Vocabulary) {
      token_ = keep(name);
      return true;
    }
    if (name.size() > kMaxTokenBytes) {
      fail(
          "keys of at most " + std::to_string(kMaxTokenBytes) + " bytes",
          "a longer one");
    }
    if (!tree_.add_key(name)) {
      fail("each key once", shown(name) + " twice");
    }
    if (depth_ == 1) {
      path_ = {name, ""};
    } else if (depth_ == 2) {
      path_[1] = name;
    }
    return true;
  }
  bool end_object() {
    --depth_;
    if (place_ == Place::Vocabulary) {
      place_ = Place::Document;
      return true;
    }
    tree_.close();
    return true;
  }

  bool start_array(size_t /*size*/) {
    if (place_ == Place::Merges) {
      place_ = Place::MergePair;
      num_in_pair_ = 0;
      ++depth_;
      return true;
    }
    open("a list");
    if (is_at("model", "merges")) {
      place_ = Place::Merges;
      tree_.add(Json::array());
      return true;
    }
    tree_.open_array();
    return true;
  }
  bool end_array() {
    --depth_;
    if (place_ == Place::MergePair) {
      if (num_in_pair_ != 2) {
        fail_merge(std::to_string(num_in_pair_) + " strings");
      }
      push_merge({pair_[0], pair_[1]});
      place_ = Place::Merges;
      return true;
    }
    if (place_ == Place::Merges) {
      place_ = Place::Document;
      return true;
    }
    tree_.close();
    return true;
  }

  bool parse_error(
      size_t position,
      const std::string& /*token*/,
      const Json::exception& /*error*/) {
    fail(
        "a tokenizer.json",
        "what is not valid JSON at byte " + std::to_string(position));
  }

 private:
  enum class Place { Document, Vocabulary, Merges, MergePair };

  // A value of the document; `got` names one that is out of place, within a list.
  template <class Value>
  bool add(Value&& value, std::string_view got) {
    count(got);
    tree_.add(std::forward<Value>(value));
    return true;
  }

  void open(std::string_view got) {
    count(got);
    if (++depth_ > kMaxDepth) {
      fail(
          "values nested at most " + std::to_string(kMaxDepth) + " deep",
          "deeper ones");
    }
  }

  void count(std::string_view got) {
    if (place_ == Place::Vocabulary) {
      fail_id(std::string(got));
    }
    if (place_ != Place::Document) {
      fail_merge(std::string(got));
    }
    if (++num_values_ > kMaxValues) {
      fail("at most " + std::to_string(kMaxValues) + " values", "more");
    }
  }

  // Whether what was just opened is a value of the document's `outer.inner`.
  [[nodiscard]] bool is_at(const char* outer, const char* inner) const {
    return depth_ == 3 && path_[0] == outer && path_[1] == inner;
  }

  TokenizerJsonFile::Text keep(std::string_view text) {
    if (text.size() > kMaxTokenBytes) {
      fail(
          "tokens of at most " + std::to_string(kMaxTokenBytes) + " bytes",
          std::to_string(text.size()));
    }
    const size_t begin = file_.texts.size();
    file_.texts += text;
    return {begin, static_cast<uint32_t>(text.size())};
  }

  // "a b", with exactly one space.
  void add_merge(std::string_view text) {
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) {
      fail_merge(shown(text));
    }
    const TokenizerJsonFile::Text left = keep(text.substr(0, space));
    push_merge({left, keep(text.substr(space + 1))});
  }

  void push_merge(TokenizerJsonFile::Merge merge) {
    if (file_.merges.size() == kMaxMerges) {
      fail("at most " + std::to_string(kMaxMerges) + " merges", "more");
    }
    file_.merges.push_back(merge);
  }

  [[noreturn]] void fail_id(const std::string& got) const {
    fail(
        "the id of token " + shown(file_.text_of(token_)) +
            " in model.vocab a whole number from 0 to " + std::to_string(kMaxTokenId),
        got);
  }
  [[noreturn]] void fail_merge(const std::string& got) const {
    fail(
        "merge " + std::to_string(file_.merges.size()) +
            R"( of model.merges as "a b" or ["a", "b"])",
        got);
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw IoError(
        "tokenizer", file_.name, "expected " + expected + ", got " + got + ".");
  }

  TokenizerJsonFile& file_;
  JsonTree<Json> tree_;
  Place place_ = Place::Document;
  size_t depth_ = 0;
  size_t num_values_ = 0;
  std::array<std::string, 2> path_; // keys of the two outermost objects
  TokenizerJsonFile::Text token_; // whose id comes next
  std::array<TokenizerJsonFile::Text, 2> pair_;
  size_t num_in_pair_ = 0;
};

} // namespace

TokenizerJsonFile parse_tokenizer_json(
    std::string_view bytes,
    const std::string& name) {
  TokenizerJsonFile file;
  file.name = name;
  Builder builder(file);
  // The library would take a NUL byte for the end of the text.
  if (const size_t nul = bytes.find('\0'); nul != bytes.npos) {
    throw IoError(
        "tokenizer", name,
        "expected a tokenizer.json, got what is not valid JSON at byte " +
            std::to_string(nul) + ".");
  }
  Json::sax_parse(bytes.begin(), bytes.end(), &builder);
  if (!file.document.is_object()) {
    throw IoError("tokenizer", name, "expected a tokenizer.json, got no JSON object.");
  }
  return file;
}

} // namespace omni
