// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Mistral: Llama whose every layer slides where the file gives a window (arXiv
// 2310.06825).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_mistral(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  if (config.has("sliding_window")) {
    for (LayerConfig& layer : model.transformer.layers) {
      layer.sliding_window = config.integer("sliding_window", 1);
    }
  }
  AnswerFormat& format = model.answer_format;
  format.reasoning_begin = {"<think>", "[THINK]"};
  format.reasoning_end = {"</think>", "[/THINK]"};
  // A list of calls, then newer ways, the mark before each call.
  format.calls.assign(1, {.begin = "[TOOL_CALLS]", .end = ""});
  for (const char* pattern :
       {"{name}[CALL_ID]{id}[ARGS]{arguments}", "{name}[ARGS]{arguments}",
        "{name}{arguments}"}) {
    format.calls.push_back({"[TOOL_CALLS]", "", CallSyntax::Pattern, pattern});
  }
  return model;
}

} // namespace

const Family mistral{"mistral", read_mistral};

} // namespace omni::families
