// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What every source of the module needs: pybind11 with torch's casters, and the one
// function that each area exports. Binding rules: same names as C++, one leading
// positional argument, the rest by keyword; the interpreter lock is released in every
// call that computes.
#pragma once

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <torch/csrc/utils/pybind.h>

#include <algorithm>

#include "python/bindings/names.h"

namespace omni::python {

namespace py = pybind11;
using ReleaseLock = py::call_guard<py::gil_scoped_release>;

// The text of a type, as a template argument.
template <size_t size>
struct TypeText {
  constexpr TypeText(const char (&text)[size]) { // NOLINT: from a literal
    std::copy(text, text + size, value);
  }
  char value[size]{};
};

// Any object, which signatures and stubs name as what it shall be; functions check it.
template <TypeText type>
class Typed : public py::object {
  PYBIND11_OBJECT_DEFAULT(Typed, object, is_object)

 private:
  static bool is_object(PyObject* object) {
    return object != nullptr;
  }
};

using PathArgument = Typed<"str | os.PathLike[str]">;
using ArrayArgument = Typed<"torch.Tensor | numpy.typing.ArrayLike">;
using PartsArgument = Typed<
    "collections.abc.Iterable[str | omni._omni.Image | omni._omni.Waveform | "
    "omni._omni.VideoClip]">;
using EventListener =
    Typed<"collections.abc.Callable[[omni._omni.Event], object] | None">;
using TrainListener =
    Typed<"collections.abc.Callable[[omni._omni.TrainEvent], object] | None">;
using StopQuestion = Typed<"collections.abc.Callable[[], bool] | None">;

void bind_errors(py::module_& module);
void bind_media_values(py::module_& module);
void bind_media_io(py::module_& module);
void bind_sound_io(py::module_& module);
void bind_tokenizers(py::module_& module);
void bind_model(py::module_& module);
void bind_parts(py::module_& module);
void bind_sampling(py::module_& module);
void bind_conversation(py::module_& module);
void bind_chat_template(py::module_& module);
void bind_reply(py::module_& module);
void bind_chat(py::module_& module);
void bind_train(py::module_& module);

} // namespace omni::python

namespace pybind11::detail {

template <omni::python::TypeText type>
struct handle_type_name<omni::python::Typed<type>> {
  static constexpr auto name = const_name(type.value);
};

} // namespace pybind11::detail
