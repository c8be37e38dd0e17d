// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Messages: text, pictures, sound and clips under a role.
#include "omni/conversation/message.h"

#include <c10/util/Exception.h>

#include "python/bindings/fields.h"
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
  py::class_<Message> bound(
      module, "Message",
      R"(One turn: a role, its parts, and what else belongs to it.

Attributes:
    role: "system", "user", "assistant" or "tool".
    parts: texts, Images, Waveforms and VideoClips in order.
    ids: of an answer as generated, else None.
    reasoning: of an answer, what was thought before it; else empty.
    tool_calls: of an answer, ToolCalls in order.
    tool_name, tool_call_id: of a tool's result, which call it answers; else empty.)");
  bound.def(
      py::init([](Role role, const PartsArgument& parts,
                  std::optional<std::vector<int64_t>> ids, std::string reasoning,
                  std::vector<ToolCall> tool_calls, std::string tool_name,
                  std::string tool_call_id) {
        return Message{
            role,
            parts_of(parts),
            std::move(ids),
            std::move(reasoning),
            std::move(tool_calls),
            std::move(tool_name),
            std::move(tool_call_id)};
      }),
      py::arg("role"), py::arg("parts"), py::kw_only(), py::arg("ids") = py::none(),
      py::arg("reasoning") = "", py::arg("tool_calls") = std::vector<ToolCall>(),
      py::arg("tool_name") = "", py::arg("tool_call_id") = "");
  bound.def_readonly("role", &Message::role);
  bound.def_readonly("parts", &Message::parts);
  bound.def_readonly("ids", &Message::ids);
  bound.def_readonly("reasoning", &Message::reasoning);
  bound.def_readonly("tool_calls", &Message::tool_calls);
  bound.def_readonly("tool_name", &Message::tool_name);
  bound.def_readonly("tool_call_id", &Message::tool_call_id);
  bind_equality(
      bound,
      py::make_tuple(
          "role", "parts", "ids", "reasoning", "tool_calls", "tool_name",
          "tool_call_id"));
  bound
      .def(
          "__repr__",
          [](const py::object& self) {
            return "Message(" + py::repr(self.attr("role")).cast<std::string>() + ", " +
                py::repr(self.attr("parts")).cast<std::string>() + ")";
          })
      .def(py::pickle(
          [](const Message& self) {
            return py::make_tuple(
                self.role, self.parts, self.ids, self.reasoning, self.tool_calls,
                self.tool_name, self.tool_call_id);
          },
          [](const py::tuple& state) {
            return Message{
                state[0].cast<Role>(),
                parts_of(state[1]),
                state[2].cast<std::optional<std::vector<int64_t>>>(),
                state[3].cast<std::string>(),
                state[4].cast<std::vector<ToolCall>>(),
                state[5].cast<std::string>(),
                state[6].cast<std::string>()};
          }));
}

} // namespace omni::python
