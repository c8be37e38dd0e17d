// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/chat/chat.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>

#include "omni/chat/encoded_media_cache.h"
#include "omni/conversation/composer.h"
#include "omni/generate/assembler.h"

namespace omni {
namespace {

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Ids, positions and media of two sequences agree up to here. Items are numbered by
// the chat and never change, so equal numbers are equal rows.
int64_t common_prefix(const TokenSequence& a, const TokenSequence& b) {
  const int64_t limit = std::min(a.num_tokens(), b.num_tokens());
  int64_t length = 0;
  while (length < limit) {
    const auto i = static_cast<size_t>(length);
    if (a.ids[i] != b.ids[i] || a.positions[i] != b.positions[i]) {
      break;
    }
    ++length;
  }
  for (size_t i = 0; i < std::min(a.spans.size(), b.spans.size()); ++i) {
    if (a.spans[i].item != b.spans[i].item || a.spans[i].begin != b.spans[i].begin) {
      return std::min({length, a.spans[i].begin, b.spans[i].begin});
    }
  }
  return length;
}

MediaReceipt receipt_of(const Part& part, const ProcessedMedia& media) {
  MediaReceipt receipt;
  receipt.modality = media.modality;
  if (const auto* image = std::get_if<Image>(&part)) {
    receipt.source = image->source;
    receipt.height = image->height();
    receipt.width = image->width();
    receipt.num_frames = 1;
  } else if (const auto* waveform = std::get_if<Waveform>(&part)) {
    receipt.source = waveform->source;
    receipt.sample_rate_hz = waveform->sample_rate_hz;
  } else if (const auto* clip = std::get_if<VideoClip>(&part)) {
    receipt.source = clip->source;
    receipt.height = clip->frames.size(1);
    receipt.width = clip->frames.size(2);
    receipt.num_frames = static_cast<int64_t>(media.images.size());
    receipt.frame_times_seconds = media.frame_times_seconds;
    receipt.sample_rate_hz = clip->audio ? clip->audio->sample_rate_hz : 0;
  }
  receipt.seconds_heard = media.seconds_heard;
  receipt.dropped = media.dropped;
  return receipt;
}

} // namespace

struct Chat::State {
  State(OmniModel m, ChatOptions o)
      : model(std::move(m)),
        options(std::move(o)),
        composer(model),
        generator(model),
        encoded(options.cache_bytes) {
    TORCH_CHECK_VALUE(
        model->transformer, "[chat] expected a model with a transformer, got \"",
        model->config.name, "\" without one.");
    forget();
  }

  void forget() {
    conversation.messages.clear();
    composed.clear();
    items.clear();
    in_cache = {};
    cache.emplace(*model->config.transformer, KvCacheOptions{.dtype = model->dtype()});
    if (!options.system.empty()) {
      conversation.messages.push_back({Role::System, {options.system}, {}});
      composed.push_back({Role::System, {options.system}, {}});
    }
  }

  // Forgets what a failed turn added. The numbers of its media will be given again, so
  // that rows computed from them must not be found in the cache.
  void take_back(size_t num_items, size_t num_messages) {
    const bool saw_them = std::any_of(
        in_cache.spans.begin(), in_cache.spans.end(), [&](const MediaSpan& span) {
          return span.item >= static_cast<int64_t>(num_items);
        });
    if (saw_them) {
      in_cache = {};
    }
    items.resize(num_items);
    composed.resize(num_messages);
  }

  // The message with its media encoded; receipts are added to `reply`.
  ComposedMessage prepare(
      const std::vector<Part>& parts,
      const SamplingOptions& sampling,
      Reply& reply);
  // Spans of the sequence into the receipts of the last message's media.
  void locate(const TokenSequence& sequence, size_t first_item, Reply& reply) const;

  OmniModel model;
  ChatOptions options;
  Composer composer;
  Generator generator;
  EncodedMediaCache encoded;
  Conversation conversation;
  std::vector<ComposedMessage> composed; // conversation.messages, one for one
  std::vector<EncodedMedia> items; // rows of every media item of the conversation
  std::optional<KvCache> cache;
  TokenSequence in_cache; // begins with the rows that `cache` holds
};

ComposedMessage Chat::State::prepare(
    const std::vector<Part>& parts,
    const SamplingOptions& sampling,
    Reply& reply) {
  const bool draws = sampling.modalities.size() == 1 &&
      sampling.modalities.front() == Modality::Image && model->image_codec;
  ComposedMessage message;
  for (const Part& part : parts) {
    if (const auto* text = std::get_if<std::string>(&part)) {
      message.parts.emplace_back(*text);
      continue;
    }
    const Stopwatch watch;
    const ProcessedMedia media = std::visit(
        [&](const auto& value) -> ProcessedMedia {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            TORCH_INTERNAL_ASSERT(false);
          } else {
            return model->processor.process(value);
          }
        },
        part);
    MediaReceipt receipt = receipt_of(part, media);
    const auto [rows, was_cached] = encoded.find_or_encode(model, media);
    receipt.was_cached = was_cached;
    receipt.encode_seconds = was_cached ? 0.0 : watch.seconds();
    reply.seconds.encode += watch.seconds();
    message.parts.emplace_back(MediaSlots{
        media.modality, static_cast<int64_t>(items.size()), media.positions});
    items.push_back(rows);
    reply.receipt.push_back(std::move(receipt));
    const auto* image = std::get_if<Image>(&part);
    if (draws && image != nullptr) {
      // A picture to be changed is given as codes too, so that they can be copied.
      const at::Tensor pixels = model->processor.codec_pixels(*image).unsqueeze(0);
      const at::Tensor codes =
          model->image_codec->encode(pixels.to(model->device(), model->dtype()))[0]
              .cpu()
              .contiguous();
      const auto* code = codes.const_data_ptr<int64_t>();
      message.parts.emplace_back(ImageCodes{{code, code + codes.numel()}});
    }
  }
  return message;
}

