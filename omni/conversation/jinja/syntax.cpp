// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/syntax.h"

#include <algorithm>

#include "omni/conversation/jinja/walk.h"

namespace omni {

int32_t depth_of(const TemplateExpression::Node& node) {
  int32_t depth = 1;
  for_each_part(node, [&](const ExpressionPointer& part) {
    depth = std::max(depth, part->depth + 1);
  });
  return depth;
}

} // namespace omni
