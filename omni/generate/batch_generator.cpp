// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/batch_generator.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "omni/generate/prefill.h"
#include "omni/generate/sampler.h"
#include "omni/generate/stop_strings.h"

namespace omni {
namespace {

// One of the answers in the making.
struct BatchAnswer {
  BatchAnswer(
      const OmniModel& model,
      const SamplingOptions& sampling,
      const std::vector<int64_t>& prompt)
      : builder(
            model->config.token_space,
            model->config.image_codec ? model->config.image_codec->grid_size() : 0),
        cache(
            *model->config.transformer,
            {.dtype = model->dtype(), .device = model->device()}),
        sampler(sampling.seed, prompt),
        stops(sampling.stop, model->tokenizer) {
    builder.push(prompt);
  }

  SequenceBuilder builder;
  KvCache cache;
  Sampler sampler;
  StopStrings stops;
  at::Tensor hidden; // [1, D] of the last id
  GenerateResult result;
  std::vector<int64_t> text_ids;
  bool is_over = false;
};

class Batch {
 public:
  Batch(OmniModel& model, const BatchRequest& request)
      : model_(model),
        request_(request),
        sampling_(with_defaults(request.sampling, model->sampling_defaults)),
        max_text_tokens_(
            request.sampling.max_text_tokens.value_or(request.max_new_tokens)),
        draw_options_(text_draw_options(sampling_)),
        eos_ids_(model->eos_ids) {
    for (const int64_t eos : eos_ids_) {
      ends_.push_back({eos, eos + 1});
    }
    allowed_ = ends_;
    allowed_.push_back(model->config.token_space.range(Segment::Text));
    for (const std::vector<int64_t>& prompt : request.prompts) {
      answers_.push_back(std::make_unique<BatchAnswer>(model, sampling_, prompt));
    }
  }

  std::vector<GenerateResult> run() {
    std::vector<BatchAnswer*> going;
    for (auto& answer : answers_) {
      going.push_back(answer.get());
    }
    if (prefill(going)) {
      answer(going);
    }
    for (BatchAnswer* cancelled : going) {
      cancelled->result.reason = StopReason::Cancelled;
    }
    std::vector<GenerateResult> results;
    for (auto& answer : answers_) {
      results.push_back(std::move(answer->result));
    }
    return results;
  }

 private:
  [[nodiscard]] bool wants_cancel() const {
    return request_.wants_cancel && request_.wants_cancel();
  }

  // Computes the prompts one by one; false when that was cancelled.
  bool prefill(const std::vector<BatchAnswer*>& answers) {
    const std::vector<EncodedMedia> no_media;
    for (BatchAnswer* one : answers) {
      one->hidden = omni::prefill(
          model_, {one->builder.sequence(), no_media}, one->cache,
          request_.wants_cancel);
      if (!one->hidden.defined()) {
        return false;
      }
    }
    return true;
  }

  // Id by id, until no answer is going or all were cancelled.
  void answer(std::vector<BatchAnswer*>& going) {
    while (!going.empty() && !wants_cancel()) {
      draw(going);
      std::erase_if(going, [](const BatchAnswer* one) { return one->is_over; });
      if (!going.empty()) {
        step(going);
      }
    }
  }

  // Draws the next id of each answer and sees whether it ends with it.
  void draw(const std::vector<BatchAnswer*>& answers) {
    std::vector<at::Tensor> rows;
    for (const BatchAnswer* answer : answers) {
      rows.push_back(answer->hidden);
    }
    const at::Tensor logits_BV =
        model_->transformer->logits(at::cat(rows)).to(at::kFloat).cpu();
    for (size_t i = 0; i < answers.size(); ++i) {
      const std::optional<StopReason> end =
          draw(*answers[i], logits_BV[static_cast<int64_t>(i)]);
      answers[i]->is_over = end.has_value();
      answers[i]->result.reason = end.value_or(StopReason::EndOfTurn);
    }
  }

