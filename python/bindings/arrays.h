// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Tensors and bytes from whatever holds them in Python, and results freed of inference
// mode.
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

// The memory of a bytes-like object, held as long as this lives. BufferError when it
// is not contiguous.
class Bytes {
 public:
  explicit Bytes(const py::buffer& buffer) {
    if (PyObject_GetBuffer(buffer.ptr(), &buffer_, PyBUF_SIMPLE) != 0) {
      throw py::error_already_set();
    }
  }
  ~Bytes() {
    PyBuffer_Release(&buffer_);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  [[nodiscard]] std::string_view view() const {
    return {static_cast<const char*>(buffer_.buf), static_cast<size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

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
