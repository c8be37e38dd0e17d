// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The tiny model with a transformer that says what it is told to: all logits are equal
// until follow() makes one id come after another. Ids, not weights, decide a test.
#pragma once

#include <map>

#include "omni/model/omni_model.h"

namespace omni::testing {

class ScriptedModel {
 public:
  // `max_positions`: context length.
  explicit ScriptedModel(int64_t max_positions = 512);
  // After `id` the most likely is `next`, by a factor beyond e^50. For 32 different
  // `id` at most.
  ScriptedModel& follow(int64_t id, int64_t next);
  // follow() along a row of ids.
  ScriptedModel& say(const std::vector<int64_t>& ids);

  [[nodiscard]] int64_t control(const std::string& role) const;
  [[nodiscard]] IdRange range(Segment segment) const;

  OmniModel model{nullptr};

 private:
  std::map<int64_t, int64_t> place_of_; // of an id among the entries of a hidden row
};

} // namespace omni::testing
