// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Errors of code that knows no torch (parsers of foreign bytes, files). Everything
// else throws through TORCH_CHECK_VALUE, _TYPE, _INDEX and _NOT_IMPLEMENTED. Messages
// follow one grammar: "[component] expected X, got Y." and a sentence of remedy.
#pragma once

#include <stdexcept>
#include <string>

namespace omni {

// A file or stream that cannot be read or written, or whose bytes are not what they
// claim to be. `OSError` in Python.
class IoError : public std::runtime_error {
 public:
  // `component` without brackets; `subject` is the path, or what stands for it.
  IoError(
      const std::string& component,
      const std::string& subject,
      const std::string& cause);

  [[nodiscard]] const std::string& subject() const {
    return subject_;
  }

 private:
  std::string subject_;
};

// A value the caller gave that cannot be used. `ValueError` in Python.
class ValueError : public std::invalid_argument {
 public:
  ValueError(const std::string& component, const std::string& message);
};

} // namespace omni
