// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Python's signals and errors inside a computation that holds no interpreter lock:
// Ctrl-C is looked for between steps, and what a Python callback throws is kept until
// the computation has ended in good order.
#pragma once

#include <chrono>
#include <optional>

#include "python/bindings/bindings.h"

namespace omni::python {

class Interruption {
 public:
  // Call with the interpreter lock held, on the thread that computes.
  Interruption();

  // Without the lock: whether the computation shall end. On the main thread, signal
  // handlers run here, at most every few milliseconds, for taking the lock may mean
  // waiting for another thread.
  [[nodiscard]] bool is_wanted();
  // With the lock, inside a catch block: keeps the Python error being handled.
  void keep(py::error_already_set& error);
  [[nodiscard]] bool has_error() const {
    return error_.has_value();
  }
  // With the lock, when all is over: throws what was kept.
  void rethrow();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_main_thread_ = false;
  Clock::time_point last_look_;
  std::optional<py::error_already_set> error_;
};

} // namespace omni::python
