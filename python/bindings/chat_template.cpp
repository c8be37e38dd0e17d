// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Chat templates: plain Python values in, text out.
#include "omni/conversation/chat_template.h"

#include <c10/util/Exception.h>

#include "omni/conversation/chat_template_file.h"
#include "python/bindings/bindings.h"

namespace omni::python {
namespace {

using MessagesArgument = Typed<"collections.abc.Sequence[object]">;
using ToolsArgument = Typed<"collections.abc.Sequence[object] | None">;

std::string type_of(const py::handle& object) {
  return py::type::of(object).attr("__name__").cast<std::string>();
}

int64_t whole_number_of(const py::handle& object) {
  int overflow = 0;
  const int64_t value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  TORCH_CHECK_VALUE(
      overflow == 0, "[chat_template] expected a whole number within 64 bits, got ",
      overflow > 0 ? "a larger" : "a smaller", " one.");
  return value;
}

// `depth` is how far inside other values this one lies.
TemplateValue value_of(const py::handle& object, int depth = 0) {
  constexpr int kMaxDepth = 200; // as ChatTemplateOptions
  TORCH_CHECK_VALUE(
      depth <= kMaxDepth, "[chat_template] expected values up to ", kMaxDepth,
      " deep inside each other, got more.");
  if (object.is_none()) {
    return {};
  }
  if (py::isinstance<py::bool_>(object)) {
    return object.cast<bool>();
  }
  if (py::isinstance<py::int_>(object)) {
    return whole_number_of(object);
  }
  if (py::isinstance<py::float_>(object)) {
    return object.cast<double>();
  }
  if (py::isinstance<py::str>(object)) {
    return object.cast<std::string>();
  }
  if (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    TemplateValue::Items items;
    for (const py::handle item : object) {
      items.push_back(value_of(item, depth + 1));
    }
    return py::isinstance<py::list>(object) ? TemplateValue::list(std::move(items))
                                            : TemplateValue::tuple(std::move(items));
  }
  if (py::isinstance<py::dict>(object)) {
    TemplateValue::Entries entries;
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(object)) {
      TemplateValue name = value_of(key, depth + 1);
      entries.emplace_back(std::move(name), value_of(value, depth + 1));
    }
    return TemplateValue::dict(std::move(entries));
  }
  TORCH_CHECK_TYPE(
      false,
      "[chat_template] expected None, bool, int, float, str, list, tuple or dict, got ",
      type_of(object), ".");
}

py::object python_of(const TemplateValue& value) {
  switch (value.kind()) {
    case TemplateValue::Kind::None:
      return py::none();
    case TemplateValue::Kind::Bool:
      return py::bool_(value.as_bool());
    case TemplateValue::Kind::Int:
      return py::int_(value.as_int());
    case TemplateValue::Kind::Float:
      return py::float_(value.as_float());
    case TemplateValue::Kind::Text:
      return py::str(value.as_text());
    case TemplateValue::Kind::List:
    case TemplateValue::Kind::Tuple: {
      py::list items;
      for (const TemplateValue& item : value.items()) {
        items.append(python_of(item));
      }
      if (value.kind() == TemplateValue::Kind::List) {
        return items;
      }
      return py::tuple(items);
    }
    case TemplateValue::Kind::Dict: {
      py::dict entries;
      for (const auto& [key, item] : value.as_dict().entries()) {
        entries[python_of(key)] = python_of(item);
      }
      return entries;
    }
    case TemplateValue::Kind::Object:
      break;
  }
  TORCH_INTERNAL_ASSERT(false, "a variable is made of values of Python");
}

py::dict defaults_of(const ChatTemplate& chat_template) {
  py::dict defaults;
  for (const auto& [name, value] : chat_template.defaults()) {
    defaults[py::str(name)] = python_of(value);
  }
  return defaults;
}

ChatTemplate::Variables variables_of(
    const py::object& messages,
    bool add_generation_prompt,
    const py::object& tools,
    const py::kwargs& others) {
  ChatTemplate::Variables variables = {
      {"messages", value_of(messages)},
      {"add_generation_prompt", TemplateValue(add_generation_prompt)},
      {"tools", value_of(tools)}};
  for (const auto& [name, value] : others) {
    variables.emplace_back(name.cast<std::string>(), value_of(value));
  }
  return variables;
}

} // namespace

