// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/event.h"

#include <c10/util/Exception.h>

namespace omni {

const char* event_kind_name(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::Text:
      return "text";
    case Event::Kind::Reasoning:
      return "reasoning";
    case Event::Kind::ToolCall:
      return "tool_call";
    case Event::Kind::Drawing:
      return "drawing";
    case Event::Kind::Image:
      return "image";
    case Event::Kind::Speech:
      return "speech";
    case Event::Kind::Done:
      return "done";
  }
  TORCH_INTERNAL_ASSERT(false, "unknown event kind");
}

} // namespace omni
