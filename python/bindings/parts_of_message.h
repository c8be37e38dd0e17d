// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a user says, from Python objects.
#pragma once

#include <vector>

#include "omni/conversation/message.h"
#include "python/bindings/bindings.h"

namespace omni::python {

// str, Image, Waveform or VideoClip; TypeError that names the type of anything else.
[[nodiscard]] Part part_of(const py::handle& object);
[[nodiscard]] std::vector<Part> parts_of(const py::object& objects);

} // namespace omni::python
