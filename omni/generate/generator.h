// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Ids in, ids out: continues a sequence id by id, restricted to the segments the
// request allows. Knows segments and control ids, never text, pixels or sound. Not
// thread-safe; one generator may serve any number of sequences one after another.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "omni/generate/generate_options.h"
#include "omni/model/omni_model.h"
#include "omni/model/sampling_options.h"
#include "omni/model/sequence_builder.h"

namespace omni {

class StaticStep;

// What the listener wants after an id.
enum class Step {
  Continue,
  EndText, // text is over (a stop string in it); speech may still follow
  Cancel, // stop before the next id is computed
};

enum class StopReason { EndOfTurn, Length, StopString, Cancelled };
[[nodiscard]] const char* stop_reason_name(StopReason reason);

struct GenerateRequest {
  SamplingOptions sampling;
  // Letters of each word to be spoken, from the text ids of the answer (spelling ids
  // of the token space). Needed when Speech is asked for.
  std::function<std::vector<std::vector<int64_t>>(const std::vector<int64_t>&)>
      spell_words;
  // Sees every id as it is decided, forced ones too. The prompt is computed before the
  // first. Stop strings in the text are its to find; those that are special tokens,
  // which no text shows, end the text without it.
  std::function<Step(int64_t)> on_id;
  // Asked before every piece of the prompt is computed; true cancels.
  std::function<bool()> wants_cancel;
  bool wants_log_probabilities = false;
};

struct GenerateResult {
  std::vector<int64_t> ids; // what was added to the sequence
  // When asked for, of each id: the natural logarithm of its probability among all ids,
  // before temperature and limits. NaN for an id that was not drawn (speech_begin,
  // say).
  std::vector<float> log_probabilities = {};
  StopReason reason = StopReason::EndOfTurn;
};

class Generator {
 public:
  explicit Generator(OmniModel model, GenerateOptions options = {});

  // Continues `builder`'s sequence. `cache` holds its first rows (at least all but one
  // id; rows of ids it lacks are computed first, media rows from `items`). On return
  // the cache may lack the last ids. The answer ends with any of the model's eos ids; a
  // model without one ends by length. Throws ValueError when the model cannot produce a
  // modality asked for, or when guidance is asked for and it lacks the control id
  // `null` to compare with (guidance that only its folder recommends is then left out).
  GenerateResult run(
      SequenceBuilder& builder,
      KvCache& cache,
      const std::vector<EncodedMedia>& items,
      const GenerateRequest& request);

  // Null unless ids are computed by it: asked for, and known to the model's layers.
  [[nodiscard]] const StaticStep* static_step() const {
    return step_.get();
  }

 private:
  OmniModel model_;
  std::shared_ptr<StaticStep> step_;
};

} // namespace omni
