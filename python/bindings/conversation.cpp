// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Messages: text, pictures, sound and clips under a role.
#include "omni/conversation/message.h"

#include <c10/util/Exception.h>

#include "python/bindings/parts_of_message.h"

namespace omni::python {

Part part_of(const py::handle& object) {
  if (py::isinstance<py::str>(object)) {
    return object.cast<std::string>();
  }
  if (py::isinstance<Image>(object)) {
    return object.cast<Image>();
  }
  if (py::isinstance<Waveform>(object)) {
    return object.cast<Waveform>();
  }
  if (py::isinstance<VideoClip>(object)) {
    return object.cast<VideoClip>();
  }
  TORCH_CHECK_TYPE(
      false, "[chat] expected text, Image, Waveform or VideoClip, got ",
      py::type::of(object).attr("__name__").cast<std::string>(),
      ". Files are read by read_image(), read_audio() and read_video().");
}

std::vector<Part> parts_of(const py::object& objects) {
  std::vector<Part> parts;
  for (const py::handle object : objects) {
    parts.push_back(part_of(object));
  }
  return parts;
}

void bind_conversation(py::module_& module) {
  py::class_<Message>(
      module, "Message", "One turn: a role, its parts, and the ids of an answer.")
      .def(
          py::init([](Role role, const PartsArgument& parts,
                      std::optional<std::vector<int64_t>> ids) {
            return Message{role, parts_of(parts), std::move(ids)};
          }),
          py::arg("role"), py::arg("parts"), py::kw_only(), py::arg("ids") = py::none())
      .def_readonly("role", &Message::role, "\"system\", \"user\" or \"assistant\".")
      .def_readonly(
          "parts", &Message::parts, "Texts, Images, Waveforms and VideoClips in order.")
      .def_readonly(
          "ids", &Message::ids, "The ids of an answer as generated, else None.")
      .def(
          "__eq__",
          [](const py::object& self, const py::object& other) {
            return py::isinstance<Message>(other) &&
                self.attr("role").equal(other.attr("role")) &&
                self.attr("parts").equal(other.attr("parts")) &&
                self.attr("ids").equal(other.attr("ids"));
          },
          py::arg("other"))
      .def(
          "__repr__",
          [](const py::object& self) {
            return "Message(" + py::repr(self.attr("role")).cast<std::string>() + ", " +
                py::repr(self.attr("parts")).cast<std::string>() + ")";
          })
      .def(py::pickle(
          [](const Message& self) {
            return py::make_tuple(self.role, self.parts, self.ids);
          },
          [](const py::tuple& state) {
            return Message{
                state[0].cast<Role>(), parts_of(state[1]),
                state[2].cast<std::optional<std::vector<int64_t>>>()};
          }));
}

} // namespace omni::python
