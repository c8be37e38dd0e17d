// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/generator.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "omni/generate/prefill.h"
#include "omni/generate/sampler.h"
#include "omni/generate/stop_strings.h"
#include "omni/transformer/static_step.h"

namespace omni {
namespace {

bool wants(const SamplingOptions& sampling, Modality modality) {
  return std::find(sampling.modalities.begin(), sampling.modalities.end(), modality) !=
      sampling.modalities.end();
}

bool contains(const std::vector<int64_t>& ids, int64_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Text ids of an answer when neither the request nor the model's folder says.
int64_t neutral_max_text_tokens(const OmniModel& model) {
  constexpr int64_t kOfOurs = 256;
  return model->published ? std::numeric_limits<int64_t>::max() : kOfOurs;
}

// Null where the layers do not take it.
std::shared_ptr<StaticStep> make_static_step(const OmniModel& model) {
  if (!model->transformer || !model->transformer->takes_placed_rows()) {
    return nullptr;
  }
  std::vector<at::Tensor> weights = model->transformer->parameters();
  for (const at::Tensor& panels : model->transformer->buffers()) { // of few bits
    weights.push_back(panels);
  }
  if (model->drawing_places) {
    weights.push_back(model->drawing_places->weight);
  }
  const auto embed = [model](const at::Tensor& ids, const at::Tensor& positions) {
    return OmniModel(model)->embed_ids(ids, positions);
  };
  return std::make_shared<StaticStep>(
      StaticStepParts{model->transformer, embed, std::move(weights)});
}

constexpr float kNotDrawn = std::numeric_limits<float>::quiet_NaN();

// One answer in the making: the sequence, its cache, and the twin without the prompt
// that guidance compares with while drawing.
class Answer {
 public:
  Answer(
      OmniModel& model,
      StaticStep* step,
      SequenceBuilder& builder,
      KvCache& cache,
      const std::vector<EncodedMedia>& items,
      const GenerateRequest& request)
      : model_(model),
        step_(step),
        space_(model->config.token_space),
        builder_(builder),
        cache_(cache),
        items_(items),
        request_(request),
        sampling_(with_defaults(request.sampling, model->sampling_defaults)),
        max_text_tokens_(
            sampling_.max_text_tokens.value_or(neutral_max_text_tokens(model))),
        guidance_(sampling_.image_guidance_scale.value_or(1.0)),
        eos_ids_(model->eos_ids),
        sampler_(request.sampling.seed, builder.sequence().ids) {
    if (!eos_ids_.empty()) {
      closing_id_ = eos_ids_.front();
    }
    if (model->tokenizer) {
      stop_ids_ = stop_ids(sampling_.stop, *model->tokenizer);
    }
  }

  GenerateResult run() {
    if (!prefill()) {
      result_.reason = StopReason::Cancelled;
      return std::move(result_);
    }
    const bool only_image =
        sampling_.modalities.size() == 1 && wants(sampling_, Modality::Image);
    if (only_image) {
      draw_image();
    } else {
      answer_in_text();
    }
    if (!is_over_ && wants(sampling_, Modality::Speech)) {
      speak();
    }
    if (result_.reason != StopReason::Cancelled && closing_id_ && !cache_is_full()) {
      emit(*closing_id_);
    }
    return std::move(result_);
  }

 private:
  void answer_in_text() {
    const IdRange text = space_.range(Segment::Text);
    int64_t num_text = 0;
    int64_t num_images = 0;
    const bool may_draw = space_.has(Segment::Image) && model_->image_codec &&
        (sampling_.modalities.empty() || wants(sampling_, Modality::Image));
    while (!is_over_) {
      const bool is_spent = num_text >= max_text_tokens_;
      if (is_spent && eos_ids_.empty()) {
        result_.reason = StopReason::Length;
        return;
      }
      std::vector<IdRange> now;
      for (const int64_t eos : eos_ids_) {
        now.push_back({eos, eos + 1});
      }
      if (!is_spent) {
        now.push_back(text);
      }
      const int64_t draw = may_draw ? space_.control("draw_begin") : 0;
      if (may_draw && num_images < sampling_.max_images) {
        now.push_back({draw, draw + 1});
      }
      const int64_t id =
          draw_id(next_logits(), text_draw_options(sampling_), now, text_ids_);
      if (contains(eos_ids_, id)) {
        closing_id_ = id;
        if (is_spent) {
          result_.reason = StopReason::Length;
        }
        return;
      }
      if (may_draw && id == draw) {
        draw_image();
        ++num_images;
        continue;
      }
      ++num_text;
      text_ids_.push_back(id);
      const Step step = emit(id);
      if (step == Step::EndText || (step != Step::Cancel && contains(stop_ids_, id))) {
        text_ids_.pop_back();
        result_.reason = StopReason::StopString;
        return;
      }
    }
  }

  void draw_image() {
    const int64_t size = model_->config.image_codec->grid_size();
    const IdRange codes = space_.range(Segment::Image);
    const bool is_guided = guidance_ != 1.0 && space_.has_control("null");
    emit(space_.control("draw_begin"));
    std::optional<SequenceBuilder> twin;
    std::optional<KvCache> twin_cache;
    std::shared_ptr<StaticStep> twin_step; // logits of both are needed at once
    if (is_guided) {
      twin.emplace(space_, size);
      for (const char* role : {"bos", "user", "null", "assistant", "draw_begin"}) {
        twin->push_control(role);
      }
      twin_cache.emplace(
          *model_->config.transformer,
          KvCacheOptions{
              .capacity_tokens = 128,
              .dtype = model_->dtype(),
              .device = model_->device()});
      twin_step = step_ != nullptr ? make_static_step(model_) : nullptr;
    }
    for (int64_t i = 0; i < size * size && !is_over_; ++i) {
      at::Tensor logits = next_logits();
      if (is_guided) {
        const at::Tensor other = logits_after(*twin, *twin_cache, twin_step.get());
        logits = other + (logits - other) * guidance_;
      }
      const int64_t id = draw_id(
          logits, {.temperature = sampling_.image_temperature.value_or(1.0)}, {codes});
      emit(id);
      if (twin) {
        twin->push(id);
      }
    }
    if (!is_over_) {
      emit(space_.control("draw_end"));
    }
  }

  void speak() {
    TORCH_INTERNAL_ASSERT(request_.spell_words);
    const auto words = request_.spell_words(text_ids_);
    if (words.empty()) {
      return;
    }
    const IdRange codes = space_.range(Segment::Speech);
    const int64_t next = space_.control("speech_next");
    const int64_t end = space_.control("speech_end");
    emit(space_.control("speech_begin"));
    int64_t num_codes = 0;
    for (size_t word = 0; word < words.size() && !is_over_; ++word) {
      for (size_t i = 0; i < words[word].size() && !is_over_; ++i) {
        emit(words[word][i]);
      }
      // A letter rarely lasts longer than this; it ends a loop on one sound.
      constexpr int64_t kMaxCodesPerLetter = 10;
      const int64_t limit =
          12 + kMaxCodesPerLetter * static_cast<int64_t>(words[word].size());
      const int64_t boundary = word + 1 < words.size() ? next : end;
      for (int64_t i = 0; !is_over_; ++i) {
        std::vector<IdRange> now;
        const bool is_spent = num_codes >= sampling_.max_speech_codes;
        if (i < limit && !is_spent) {
          now.push_back(codes);
        }
        if (i > 0 || is_spent) {
          now.push_back({boundary, boundary + 1});
        }
        const int64_t id = draw_id(
            next_logits(), {.temperature = sampling_.speech_temperature.value_or(0.0)},
            now);
        if (id == boundary) {
          emit(is_spent ? end : id);
          if (is_spent) {
            result_.reason = StopReason::Length;
            return;
          }
          break;
        }
        ++num_codes;
        emit(id);
      }
    }
  }

  // The next id, and how likely it was.
  int64_t draw_id(
      const at::Tensor& logits,
      const DrawOptions& options,
      const std::vector<IdRange>& allowed,
      const std::vector<int64_t>& previous = {}) {
    const int64_t id = sampler_.draw(logits, options, allowed, previous);
    if (request_.wants_log_probabilities) {
      log_probability_ = log_probability(logits, id);
    }
    return id;
  }

  // Decides `id`: adds it to the sequence and tells the listener.
  Step emit(int64_t id) {
    builder_.push(id);
    result_.ids.push_back(id);
    if (request_.wants_log_probabilities) {
      result_.log_probabilities.push_back(std::exchange(log_probability_, kNotDrawn));
    }
    const Step step = request_.on_id ? request_.on_id(id) : Step::Continue;
    if (step == Step::Cancel) {
      is_over_ = true;
      result_.reason = StopReason::Cancelled;
    } else if (cache_is_full()) {
      is_over_ = true;
      result_.reason = StopReason::Length;
    }
    return step;
  }

  bool cache_is_full() const {
    // One place is kept for the id that ends the turn.
    return builder_.sequence().num_tokens() + 1 >=
        model_->config.transformer->max_positions;
  }

  // Computes the rows of the prompt that the cache lacks; false when that was
  // cancelled.
  bool prefill() {
    const TokenSequence rest = builder_.sequence().from(cache_.num_tokens());
    if (rest.num_tokens() == 0) {
      return true;
    }
    prompt_row_ = omni::prefill(model_, {rest, items_}, cache_, request_.wants_cancel);
    return prompt_row_.defined();
  }

  // Logits float32 [V] of the next id of the answer.
  at::Tensor next_logits() {
    const at::Tensor row = std::exchange(prompt_row_, {});
    const bool is_last = cache_.num_tokens() == builder_.sequence().num_tokens();
    return row.defined() && is_last
        ? in_floats(model_->transformer->logits(row).select(0, 0))
        : logits_after(builder_, cache_, step_);
  }

  // Logits float32 [V] after the last id; computes the rows the cache lacks, one that
  // is no media row by `step` unless that is null.
  at::Tensor
  logits_after(const SequenceBuilder& builder, KvCache& cache, StaticStep* step) {
    const TokenSequence rest = builder.sequence().from(cache.num_tokens());
    TORCH_INTERNAL_ASSERT(rest.num_tokens() > 0);
    if (step != nullptr && rest.num_tokens() == 1 && rest.spans.empty()) {
      return step->run(rest.ids.front(), rest.positions.front(), cache);
    }
    return in_floats(prefill_to_logits(model_, {rest, items_}, cache));
  }

  // In pieces that ATen does not share out among threads: that takes longer than the
  // work, and with a thread that has lost its core much longer.
  static at::Tensor in_floats(const at::Tensor& logits) {
    if (logits.scalar_type() == at::kFloat) {
      return logits;
    }
    constexpr int64_t kPiece = 16384;
    at::Tensor floats = at::empty(logits.sizes(), logits.options().dtype(at::kFloat));
    for (int64_t begin = 0; begin < logits.size(0); begin += kPiece) {
      const int64_t size = std::min(kPiece, logits.size(0) - begin);
      floats.narrow(0, begin, size).copy_(logits.narrow(0, begin, size));
    }
    return floats;
  }

  OmniModel& model_;
  StaticStep* step_; // null: ids are computed as prompts are
  const TokenSpace& space_;
  SequenceBuilder& builder_;
  KvCache& cache_;
  const std::vector<EncodedMedia>& items_;
  const GenerateRequest& request_;
  const SamplingOptions sampling_; // nothing open that the model recommends
  const int64_t max_text_tokens_;
  const double guidance_;
  const std::vector<int64_t> eos_ids_;
  std::vector<int64_t> stop_ids_; // any of them ends the text
  std::optional<int64_t> closing_id_; // the eos drawn, or the first of them
  at::Tensor prompt_row_; // [1, D] of the prompt's last id, until it is used
  Sampler sampler_;
  float log_probability_ = kNotDrawn; // of the id drawn last, until it is emitted
  GenerateResult result_;
  std::vector<int64_t> text_ids_;
  bool is_over_ = false;
};

} // namespace

const char* stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::EndOfTurn:
      return "end_of_turn";
    case StopReason::Length:
      return "length";
    case StopReason::StopString:
      return "stop_string";
    case StopReason::Cancelled:
      return "cancelled";
  }
  TORCH_INTERNAL_ASSERT(false, "unknown stop reason");
}

