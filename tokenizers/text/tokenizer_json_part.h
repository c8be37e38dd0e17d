// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One part of a tokenizer.json (a normaliser, a decoder, ...) that is being read: its
// fields, its type, and the errors that name the file. Internal: includes JSON.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "omni/core/errors.h"
#include "omni/core/json.h"

namespace omni {

// A file that is sound but asks for what is not supported. `ValueError` in Python.
class UnsupportedTokenizer : public ValueError {
 public:
  UnsupportedTokenizer(const std::string& file, const std::string& message)
      : ValueError("tokenizer", file + ": " + message) {}
};

struct TokenizerJsonPart {
  const JsonObject& fields;
  std::string name; // e.g. "pre_tokenizer"
  std::string file;

  [[nodiscard]] std::string type() const {
    return fields.string("type");
  }
  // The parts of a Sequence, as `key` lists them.
  template <class Part, class Read>
  [[nodiscard]] std::vector<Part> parts(const std::string& key, Read read) const {
    std::vector<Part> parts;
    for (const JsonObject& part : fields.objects(key)) {
      parts.push_back(read(TokenizerJsonPart{part, name, file}));
    }
    return parts;
  }
  [[noreturn]] void unsupported(const std::string& expected, const std::string& got)
      const {
    throw UnsupportedTokenizer(file, message(expected, got));
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw IoError("tokenizer", file, message(expected, got));
  }

 private:
  // What came is shown in part: a file may hold any length of text.
  [[nodiscard]] std::string message(const std::string& expected, const std::string& got)
      const {
    constexpr size_t kMaxShown = 200;
    const std::string shown =
        got.size() > kMaxShown ? got.substr(0, kMaxShown) + "..." : got;
    return "expected " + name + " " + expected + ", got " + shown + ".";
  }
};

} // namespace omni
