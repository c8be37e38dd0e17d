// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A published architecture: how its config.json becomes a TransformerConfig, where its
// tensors lie, and how its models write their answers. One file a family here;
// families.h lists them.
#pragma once

#include "omni/core/json.h"
#include "omni/families/answer_format.h"
#include "omni/families/name_table.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

struct FamilyModel {
  TransformerConfig transformer;
  NameTable names;
  AnswerFormat answer_format = {};
};

struct Family {
  const char* model_type; // as config.json has it
  // Throws ValueError naming the key that is missing, of another type, or asks for what
  // we do not run.
  FamilyModel (*read)(const JsonObject& config);
};

} // namespace omni
