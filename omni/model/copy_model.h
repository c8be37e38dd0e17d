// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model once more, with memory of its own.
#pragma once

#include "omni/model/omni_model.h"

namespace omni {

// The same parts and values.
[[nodiscard]] OmniModel copy_model(const OmniModel& model);
// The same with another configuration: values that both have by name are copied, others
// are unset.
[[nodiscard]] OmniModel copy_model(const OmniModel& model, OmniConfig config);

} // namespace omni
