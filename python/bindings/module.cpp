// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// omni._omni: every area in the order in which they need each other's types.
#include "python/bindings/bindings.h"

PYBIND11_MODULE(_omni, module) {
  module.doc() = "Bindings of libomni; import omni instead.";
  omni::python::bind_errors(module);
  omni::python::bind_media_values(module);
  omni::python::bind_media_io(module);
  omni::python::bind_sound_io(module);
  omni::python::bind_tokenizers(module);
  omni::python::bind_reply(module);
  omni::python::bind_sampling(module);
  omni::python::bind_conversation(module);
  omni::python::bind_model(module);
  omni::python::bind_parts(module);
  omni::python::bind_chat_template(module);
  omni::python::bind_chat(module);
  omni::python::bind_train(module);
}
