// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "python/bindings/arrays.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/python_variable.h>

namespace omni::python {

at::Tensor tensor_of(const py::object& object) {
  if (THPVariable_Check(object.ptr())) {
    return object.cast<at::Tensor>();
  }
  const py::module_ torch = py::module_::import("torch");
  const py::module_ numpy = py::module_::import("numpy");
  const bool is_array = py::isinstance(object, numpy.attr("ndarray"));
  if (!is_array && py::hasattr(object, "__dlpack__")) {
    return torch.attr("from_dlpack")(object).cast<at::Tensor>();
  }
  py::object array = numpy.attr("asarray")(object);
  const bool is_viewable = array.attr("flags").attr("writeable").cast<bool>() &&
      array.attr("flags").attr("c_contiguous").cast<bool>();
  if (!is_viewable) {
    array = numpy.attr("array")(array, py::arg("order") = "C");
  }
  return torch.attr("from_numpy")(array).cast<at::Tensor>();
}

std::filesystem::path path_of(
    const py::object& object,
    const std::string& component,
    const std::string& remedy) {
  const bool is_path =
      py::isinstance<py::str>(object) || py::hasattr(object, "__fspath__");
  TORCH_CHECK_TYPE(
      is_path, "[", component, "] expected a path (str or os.PathLike), got ",
      py::type::of(object).attr("__name__").cast<std::string>(), ".",
      remedy.empty() ? "" : " ", remedy);
  return object.cast<std::filesystem::path>();
}

void make_ordinary(at::Tensor& tensor) {
  if (tensor.defined() && tensor.is_inference()) {
    tensor = tensor.clone();
  }
}

void make_ordinary(Part& part) {
  if (auto* image = std::get_if<Image>(&part)) {
    make_ordinary(image->pixels);
  } else if (auto* waveform = std::get_if<Waveform>(&part)) {
    make_ordinary(waveform->samples);
  }
}

void make_ordinary(Event& event) {
  make_ordinary(event.image.pixels);
  make_ordinary(event.speech.samples);
}

} // namespace omni::python