void bind_chat_template(py::module_& module) {
  py::class_<ChatTemplate>(
      module, "ChatTemplate",
      R"(The chat template of a model: Jinja as `transformers` reads it. Runs no code but the
template's, within limits; safe to share between threads. Pickles; two are equal when
their source and defaults are.

Args:
    source: the template, such as `chat_template` in a tokenizer_config.json.

Raises:
    ValueError: naming line and column, for a source that is no template.

Example:
    >>> template = omni.ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}")
    >>> template.render([{"role": "user", "content": "안녕"}])
    '안녕')")
      .def(
          py::init([](std::string source) { return ChatTemplate(std::move(source)); }),
          py::arg("source"))
      .def(
          "render",
          [](const ChatTemplate& self, const MessagesArgument& messages,
             bool add_generation_prompt, const ToolsArgument& tools,
             const py::kwargs& variables) {
            const auto given =
                variables_of(messages, add_generation_prompt, tools, variables);
            const py::gil_scoped_release release;
            return self.render(given);
          },
          py::arg("messages"), py::arg("add_generation_prompt") = false,
          py::arg("tools") = py::none(),
          R"(The prompt of a conversation.

Args:
    messages: dicts with "role", "content" and whatever else the template reads.
    add_generation_prompt: whether the prompt ends where an answer begins.
    tools: descriptions of functions that may be called, as JSON schemas.
    variables: what else the template asks for: bos_token, enable_thinking.

Raises:
    ValueError: where the template fails, raises an error itself or goes over a limit.
    TypeError: for values other than None, bool, int, float, str, list, tuple, dict.)")
      .def_property_readonly("source", &ChatTemplate::source, "The template as text.")
      .def_property_readonly(
          "defaults", &defaults_of,
          "Variables that render() may be given otherwise: the special tokens of the "
          "folder that read_chat_template() read.")
      .def(
          "__hash__",
          [](const ChatTemplate& self) { return py::hash(py::str(self.source())); })
      .def(
          "__eq__",
          [](const ChatTemplate& self, const py::object& other) -> py::object {
            if (!py::isinstance<ChatTemplate>(other)) {
              return py::reinterpret_borrow<py::object>(Py_NotImplemented);
            }
            const auto& twin = other.cast<const ChatTemplate&>();
            return py::bool_(
                self.source() == twin.source() &&
                defaults_of(self).equal(defaults_of(twin)));
          },
          py::arg("other"))
      .def(py::pickle(
          [](const ChatTemplate& self) {
            return py::make_tuple(self.source(), defaults_of(self));
          },
          [](const py::tuple& state) {
            ChatTemplate::Variables defaults;
            for (const auto& [name, value] : state[1].cast<py::dict>()) {
              defaults.emplace_back(name.cast<std::string>(), value_of(value));
            }
            return ChatTemplate(state[0].cast<std::string>(), {}, std::move(defaults));
          }))
      .def("__repr__", [](const ChatTemplate& self) {
        return "ChatTemplate(" + std::to_string(py::len(py::str(self.source()))) +
            " characters)";
      });
  module.def(
      "read_chat_template", &read_chat_template, py::arg("folder"),
      R"(The chat template in a model folder: chat_template.jinja, or else the one in
tokenizer_config.json. It knows the folder's special tokens (bos_token, eos_token, ...).

Returns:
    None when the folder has none.

Raises:
    OSError, ValueError: naming the file that is not as it should be.

Example:
    >>> template = omni.read_chat_template("checkpoint"))");
}

} // namespace omni::python
