// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: calls of libraries that print what they think of a damaged file. Neither
// libpng nor libjpeg nor OpenCV can be asked not to through OpenCV's interface.
#pragma once

#include <functional>

namespace omni {

// Runs `work` in a thread whose standard error goes nowhere, and throws what it throws.
// All other threads keep theirs. Where the system cannot do that, `work` may be heard.
void call_quietly(const std::function<void()>& work);

} // namespace omni
