// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: calls of libraries that print what they think of a damaged file. Neither
// libpng nor OpenCV itself can be asked not to through OpenCV's interface.
#pragma once

#include <functional>
#include <string>

namespace omni {

// Runs `work` in a thread whose standard error comes back as text (its first 64 KiB),
// and throws what it throws. All other threads keep theirs. Where the system cannot do
// that (not Linux, or Linux before 5.9), `work` may be heard and the text is empty.
std::string call_quietly(const std::function<void()>& work);

} // namespace omni
