// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/assembler.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "omni/generate/pending_text.h"
#include "omni/model/published_folder.h"

namespace omni {
namespace {

// Codes given to the speech stream at once: 0.32 s at 25 codes a second.
constexpr size_t kSpeechChunkCodes = 8;

// Where the first `size` bytes of plain_text(text) end in `text`.
size_t place_in_marked(std::string_view text, size_t size) {
  size_t place = 0;
  for (; size > 0; ++place) {
    size -= text[place] == kSpecialToken ? 0 : 1;
  }
  return place;
}

} // namespace

Assembler::Assembler(
    OmniModel model,
    std::vector<std::string> stop,
    EventCallback on_event)
    : model_(std::move(model)),
      stop_(std::move(stop)),
      on_event_(std::move(on_event)),
      text_stream_(model_->tokenizer) {
  if (!model_->published || !model_->tokenizer) {
    return;
  }
  const AnswerFormat& format = model_->published->answer_format;
  const std::vector<std::string> marks = format.marks();
  std::vector<std::string> special;
  for (const auto& [text, id] : model_->tokenizer->special_tokens()) {
    const bool is_in_mark = std::any_of(
        marks.begin(), marks.end(),
        [&](const std::string& mark) { return mark.find(text) != mark.npos; });
    if (!text.empty() && is_in_mark) {
      marks_[id] = kSpecialToken + text;
      special.push_back(text);
    }
  }
  format_ = with_special_tokens(format, special);
  reader_.emplace(format_);
}

void Assembler::begin(const AnswerStart& start) {
  if (reader_) {
    reader_.emplace(format_, start);
  }
}

bool Assembler::push(int64_t id) {
  if (is_cancelled_) {
    return false;
  }
  const TokenSpace& space = model_->config.token_space;
  switch (space.segment_of(id)) {
    case Segment::Text:
      return push_text(text_of(id));
    case Segment::Image:
      return push_image_code(id - space.range(Segment::Image).begin);
    case Segment::Speech:
      return push_speech_code(id - space.range(Segment::Speech).begin);
    case Segment::Control:
    case Segment::Spelling:
      return true;
  }
  return true;
}

std::string Assembler::text_of(int64_t id) {
  const auto mark = marks_.find(id);
  if (mark != marks_.end()) {
    return text_stream_.finish() + mark->second;
  }
  // What ends an answer is no part of it, special token or not.
  const std::vector<int64_t>& ends = model_->eos_ids;
  if (std::find(ends.begin(), ends.end(), id) != ends.end()) {
    return "";
  }
  // A published vocabulary may be padded: ids behind the tokenizer's say nothing.
  return id < model_->tokenizer->vocab_size() ? text_stream_.push(id) : "";
}

bool Assembler::push_text(const std::string& piece) {
  if (found_stop_) {
    return true;
  }
  held_ += piece;
  const std::string plain = plain_text(held_);
  size_t first = std::string::npos;
  for (const std::string& stop : stop_) {
    first = std::min(first, plain.find(stop));
  }
  if (first != std::string::npos) {
    held_.resize(place_in_marked(held_, first));
    found_stop_ = true;
    return give_text(held_.size());
  }
  return give_text(place_in_marked(held_, plain.size() - pending_bytes(plain, stop_)));
}

bool Assembler::give_text(size_t num_bytes) {
  const std::string text = held_.substr(0, num_bytes);
  held_.erase(0, text.size());
  if (reader_) {
    return give_pieces(reader_->push(text));
  }
  return text.empty() || give_pieces({{AnswerPiece::Kind::Text, text, {}}});
}

bool Assembler::give_pieces(const std::vector<AnswerPiece>& pieces) {
  for (const AnswerPiece& piece : pieces) {
    Event event;
    event.text = piece.text;
    switch (piece.kind) {
      case AnswerPiece::Kind::Text:
        event.kind = Event::Kind::Text;
        answer_.text += piece.text;
        break;
      case AnswerPiece::Kind::Reasoning:
        event.kind = Event::Kind::Reasoning;
        answer_.reasoning += piece.text;
        break;
      case AnswerPiece::Kind::Call:
        event.kind = Event::Kind::ToolCall;
        event.call = piece.call;
        answer_.tool_calls.push_back(piece.call);
        break;
    }
    if (!emit(event)) {
      return false;
    }
  }
  return true;
}

bool Assembler::push_image_code(int64_t code) {
  const ImageCodecOptions& options = *model_->config.image_codec;
  const int64_t size = options.grid_size();
  image_codes_.push_back(code);
  Event event;
  event.num_done = static_cast<int64_t>(image_codes_.size());
  event.num_total = size * size;
  if (event.num_done < event.num_total) {
    event.kind = Event::Kind::Drawing;
    return emit(event);
  }
  const at::Tensor pixels =
      model_->image_codec->decode(at::tensor(image_codes_).view({1, -1}))[0];
  event.kind = Event::Kind::Image;
  event.image.pixels = pixels.to(at::kFloat)
                           .add(1.0)
                           .mul(127.5)
                           .round()
                           .clamp(0, 255)
                           .to(at::kByte)
                           .permute({1, 2, 0})
                           .contiguous();
  event.image.source = "drawn";
  image_codes_.clear();
  answer_.images.push_back(event.image);
  return emit(event);
}

bool Assembler::push_speech_code(int64_t code) {
  if (!speech_stream_) {
    speech_stream_.emplace(
        model_->speech_codec, model_->vocoder,
        model_->config.vocoder.value_or(VocoderOptions{}));
  }
  speech_codes_.push_back(code);
  if (speech_codes_.size() < kSpeechChunkCodes) {
    return true;
  }
  const at::Tensor samples = speech_stream_->push(speech_codes_);
  speech_codes_.clear();
  return give_speech(samples);
}

bool Assembler::give_speech(const at::Tensor& samples) {
  if (samples.numel() == 0) {
    return true;
  }
  const int64_t rate = model_->config.vocoder.value_or(VocoderOptions{}).sample_rate_hz;
  const at::Tensor chunk = samples.clamp(-1.0, 1.0);
  answer_.speech = answer_.speech
      ? Waveform{at::cat({answer_.speech->samples, chunk}), rate, "spoken"}
      : Waveform{chunk, rate, "spoken"};
  Event event;
  event.kind = Event::Kind::Speech;
  event.speech = Waveform{chunk, rate, "spoken"};
  return emit(event);
}

bool Assembler::end_text() {
  if (is_cancelled_) {
    return false;
  }
  if (!found_stop_) {
    held_ += text_stream_.finish();
    if (!give_text(held_.size())) {
      return false;
    }
  }
  return !reader_ || give_pieces(reader_->finish());
}

bool Assembler::finish() {
  if (end_text() && speech_stream_) {
    const at::Tensor rest =
        at::cat({speech_stream_->push(speech_codes_), speech_stream_->finish()});
    speech_codes_.clear();
    give_speech(rest);
  }
  Event event;
  event.kind = Event::Kind::Done;
  return (!on_event_ || on_event_(event)) && !is_cancelled_;
}

bool Assembler::emit(const Event& event) {
  is_cancelled_ = on_event_ && !on_event_(event);
  return !is_cancelled_;
}

} // namespace omni