void Chat::State::locate(const TokenSequence& sequence, size_t first_item, Reply& reply)
    const {
  for (const MediaSpan& span : sequence.spans) {
    const auto item = static_cast<size_t>(span.item);
    if (item >= first_item) {
      reply.receipt[item - first_item].token_begin = span.begin;
      reply.receipt[item - first_item].token_end = span.begin + span.num_rows;
    }
  }
}

Chat::Chat(OmniModel model, ChatOptions options)
    : state_(std::make_unique<State>(std::move(model), std::move(options))) {}
Chat::~Chat() = default;
Chat::Chat(Chat&&) noexcept = default;
Chat& Chat::operator=(Chat&&) noexcept = default;

Reply Chat::send(
    std::vector<Part> parts,
    const SamplingOptions& sampling,
    const EventCallback& on_event) {
  TORCH_CHECK_VALUE(
      !parts.empty(), "[chat] expected a message of text or media, got nothing.");
  const c10::InferenceMode guard;
  State& state = *state_;
  const Stopwatch total;
  Reply reply;
  const size_t num_items = state.items.size();
  const size_t num_messages = state.composed.size();
  try {
    state.composed.push_back(state.prepare(parts, sampling, reply));
    const Composition prompt = state.composer.compose(state.composed, true);
    const int64_t length = prompt.sequence.num_tokens();
    const int64_t limit = state.model->config.transformer->max_positions;
    TORCH_CHECK_VALUE(
        length + 2 <= limit, "[chat] expected a conversation of at most ", limit - 2,
        " tokens, got ", length, ". Begin a new one with reset(), or send less.");
    state.locate(prompt.sequence, num_items, reply);
    // The last id is always computed again: its row gives the first logits.
    const int64_t kept = std::min(
        {common_prefix(state.in_cache, prompt.sequence), state.cache->num_tokens(),
         length - 1});
    state.cache->truncate(kept);
    reply.usage.prompt_tokens = length;
    reply.usage.prefilled_tokens = length - state.cache->num_tokens();

    Assembler assembler(state.model, sampling.stop, on_event);
    GenerateRequest request;
    request.sampling = sampling;
    bool wants_more = true;
    request.spell_words = [&](const std::vector<int64_t>&) {
      wants_more = assembler.end_text();
      return state.composer.spell_text(assembler.answer().text);
    };
    std::optional<double> first_id;
    request.on_id = [&](int64_t id) {
      if (!first_id) {
        first_id = total.seconds();
      }
      const bool found_stop_before = assembler.found_stop();
      const auto& wants_cancel = state.options.wants_cancel;
      if (!assembler.push(id) || !wants_more || (wants_cancel && wants_cancel())) {
        return Step::Cancel;
      }
      return assembler.found_stop() && !found_stop_before ? Step::EndText
                                                          : Step::Continue;
    };
    const int64_t image_grid_size = state.model->config.image_codec
        ? state.model->config.image_codec->grid_size()
        : 0;
    SequenceBuilder builder(
        state.model->config.token_space, image_grid_size, prompt.sequence);
    state.in_cache = prompt.sequence;
    const GenerateResult result =
        state.generator.run(builder, *state.cache, state.items, request);
    state.in_cache = builder.take();
    assembler.finish();

    const AssembledAnswer& answer = assembler.answer();
    reply.text = answer.text;
    reply.images = answer.images;
    reply.speech = answer.speech;
    reply.stop_reason = result.reason;
    reply.usage.answer_tokens = static_cast<int64_t>(result.ids.size());
    reply.seconds.total = total.seconds();
    reply.seconds.prefill =
        first_id.value_or(reply.seconds.total) - reply.seconds.encode;
    reply.seconds.generate = reply.seconds.total - first_id.value_or(0.0);

    Message answered{Role::Assistant, {}, result.ids};
    if (!answer.text.empty()) {
      answered.parts.emplace_back(answer.text);
    }
    answered.parts.insert(
        answered.parts.end(), answer.images.begin(), answer.images.end());
    if (answer.speech) {
      answered.parts.emplace_back(*answer.speech);
    }
    state.conversation.messages.push_back({Role::User, std::move(parts), {}});
    state.conversation.messages.push_back(std::move(answered));
    state.composed.push_back({Role::Assistant, {}, result.ids});
  } catch (...) { // the conversation stays as it was, whatever went wrong
    state.take_back(num_items, num_messages);
    throw;
  }
  return reply;
}

void Chat::reset() {
  state_->forget();
}

bool Chat::undo() {
  auto& messages = state_->conversation.messages;
  if (messages.size() < 2 || messages.back().role != Role::Assistant) {
    return false;
  }
  messages.resize(messages.size() - 2);
  state_->composed.resize(state_->composed.size() - 2);
  return true;
}

const Conversation& Chat::conversation() const {
  return state_->conversation;
}

const OmniModel& Chat::model() const {
  return state_->model;
}

} // namespace omni
