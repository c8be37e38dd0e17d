// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a running answer reports, in order. A callback that returns false cancels the
// answer before the next id is computed: only Done follows.
#pragma once

#include <functional>
#include <string>

#include "omni/core/media.h"
#include "omni/core/tool_call.h"

namespace omni {

struct Event {
  enum class Kind {
    Text, // `text`: a piece of valid UTF-8
    Reasoning, // `text`: a piece of what the model thinks before it answers
    ToolCall, // `call`: a function the model wants to be called
    Drawing, // a picture is on its way: num_done of num_total codes
    Image, // `image`: finished
    Speech, // `speech`: a chunk that follows the previous one without a gap
    Done, // the last event, of a cancelled answer too
  };
  Kind kind = Kind::Text;
  std::string text;
  Image image;
  Waveform speech;
  int64_t num_done = 0;
  int64_t num_total = 0;
  ToolCall call = {};
};

[[nodiscard]] const char* event_kind_name(Event::Kind kind); // "text", "drawing", …

using EventCallback = std::function<bool(const Event&)>;

} // namespace omni
