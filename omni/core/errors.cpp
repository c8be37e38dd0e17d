// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/errors.h"

namespace omni {

IoError::IoError(
    const std::string& component,
    const std::string& subject,
    const std::string& cause)
    : std::runtime_error("[" + component + "] " + subject + ": " + cause),
      subject_(subject) {}

ValueError::ValueError(const std::string& component, const std::string& message)
    : std::invalid_argument("[" + component + "] " + message) {}

} // namespace omni