  // Draws one id, from logits [V]; the reason when the answer is over.
  std::optional<StopReason> draw(BatchAnswer& answer, const at::Tensor& logits) {
    const bool is_spent =
        static_cast<int64_t>(answer.text_ids.size()) >= max_text_tokens_;
    if (is_spent && ends_.empty()) {
      return StopReason::Length;
    }
    const int64_t id = answer.sampler.draw(
        logits, draw_options_, is_spent ? ends_ : allowed_, answer.text_ids);
    GenerateResult& result = answer.result;
    answer.builder.push(id);
    result.ids.push_back(id);
    if (request_.wants_log_probabilities) {
      result.log_probabilities.push_back(log_probability(logits, id));
    }
    if (std::find(eos_ids_.begin(), eos_ids_.end(), id) != eos_ids_.end()) {
      return is_spent ? StopReason::Length : StopReason::EndOfTurn;
    }
    answer.text_ids.push_back(id);
    if (answer.stops.push(id)) {
      return StopReason::StopString;
    }
    const bool is_full =
        static_cast<int64_t>(result.ids.size()) >= request_.max_new_tokens ||
        answer.builder.sequence().num_tokens() + 1 >=
            model_->config.transformer->max_positions;
    return is_full ? std::optional(StopReason::Length) : std::nullopt;
  }

  // Computes the rows of the ids just drawn.
  void step(const std::vector<BatchAnswer*>& answers) {
    std::vector<at::Tensor> ids;
    std::vector<at::Tensor> positions;
    std::vector<KvCache*> caches;
    for (BatchAnswer* answer : answers) {
      const TokenSequence last =
          answer->builder.sequence().from(answer->cache.num_tokens());
      ids.push_back(last.ids_tensor());
      positions.push_back(last.positions_tensor());
      caches.push_back(&answer->cache);
    }
    const at::Tensor positions_BL3 = at::stack(positions).to(model_->device());
    const TransformerInput input{
        model_->embed_ids(at::stack(ids).to(model_->device()), positions_BL3),
        positions_BL3,
        {}};
    const at::Tensor hidden_BLD = caches.size() == 1
        ? model_->transformer->forward(input, *caches.front())
        : model_->transformer->forward(input, caches);
    for (size_t i = 0; i < answers.size(); ++i) {
      answers[i]->hidden = hidden_BLD.select(0, static_cast<int64_t>(i));
    }
  }

  OmniModel& model_;
  const BatchRequest& request_;
  const SamplingOptions sampling_; // nothing open that the model recommends
  const int64_t max_text_tokens_;
  const DrawOptions draw_options_;
  const std::vector<int64_t> eos_ids_;
  std::vector<IdRange> ends_; // what ends an answer
  std::vector<IdRange> allowed_; // and text
  std::vector<std::unique_ptr<BatchAnswer>> answers_;
};

} // namespace

void check_prompt(const OmniModel& model, const std::vector<int64_t>& prompt) {
  TORCH_CHECK_VALUE(
      model->transformer, "[generate] expected a model with a transformer, got \"",
      model->config.name, "\" without one.");
  const int64_t limit = model->config.transformer->max_positions;
  TORCH_CHECK_VALUE(
      !prompt.empty() && static_cast<int64_t>(prompt.size()) + 2 <= limit,
      "[generate] expected a prompt of 1 to ", limit - 2, " ids, got ", prompt.size(),
      ".");
  const int64_t vocab_size = model->config.token_space.vocab_size();
  for (const int64_t id : prompt) {
    TORCH_CHECK_INDEX(
        id >= 0 && id < vocab_size, "[generate] expected ids in [0, ", vocab_size,
        "), got ", id, ".");
  }
}

std::vector<GenerateResult> generate_batch(
    OmniModel model,
    const BatchRequest& request) {
  for (const std::vector<int64_t>& prompt : request.prompts) {
    check_prompt(model, prompt);
  }
  check_sampling_options(request.sampling);
  TORCH_CHECK_VALUE(
      request.max_new_tokens > 0, "[generate] expected max_new_tokens from 1, got ",
      request.max_new_tokens, ".");
  const std::vector<Modality>& modalities = request.sampling.modalities;
  TORCH_CHECK_VALUE(
      std::all_of(
          modalities.begin(), modalities.end(),
          [](Modality modality) { return modality == Modality::Text; }),
      "[generate] expected text alone from several prompts at once, got other "
      "modalities. Generate them one by one.");
  const c10::InferenceMode guard;
  return Batch(model, request).run();
}

} // namespace omni
