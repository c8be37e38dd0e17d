// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/batch_generator.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "omni/generate/sampler.h"
#include "omni/generate/stop_strings.h"

namespace omni {
namespace {

// One of the answers in the making.
struct BatchAnswer {
  BatchAnswer(
      const OmniModel& model,
      const SamplingOptions& sampling,
      const std::vector<int64_t>& prompt_ids)
      : prompt(prompt_ids),
        cache(
            *model->config.transformer,
            {.dtype = model->dtype(), .device = model->device()}),
        sampler(sampling.seed),
        stops(sampling.stop, model->tokenizer) {}

  const std::vector<int64_t>& prompt;
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
        draw_options_(text_draw_options(sampling_)),
        eos_ids_(model->eos_ids) {
    allowed_ = {model->config.token_space.range(Segment::Text)};
    for (const int64_t eos : eos_ids_) {
      allowed_.push_back({eos, eos + 1});
    }
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
    for (BatchAnswer* one : answers) {
      if (wants_cancel()) {
        return false;
      }
      prefill(*one);
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

  void prefill(BatchAnswer& answer) {
    const auto length = static_cast<int64_t>(answer.prompt.size());
    const at::Tensor hidden_BLD = forward(
        at::tensor(answer.prompt).unsqueeze(0), at::arange(length).unsqueeze(0),
        {&answer.cache});
    answer.hidden = hidden_BLD.select(1, length - 1);
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
      BatchAnswer& answer = *answers[i];
      const at::Tensor logits = logits_BV[static_cast<int64_t>(i)];
      const int64_t id =
          answer.sampler.draw(logits, draw_options_, allowed_, answer.text_ids);
      GenerateResult& result = answer.result;
      result.ids.push_back(id);
      if (request_.wants_log_probabilities) {
        result.log_probabilities.push_back(log_probability(logits, id));
      }
      answer.is_over = true;
      if (std::find(eos_ids_.begin(), eos_ids_.end(), id) != eos_ids_.end()) {
        result.reason = StopReason::EndOfTurn;
        continue;
      }
      answer.text_ids.push_back(id);
      const auto num_new = static_cast<int64_t>(result.ids.size());
      const int64_t num_tokens = answer.cache.num_tokens() + 1;
      if (answer.stops.push(id)) {
        result.reason = StopReason::StopString;
      } else if (
          num_new >= request_.max_new_tokens ||
          num_tokens + 1 >= model_->config.transformer->max_positions) {
        result.reason = StopReason::Length;
      } else {
        answer.is_over = false;
      }
    }
  }

  // Computes the rows of the ids just drawn.
  void step(const std::vector<BatchAnswer*>& answers) {
    std::vector<int64_t> ids;
    std::vector<int64_t> positions;
    std::vector<KvCache*> caches;
    for (BatchAnswer* answer : answers) {
      ids.push_back(answer->result.ids.back());
      positions.push_back(answer->cache.num_tokens());
      caches.push_back(&answer->cache);
    }
    const at::Tensor hidden_BLD = forward(
        at::tensor(ids).unsqueeze(1), at::tensor(positions).unsqueeze(1), caches);
    for (size_t i = 0; i < answers.size(); ++i) {
      answers[i]->hidden = hidden_BLD.select(0, static_cast<int64_t>(i));
    }
  }

  // Rows [B, L, D] of ids and positions [B, L], each after its cache.
  at::Tensor forward(
      const at::Tensor& ids_BL,
      const at::Tensor& positions_BL,
      const std::vector<KvCache*>& caches) {
    const at::Tensor positions_BL3 = positions_BL.to(at::kFloat)
                                         .unsqueeze(-1)
                                         .expand({-1, -1, 3})
                                         .to(model_->device());
    const TransformerInput input{
        model_->embed_ids(ids_BL.to(model_->device()), positions_BL3),
        positions_BL3,
        {}};
    return caches.size() == 1 ? model_->transformer->forward(input, *caches.front())
                              : model_->transformer->forward(input, caches);
  }

  OmniModel& model_;
  const BatchRequest& request_;
  const SamplingOptions sampling_; // nothing open that the model recommends
  const DrawOptions draw_options_;
  const std::vector<int64_t> eos_ids_;
  std::vector<IdRange> allowed_;
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
