// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/support/scripted_model.h"

#include <c10/util/Exception.h>

#include "tests/support/tiny_model.h"

namespace omni::testing {

// The maps inside the layers are zero, so that a hidden row is the table's row alone,
// and the head is a matrix of its own.
ScriptedModel::ScriptedModel(int64_t max_positions) {
  OmniConfig config = parse_config(tiny_config_json());
  config.transformer->has_tied_head = false;
  config.transformer->max_positions = max_positions;
  model =
      OmniModel(config, TextTokenizer::load(golden_folder() + "/tiny_unigram.model"));
  model->eval();
  const at::NoGradGuard no_grad;
  for (const auto& item : model->transformer->named_parameters()) {
    if (item.value().dim() == 2) {
      item.value().zero_();
    }
  }
}

ScriptedModel& ScriptedModel::follow(int64_t id, int64_t next) {
  const auto [entry, is_new] =
      place_of_.emplace(id, static_cast<int64_t>(place_of_.size()));
  const int64_t place = entry->second;
  TORCH_CHECK(is_new && place < model->config.transformer->width);
  const at::NoGradGuard no_grad;
  model->transformer->table->weight[id][place] = 1.0;
  model->transformer->head->weight[next][place] = 10.0;
  return *this;
}

ScriptedModel& ScriptedModel::say(const std::vector<int64_t>& ids) {
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    follow(ids[i], ids[i + 1]);
  }
  return *this;
}

int64_t ScriptedModel::control(const std::string& role) const {
  return model->config.token_space.control(role);
}

IdRange ScriptedModel::range(Segment segment) const {
  return model->config.token_space.range(segment);
}

} // namespace omni::testing
