// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Mistral: Llama whose every layer slides where the file gives a window (arXiv
// 2310.06825).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  if (config.has("sliding_window")) {
    for (LayerConfig& layer : model.transformer.layers) {
      layer.sliding_window = config.integer("sliding_window", 1);
    }
  }
  return model;
}

} // namespace

const Family mistral{"mistral", read};

} // namespace omni::families
