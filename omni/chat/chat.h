// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A running conversation with one model: keeps messages, the key-value cache and the
// rows of media already encoded, so that a new turn computes only what is new. Not
// thread-safe; several chats may share a model.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "omni/chat/receipt.h"
#include "omni/conversation/message.h"
#include "omni/conversation/prompt_options.h"
#include "omni/generate/event.h"
#include "omni/generate/generate_options.h"
#include "omni/generate/generator.h"
#include "omni/model/omni_model.h"
#include "omni/model/sampling_options.h"

namespace omni {

struct Reply {
  std::string text; // the answer itself, without what follows
  std::string reasoning; // what a published model thought before it answered
  std::vector<ToolCall> tool_calls; // answered by send_tool_results()
  std::vector<Image> images;
  std::optional<Waveform> speech;
  std::vector<MediaReceipt> receipt; // one for each media input of the message
  Usage usage;
  Timing seconds;
  StopReason stop_reason = StopReason::EndOfTurn; // Length: the answer was cut
};

struct ChatOptions {
  std::string system; // text of the system message; empty: none
  int64_t cache_bytes = int64_t{256} << 20; // rows of media kept for reuse
  // Asked before every media item is encoded, before every piece of the prompt and
  // after every id of the answer, also those that make no event; true cancels.
  std::function<bool()> wants_cancel;
  PromptOptions prompt = {}; // tools and thinking, of models with a chat template
  GenerateOptions generate = {};
};

class Chat {
 public:
  explicit Chat(OmniModel model, ChatOptions options = {});
  ~Chat();
  Chat(Chat&&) noexcept;
  Chat& operator=(Chat&&) noexcept;

  // Says `parts` and returns the answer; `on_event` sees it as it comes and cancels by
  // returning false (what was said until then stays in the conversation; cancelled
  // before its first id, the whole message is taken back). Throws ValueError when the
  // message is empty, does not fit the context, or asks for a modality the model lacks;
  // the conversation is then as before.
  Reply send(
      std::vector<Part> parts,
      const SamplingOptions& sampling = {},
      const EventCallback& on_event = {});
  // Answers the calls of the last answer, in their order, and returns what the model
  // makes of it; the rest as send(). ValueError when the last answer called nothing.
  Reply send_tool_results(
      const std::vector<ToolResult>& results,
      const SamplingOptions& sampling = {},
      const EventCallback& on_event = {});
  // Forgets everything but the model and the encoded media.
  void reset();
  // Takes back the last message and its answer; false when there is none.
  bool undo();
  // May be changed between turns: whether to think, say.
  [[nodiscard]] PromptOptions& prompt_options();
  [[nodiscard]] const Conversation& conversation() const;
  [[nodiscard]] const OmniModel& model() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace omni
