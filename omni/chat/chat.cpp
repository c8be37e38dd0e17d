// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/chat/chat.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <utility>

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

} // namespace

struct Chat::State {
  State(OmniModel m, ChatOptions o)
      : model(std::move(m)),
        options(std::move(o)),
        composer(model),
        generator(model, options.generate),
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
    cache.emplace(
        *model->config.transformer,
        KvCacheOptions{.dtype = model->dtype(), .device = model->device()});
    if (!options.system.empty()) {
      conversation.messages.push_back({Role::System, {options.system}});
      composed.push_back({Role::System, {options.system}});
    }
  }

  // Forgets what a turn without an answer added. The numbers of its media will be given
  // again, so that rows computed from them must not be found in the cache.
  void take_back(size_t num_items, size_t num_messages) {
    const auto first = std::find_if(
        in_cache.spans.begin(), in_cache.spans.end(), [&](const MediaSpan& span) {
          return span.item >= static_cast<int64_t>(num_items);
        });
    if (first != in_cache.spans.end()) {
      const auto length = static_cast<size_t>(first->begin);
      in_cache.ids.resize(length);
      in_cache.positions.resize(length);
      in_cache.spans.erase(first, in_cache.spans.end());
    }
    items.resize(num_items);
    composed.resize(num_messages);
  }

  [[nodiscard]] bool wants_cancel() const {
    return options.wants_cancel && options.wants_cancel();
  }

  // A turn: says `messages` and keeps them with their answer, or nothing of it all.
  Reply say(
      std::vector<Message> messages,
      const SamplingOptions& sampling,
      const EventCallback& on_event);
  // Answers messages, which are added to `composed`, and fills in `reply`. Nothing when
  // that was cancelled before the first id.
  std::optional<Message> answer(
      const std::vector<Message>& messages,
      const SamplingOptions& sampling,
      const EventCallback& on_event,
      Reply& reply);
  GenerateResult generate(
      Assembler& assembler,
      const SamplingOptions& sampling,
      size_t first_item,
      Reply& reply);
  // The message with its media encoded, or nothing when that was cancelled; receipts
  // are added to `reply`.
  std::optional<ComposedMessage>
  prepare(const Message& message, const SamplingOptions& sampling, Reply& reply);
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
  Stopwatch turn; // since the message came
  TokenSequence in_cache; // what rows of `cache` are known to be, from the first on
};

