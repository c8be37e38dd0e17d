// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/generator.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>

#include "omni/generate/sampler.h"

namespace omni {
namespace {

bool wants(const SamplingOptions& sampling, Modality modality) {
  return std::find(sampling.modalities.begin(), sampling.modalities.end(), modality) !=
      sampling.modalities.end();
}

// One answer in the making: the sequence, its cache, and the twin without the prompt
// that guidance compares with while drawing.
class Answer {
 public:
  Answer(
      OmniModel& model,
      SequenceBuilder& builder,
      KvCache& cache,
      const std::vector<EncodedMedia>& items,
      const GenerateRequest& request)
      : model_(model),
        space_(model->config.token_space),
        builder_(builder),
        cache_(cache),
        items_(items),
        request_(request),
        sampling_(with_defaults(request.sampling, model->sampling_defaults)),
        guidance_(sampling_.image_guidance_scale.value_or(1.0)),
        sampler_(request.sampling.seed) {}

  GenerateResult run() {
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
    if (result_.reason != StopReason::Cancelled && !cache_is_full()) {
      emit(space_.control("eos"));
    }
    return std::move(result_);
  }

 private:
  void answer_in_text() {
    std::vector<IdRange> allowed = {space_.range(Segment::Text)};
    const int64_t eos = space_.control("eos");
    int64_t num_text = 0;
    int64_t num_images = 0;
    const bool may_draw = space_.has(Segment::Image) && model_->image_codec &&
        (sampling_.modalities.empty() || wants(sampling_, Modality::Image));
    while (!is_over_) {
      std::vector<IdRange> now = {{eos, eos + 1}};
      if (num_text < sampling_.max_text_tokens) {
        now.push_back(allowed.front());
      }
      const int64_t draw = may_draw ? space_.control("draw_begin") : 0;
      if (may_draw && num_images < sampling_.max_images) {
        now.push_back({draw, draw + 1});
      }
      const int64_t id = sampler_.draw(
          next_logits(),
          {.temperature = sampling_.temperature.value_or(0.0),
           .top_k = sampling_.top_k.value_or(0),
           .top_p = sampling_.top_p.value_or(1.0),
           .min_p = sampling_.min_p.value_or(0.0),
           .repetition_penalty = sampling_.repetition_penalty.value_or(1.0)},
          now, text_ids_);
      if (id == eos) {
        if (num_text >= sampling_.max_text_tokens) {
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
      if (emit(id) == Step::EndText) {
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
    if (is_guided) {
      twin.emplace(space_, size);
      for (const char* role : {"bos", "user", "null", "assistant", "draw_begin"}) {
        twin->push_control(role);
      }
      twin_cache.emplace(
          *model_->config.transformer,
          KvCacheOptions{.capacity_tokens = 128, .dtype = model_->dtype()});
    }
    for (int64_t i = 0; i < size * size && !is_over_; ++i) {
      at::Tensor logits = next_logits();
      if (is_guided) {
        const at::Tensor other = logits_after(*twin, *twin_cache);
        logits = other + (logits - other) * guidance_;
      }
      const int64_t id = sampler_.draw(
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
        const int64_t id = sampler_.draw(
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

  // Decides `id`: adds it to the sequence and tells the listener.
  Step emit(int64_t id) {
    builder_.push(id);
    result_.ids.push_back(id);
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

  at::Tensor next_logits() {
    return logits_after(builder_, cache_);
  }

  // Logits float32 [V] after the last id; computes the rows the cache lacks.
  at::Tensor logits_after(const SequenceBuilder& builder, KvCache& cache) {
    const TokenSequence rest = builder.sequence().from(cache.num_tokens());
    TORCH_INTERNAL_ASSERT(rest.num_tokens() > 0);
    const TransformerInput input{
        model_->embed(rest, items_).unsqueeze(0),
        rest.positions_tensor().unsqueeze(0).to(model_->device()),
        {}};
    const at::Tensor hidden_BLD = model_->transformer->forward(input, cache);
    return model_->transformer->logits(hidden_BLD.select(1, rest.num_tokens() - 1))
        .select(0, 0)
        .to(at::kFloat);
  }

  OmniModel& model_;
  const TokenSpace& space_;
  SequenceBuilder& builder_;
  KvCache& cache_;
  const std::vector<EncodedMedia>& items_;
  const GenerateRequest& request_;
  const SamplingOptions sampling_; // nothing open that the model recommends
  const double guidance_;
  Sampler sampler_;
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

Generator::Generator(OmniModel model) : model_(std::move(model)) {}

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
  const c10::InferenceMode guard;
  return Answer(model_, builder, cache, items, request).run();
}

} // namespace omni
