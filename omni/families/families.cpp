// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/families/families.h"

#include "omni/core/errors.h"

namespace omni {

std::span<const Family* const> all_families() {
#define OMNI_POINT_AT_FAMILY(name) &families::name,
  static const Family* const kAll[] = {OMNI_FAMILIES(OMNI_POINT_AT_FAMILY)};
#undef OMNI_POINT_AT_FAMILY
  return kAll;
}

const Family& find_family(const std::string& model_type) {
  std::string known;
  for (const Family* family : all_families()) {
    if (model_type == family->model_type) {
      return *family;
    }
    known += (known.empty() ? "" : ", ") + std::string(family->model_type);
  }
  constexpr size_t kShown = 60;
  throw ValueError(
      "families",
      "expected `model_type` one of " + known + ", got \"" +
          model_type.substr(0, kShown) + "\".");
}

} // namespace omni