std::optional<ComposedMessage> Chat::State::prepare(
    const Message& said,
    const SamplingOptions& sampling,
    Reply& reply) {
  const bool draws = sampling.modalities.size() == 1 &&
      sampling.modalities.front() == Modality::Image && model->image_codec;
  ComposedMessage message{.role = said.role, .parts = {}};
  message.tool_name = said.tool_name;
  message.tool_call_id = said.tool_call_id;
  for (const Part& part : said.parts) {
    if (const auto* text = std::get_if<std::string>(&part)) {
      message.parts.emplace_back(*text);
      continue;
    }
    if (wants_cancel()) {
      return std::nullopt;
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
  if (wants_cancel()) {
    return std::nullopt;
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

// Composes the conversation and answers it.
GenerateResult Chat::State::generate(
    Assembler& assembler,
    const SamplingOptions& sampling,
    size_t first_item,
    Reply& reply) {
  const Composition prompt = composer.compose(composed, true, options.prompt);
  AnswerStart start{prompt.begins_in_reasoning, !options.prompt.tools.empty()};
  for (const Message& said : conversation.messages) {
    start.earlier_calls.insert(
        start.earlier_calls.end(), said.tool_calls.begin(), said.tool_calls.end());
  }
  assembler.begin(start);
  const int64_t length = prompt.sequence.num_tokens();
  const int64_t limit = model->config.transformer->max_positions;
  TORCH_CHECK_VALUE(
      length + 2 <= limit, "[chat] expected a conversation of at most ", limit - 2,
      " tokens, got ", length, ". Begin a new one with reset(), or send less.");
  locate(prompt.sequence, first_item, reply);
  // The last id is always computed again: its row gives the first logits. The cache may
  // keep less, or nothing, when its sliding layers have moved on.
  cache->truncate(std::min(
      {common_prefix(in_cache, prompt.sequence), cache->num_tokens(), length - 1}));
  const int64_t num_kept = cache->num_tokens();

  GenerateRequest request;
  request.sampling = sampling;
  request.wants_cancel = [this] { return wants_cancel(); };
  request.spell_words = [&](const std::vector<int64_t>&) {
    assembler.end_text();
    return composer.spell_text(assembler.answer().text);
  };
  bool is_first = true;
  request.on_id = [&](int64_t id) {
    if (std::exchange(is_first, false)) {
      reply.seconds.prefill = turn.seconds() - reply.seconds.encode;
    }
    const bool found_stop_before = assembler.found_stop();
    if (!assembler.push(id) || wants_cancel()) {
      return Step::Cancel;
    }
    return assembler.found_stop() && !found_stop_before ? Step::EndText
                                                        : Step::Continue;
  };
  const int64_t image_grid_size =
      model->config.image_codec ? model->config.image_codec->grid_size() : 0;
  SequenceBuilder builder(model->config.token_space, image_grid_size, prompt.sequence);
  in_cache = prompt.sequence;
  GenerateResult result = generator.run(builder, *cache, items, request);
  in_cache = builder.take();
  reply.usage.prompt_tokens = length;
  reply.usage.prefilled_tokens = std::min(cache->num_tokens(), length) - num_kept;
  reply.usage.answer_tokens = static_cast<int64_t>(result.ids.size());
  return result;
}

std::optional<Message> Chat::State::answer(
    const std::vector<Message>& messages,
    const SamplingOptions& sampling,
    const EventCallback& on_event,
    Reply& reply) {
  turn = Stopwatch();
  const size_t first_item = items.size();
  Assembler assembler(
      model, with_defaults(sampling, model->sampling_defaults).stop, on_event);
  GenerateResult result;
  result.reason = StopReason::Cancelled;
  bool is_prepared = true;
  for (const Message& said : messages) {
    auto message = prepare(said, sampling, reply);
    is_prepared = message.has_value();
    if (!is_prepared) {
      break;
    }
    composed.push_back(*std::move(message));
  }
  if (is_prepared) {
    result = generate(assembler, sampling, first_item, reply);
  }
  if (result.reason == StopReason::Cancelled) {
    assembler.cancel();
  }
  assembler.finish();

  const AssembledAnswer& made = assembler.answer();
  reply.text = made.text;
  reply.reasoning = made.reasoning;
  reply.tool_calls = made.tool_calls;
  reply.images = made.images;
  reply.speech = made.speech;
  // A listener may also have had enough of what was held back until the end.
  reply.stop_reason = assembler.is_cancelled() ? StopReason::Cancelled : result.reason;
  reply.seconds.total = turn.seconds();
  const double answered = reply.seconds.total - reply.seconds.encode;
  if (result.ids.empty()) {
    reply.seconds.prefill = answered;
  }
  reply.seconds.generate = answered - reply.seconds.prefill;
  if (result.ids.empty() && result.reason == StopReason::Cancelled) {
    return std::nullopt;
  }

  Message message{Role::Assistant, {}, std::move(result.ids)};
  message.reasoning = made.reasoning;
  message.tool_calls = made.tool_calls;
  if (!made.text.empty()) {
    message.parts.emplace_back(made.text);
  }
  message.parts.insert(message.parts.end(), made.images.begin(), made.images.end());
  if (made.speech) {
    message.parts.emplace_back(*made.speech);
  }
  return message;
}

Reply Chat::State::say(
    std::vector<Message> messages,
    const SamplingOptions& sampling,
    const EventCallback& on_event) {
  const c10::InferenceMode guard;
  Reply reply;
  const size_t num_items = items.size();
  const size_t num_messages = composed.size();
  try {
    std::optional<Message> made = answer(messages, sampling, on_event, reply);
    if (!made) { // cancelled before its first id
      take_back(num_items, num_messages);
      return reply;
    }
    ComposedMessage again{Role::Assistant, {reply.text}, made->ids};
    again.reasoning = made->reasoning;
    again.tool_calls = made->tool_calls;
    composed.push_back(std::move(again));
    std::move(
        messages.begin(), messages.end(), std::back_inserter(conversation.messages));
    conversation.messages.push_back(*std::move(made));
  } catch (...) { // the conversation stays as it was, whatever went wrong
    take_back(num_items, num_messages);
    throw;
  }
  return reply;
}

Reply Chat::send(
    std::vector<Part> parts,
    const SamplingOptions& sampling,
    const EventCallback& on_event) {
  TORCH_CHECK_VALUE(
      !parts.empty(), "[chat] expected a message of text or media, got nothing.");
  std::vector<Message> messages(1);
  messages.front().parts = std::move(parts);
  return state_->say(std::move(messages), sampling, on_event);
}

Reply Chat::send_tool_results(
    const std::vector<ToolResult>& results,
    const SamplingOptions& sampling,
    const EventCallback& on_event) {
  const auto& messages = state_->conversation.messages;
  const size_t num_calls = messages.empty() ? 0 : messages.back().tool_calls.size();
  TORCH_CHECK_VALUE(
      num_calls > 0 && results.size() == num_calls,
      "[chat] expected results for calls that the last answer made, one each, got ",
      results.size(), " for ", num_calls, " calls.");
  std::vector<Message> said;
  for (const ToolResult& result : results) {
    Message message{Role::Tool, {result.content}};
    message.tool_name = result.name;
    message.tool_call_id = result.call_id;
    said.push_back(std::move(message));
  }
  return state_->say(std::move(said), sampling, on_event);
}

void Chat::reset() {
  state_->forget();
}

bool Chat::undo() {
  auto& messages = state_->conversation.messages;
  if (messages.size() < 2 || messages.back().role != Role::Assistant) {
    return false;
  }
  size_t num_kept = messages.size() - 2; // the answer, and what it answers
  while (num_kept > 0 && messages[num_kept].role == Role::Tool &&
         messages[num_kept - 1].role == Role::Tool) {
    --num_kept;
  }
  messages.resize(num_kept);
  state_->composed.resize(num_kept);
  return true;
}

PromptOptions& Chat::prompt_options() {
  return state_->options.prompt;
}

const Conversation& Chat::conversation() const {
  return state_->conversation;
}

const OmniModel& Chat::model() const {
  return state_->model;
}

} // namespace omni