Generator::Generator(OmniModel model, GenerateOptions options)
    : model_(std::move(model)),
      step_(options.captures_decode ? make_static_step(model_) : nullptr) {}

GenerateResult Generator::run(
    SequenceBuilder& builder,
    KvCache& cache,
    const std::vector<EncodedMedia>& items,
    const GenerateRequest& request) {
  check_sampling_options(request.sampling);
  const TokenSpace& space = model_->config.token_space;
  TORCH_CHECK_VALUE(
      !wants(request.sampling, Modality::Image) ||
          (model_->image_codec && space.has(Segment::Image)),
      "[generate] expected a model that draws, got \"", model_->config.name,
      "\", which has no image codec.");
  TORCH_CHECK_VALUE(
      !wants(request.sampling, Modality::Speech) ||
          (model_->speech_codec && space.has(Segment::Speech) && request.spell_words),
      "[generate] expected a model that speaks, got \"", model_->config.name,
      "\", which has no speech codec.");
  const double asked_guidance = request.sampling.image_guidance_scale.value_or(1.0);
  TORCH_CHECK_VALUE(
      asked_guidance == 1.0 || space.has_control("null"),
      "[generate] expected image_guidance_scale 1, got ", asked_guidance, ": \"",
      model_->config.name,
      "\" has no control id `null` to stand for a dropped prompt, which guidance "
      "compares with.");
  const c10::InferenceMode guard;
  return Answer(model_, step_.get(), builder, cache, items, request).run();
}

} // namespace omni
