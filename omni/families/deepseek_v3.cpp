// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// DeepSeek-V3: latent attention, experts chosen from the best groups (arXiv
// 2412.19437).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_deepseek_v3(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  const ExpertsConfig experts = read_sigmoid_experts(config);
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 3);
  for (size_t i = 0; i < layers.size(); ++i) {
    read_latent_attention(config, layers[i]);
    if (has_experts[i]) {
      layers[i].experts = experts;
    }
  }
  set_latent_names(model.names);
  add_unused_predictors(model.names, layers.size());
  AnswerFormat& format = model.answer_format;
  format.calls.clear();
  // V3 and R1, and V3.1.
  for (const char* pattern :
       {"function<｜tool▁sep｜>{name}\n```json\n{arguments}\n```",
        "{name}<｜tool▁sep｜>{arguments}"}) {
    format.calls.push_back(
        {"<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", CallSyntax::Pattern, pattern});
  }
  format.separators = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"};
  return model;
}

} // namespace

const Family deepseek_v3{"deepseek_v3", read_deepseek_v3};

} // namespace omni::families
