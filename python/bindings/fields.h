// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Immutable Python values. A plain C++ struct becomes one by bind_fields(): keyword
// constructor with the C++ defaults, read-only attributes, ==, pickling, and a repr of
// the first field and of what differs from the defaults. bind_equality() is for those
// whose attributes are not all fields. `_fields` lists the names, as in a named tuple.
#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "python/bindings/bindings.h"

namespace omni::python {

template <class Struct, class Member>
struct Field {
  const char* name;
  Member Struct::*member;
};
template <class Struct, class Member>
Field(const char*, Member Struct::*) -> Field<Struct, Member>;

// == by attributes as Python sees them: also tensors and lists compare by content.
template <class Value>
void bind_equality(py::class_<Value>& bound, const py::tuple& names) {
  bound.attr("_fields") = names;
  bound.def(
      "__eq__",
      [names](const py::object& self, const py::object& other) -> py::object {
        if (!py::isinstance<Value>(other)) {
          return py::reinterpret_borrow<py::object>(Py_NotImplemented);
        }
        for (const py::handle name : names) {
          if (!self.attr(name).equal(other.attr(name))) {
            return py::bool_(false);
          }
        }
        return py::bool_(true);
      },
      py::arg("other"));
}

// All of bind_fields() but the repr.
template <class Struct, class... Members>
void bind_plain_fields(py::class_<Struct>& bound, Field<Struct, Members>... field) {
  const Struct defaults{};
  bound.attr("_fields") = py::make_tuple(field.name...);
  bound.def(
      py::init([field...](Members... values) {
        Struct result;
        ((result.*(field.member) = std::move(values)), ...);
        return result;
      }),
      py::kw_only(), (py::arg(field.name) = defaults.*(field.member))...);
  (bound.def_readonly(field.name, field.member), ...);
  bound.def(
      "__eq__",
      [field...](const Struct& self, const py::object& other) -> py::object {
        if (!py::isinstance<Struct>(other)) {
          return py::reinterpret_borrow<py::object>(Py_NotImplemented);
        }
        const auto& value = other.cast<const Struct&>();
        return py::bool_((... && (self.*(field.member) == value.*(field.member))));
      },
      py::arg("other"));
  bound.def(py::pickle(
      [field...](const Struct& self) {
        return py::make_tuple(self.*(field.member)...);
      },
      [field...](const py::tuple& state) {
        Struct result;
        size_t i = 0;
        ((result.*(field.member) = state[i++].template cast<Members>()), ...);
        return result;
      }));
}

template <class Struct, class... Members>
void bind_fields(
    py::class_<Struct>& bound,
    const std::string& name,
    Field<Struct, Members>... field) {
  const Struct defaults{};
  bind_plain_fields(bound, field...);
  bound.def("__repr__", [name, defaults, field...](const Struct& self) {
    std::string text;
    const auto add = [&](const char* key, const auto& value, const auto& normal) {
      if (text.empty() || !(value == normal)) {
        text.append(text.empty() ? "" : ", ").append(key).append("=");
        text += py::repr(py::cast(value)).template cast<std::string>();
      }
    };
    (add(field.name, self.*(field.member), defaults.*(field.member)), ...);
    return name + "(" + text + ")";
  });
}

} // namespace omni::python
