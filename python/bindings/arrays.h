// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Tensors from whatever holds numbers in Python, and results freed of inference mode.
#pragma once

#include <ATen/core/Tensor.h>

#include "omni/conversation/message.h"
#include "omni/generate/event.h"
#include "python/bindings/bindings.h"

namespace omni::python {

// A tensor over the memory of a torch.Tensor, an object with `__dlpack__`, or anything
// that numpy.asarray takes. Copies only what torch cannot view: read-only arrays,
// negative strides, lists.
[[nodiscard]] at::Tensor tensor_of(const py::object& object);

// The path of a file, from str or os.PathLike. TypeError for bytes, which are content:
// "[read_image] expected a path, got bytes. Use decode_image() for ...".
[[nodiscard]] std::filesystem::path path_of(
    const py::object& object,
    const std::string& component,
    const std::string& remedy);

// Answers are computed in inference mode, whose tensors autograd refuses for ever.
// These replace them by ordinary ones. Call outside inference mode.
void make_ordinary(at::Tensor& tensor);
void make_ordinary(Part& part);
void make_ordinary(Event& event);

} // namespace omni::python
