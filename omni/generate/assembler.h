// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Turns ids into events as they come: text as whole UTF-8 pieces, told apart from
// reasoning and calls of tools where the model's family writes them; a full run of
// image codes into an Image, every few speech codes into a chunk of sound. Keeps what
// it made, for the reply: just what the listener was told. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "omni/generate/answer_reader.h"
#include "omni/generate/event.h"
#include "omni/model/omni_model.h"
#include "tokenizers/text/text_stream.h"

namespace omni {

// What an answer amounts to.
struct AssembledAnswer {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::vector<Image> images;
  std::optional<Waveform> speech;
};

class Assembler {
 public:
  // `stop`: strings before the first of which text ends.
  Assembler(OmniModel model, std::vector<std::string> stop, EventCallback on_event);

  // Before the first id, where something came before the answer that matters to it.
  void begin(const AnswerStart& start);

  // False when the listener cancelled, now or before: then nothing more is made and
  // nothing told but the last event. `found_stop()` is set when text is over.
  bool push(int64_t id);
  // Gives the text that is held back; before speech, which says the whole text.
  bool end_text();
  // Gives what is held back, and the last event, which comes after a cancel too.
  bool finish();
  // As if the listener had cancelled.
  void cancel() {
    is_cancelled_ = true;
  }
  [[nodiscard]] bool is_cancelled() const {
    return is_cancelled_;
  }
  [[nodiscard]] bool found_stop() const {
    return found_stop_;
  }
  [[nodiscard]] const AssembledAnswer& answer() const {
    return answer_;
  }

 private:
  // What an id of the text segment adds to the text; marks as the reader takes them.
  std::string text_of(int64_t id);
  bool push_text(const std::string& piece);
  bool give_text(size_t num_bytes); // of held_
  bool give_pieces(const std::vector<AnswerPiece>& pieces);
  bool push_image_code(int64_t code);
  bool push_speech_code(int64_t code);
  bool give_speech(const at::Tensor& samples);
  bool emit(const Event& event); // any but the last one

  OmniModel model_;
  std::vector<std::string> stop_;
  EventCallback on_event_;
  AssembledAnswer answer_;
  TextStream text_stream_;
  std::map<int64_t, std::string> marks_; // special tokens that the reader looks for
  AnswerFormat format_; // with these
  std::optional<AnswerReader> reader_; // of published models
  std::string held_; // text that may yet turn out to begin a stop string
  bool found_stop_ = false;
  bool is_cancelled_ = false;
  std::vector<int64_t> image_codes_;
  std::vector<int64_t> speech_codes_; // not yet given to the stream
  std::optional<SpeechStream> speech_stream_;
};

} // namespace omni
