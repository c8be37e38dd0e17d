// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a program says of an error.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <string>

// Its sentence, without the C++ backtrace that torch writes behind it.
inline std::string message_of(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error == nullptr ? error.what() : torch_error->what_without_backtrace();
}
