// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "python/bindings/interrupt.h"

namespace omni::python {

Interruption::Interruption() {
  const py::module_ threading = py::module_::import("threading");
  is_main_thread_ =
      threading.attr("current_thread")().is(threading.attr("main_thread")());
}

bool Interruption::is_wanted() {
  constexpr auto kBetweenLooks = std::chrono::milliseconds(5);
  const Clock::time_point now = Clock::now();
  if (error_ || !is_main_thread_ || now - last_look_ < kBetweenLooks) {
    return error_.has_value();
  }
  last_look_ = now;
  const py::gil_scoped_acquire lock;
  if (PyErr_CheckSignals() != 0) {
    error_.emplace();
  }
  return error_.has_value();
}

void Interruption::keep(py::error_already_set& error) {
  if (!error_) {
    error_.emplace(std::move(error));
  }
}

void Interruption::rethrow() {
  if (error_) {
    py::error_already_set error = std::move(*error_);
    error_.reset();
    throw error;
  }
}

} // namespace omni::python
