// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Enumerators cross into Python as their names ("image", "end_of_turn"): what C++ calls
// them is what Python reads and writes, and nothing is listed twice.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "omni/conversation/message.h"
#include "omni/generate/event.h"
#include "omni/model/token_sequence.h"
#include "tokenizers/token_space.h"

namespace omni::python {

template <class Enum, auto to_name, auto from_name>
struct NameCaster {
  PYBIND11_TYPE_CASTER(Enum, pybind11::detail::const_name("str"));

  bool load(pybind11::handle source, bool) {
    if (!pybind11::isinstance<pybind11::str>(source)) {
      return false;
    }
    value = from_name(source.cast<std::string>());
    return true;
  }
  static pybind11::handle
  cast(Enum source, pybind11::return_value_policy, pybind11::handle) {
    return pybind11::str(to_name(source)).release();
  }
};

// For enumerations whose names C++ never reads: only unpickling does.
template <class Enum, Enum last, auto to_name>
Enum enum_from_name(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (name == to_name(static_cast<Enum>(i))) {
      return static_cast<Enum>(i);
    }
  }
  throw pybind11::value_error("[python] expected a known name, got \"" + name + "\".");
}

} // namespace omni::python

namespace pybind11::detail {

template <>
struct type_caster<omni::Modality>
    : omni::python::
          NameCaster<omni::Modality, &omni::modality_name, &omni::modality_from_name> {
};
template <>
struct type_caster<omni::Role>
    : omni::python::NameCaster<omni::Role, &omni::role_name, &omni::role_from_name> {};
template <>
struct type_caster<omni::Segment>
    : omni::python::
          NameCaster<omni::Segment, &omni::segment_name, &omni::segment_from_name> {};
template <>
struct type_caster<omni::Event::Kind> : omni::python::NameCaster<
                                            omni::Event::Kind,
                                            &omni::event_kind_name,
                                            &omni::python::enum_from_name<
                                                omni::Event::Kind,
                                                omni::Event::Kind::Done,
                                                &omni::event_kind_name>> {};

} // namespace pybind11::detail
