// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: calls a function with every part of an expression, one level down.
#pragma once

#include <type_traits>

#include "omni/conversation/jinja/syntax.h"

namespace omni {

// `visit` takes ExpressionPointer& (const or not, as the node is); null parts are left
// out.
template <class Node, class Visit>
void for_each_part(Node& node, const Visit& visit) {
  const auto one = [&](auto& part) {
    if (part) {
      visit(part);
    }
  };
  const auto arguments = [&](auto& given) {
    for (auto& value : given.positional) {
      one(value);
    }
    for (auto& [name, value] : given.keyword) {
      one(value);
    }
    one(given.more_positional);
    one(given.more_keyword);
  };
  const auto parts = [&](auto& n) {
    using N = std::remove_cvref_t<decltype(n)>;
    if constexpr (std::is_same_v<N, AttributeSyntax>) {
      one(n.object);
    } else if constexpr (std::is_same_v<N, ItemSyntax>) {
      one(n.object);
      one(n.index);
    } else if constexpr (std::is_same_v<N, SliceSyntax>) {
      one(n.object);
      one(n.start);
      one(n.stop);
      one(n.step);
    } else if constexpr (std::is_same_v<N, CallSyntax>) {
      one(n.callee);
      arguments(n.arguments);
    } else if constexpr (
        std::is_same_v<N, FilterSyntax> || std::is_same_v<N, TestSyntax>) {
      one(n.input);
      arguments(n.arguments);
    } else if constexpr (std::is_same_v<N, UnarySyntax>) {
      one(n.operand);
    } else if constexpr (
        std::is_same_v<N, BinarySyntax> || std::is_same_v<N, LogicSyntax>) {
      one(n.left);
      one(n.right);
    } else if constexpr (std::is_same_v<N, CompareSyntax>) {
      one(n.first);
      for (auto& [op, value] : n.rest) {
        one(value);
      }
    } else if constexpr (std::is_same_v<N, JoinSyntax>) {
      for (auto& value : n.parts) {
        one(value);
      }
    } else if constexpr (std::is_same_v<N, ConditionSyntax>) {
      one(n.condition);
      one(n.value);
      one(n.otherwise);
    } else if constexpr (std::is_same_v<N, SequenceSyntax>) {
      for (auto& value : n.items) {
        one(value);
      }
    } else if constexpr (std::is_same_v<N, DictSyntax>) {
      for (auto& [key, value] : n.entries) {
        one(key);
        one(value);
      }
    }
  };
  std::visit(parts, node);
}

} // namespace omni
