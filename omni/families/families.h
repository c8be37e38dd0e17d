// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The published architectures we run. Adding one is its file, its row here and its row
// in the parity tests.
#pragma once

#include <span>
#include <string>

#include "omni/families/family.h"

// One row a family: `name` in a file of that name, which defines `const Family name`.
#define OMNI_FAMILIES(ROW) \
  ROW(axk1)                \
  ROW(axk2)                \
  ROW(deepseek_v3)         \
  ROW(exaone4)             \
  ROW(exaone_moe)          \
  ROW(granite)             \
  ROW(hyperclovax)         \
  ROW(llama)               \
  ROW(mistral)             \
  ROW(qwen2)               \
  ROW(qwen3)               \
  ROW(qwen3_moe)           \
  ROW(solar_open)          \
  ROW(vaetki)

namespace omni {

namespace families {
#define OMNI_DECLARE_FAMILY(name) extern const Family name;
OMNI_FAMILIES(OMNI_DECLARE_FAMILY)
#undef OMNI_DECLARE_FAMILY
} // namespace families

[[nodiscard]] std::span<const Family* const> all_families();
// Throws ValueError listing the families there are.
[[nodiscard]] const Family& find_family(const std::string& model_type);

} // namespace omni
