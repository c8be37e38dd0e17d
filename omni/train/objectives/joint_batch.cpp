// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/joint_batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "omni/core/random.h"
#include "omni/train/objectives/dense_targets.h"
#include "omni/train/objectives/sound_loading.h"
#include "omni/train/packing.h"
#include "tokenizers/text/spelling.h"

namespace omni {

// One sample's ids and what is learned of them, with its spans numbered in the batch.
struct JointBatchBuilder::Sequence {
  Composition composition;
  std::string kind;
  std::vector<int64_t>
      input_ids; // what the model reads: the ids, some speech codes replaced
};

namespace {

bool has_part(const SampleMessage& message, PartKind kind) {
  return std::any_of(
      message.parts.begin(), message.parts.end(),
      [&](const SamplePart& part) { return part.kind == kind; });
}

std::vector<int64_t> to_vector(const at::Tensor& codes) {
  const at::Tensor dense = codes.to(at::kLong).contiguous();
  const auto* code = dense.const_data_ptr<int64_t>();
  return {code, code + dense.numel()};
}

} // namespace

JointBatchBuilder::JointBatchBuilder(const TrainConfig& config, OmniModel model)
    : model_(std::move(model)), composer_(model_), options_(config.options) {}

std::vector<int64_t> JointBatchBuilder::cached_codes(
    const std::string& name,
    const std::function<at::Tensor()>& encode) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(name);
    if (found != codes_.end()) {
      return found->second;
    }
  }
  std::vector<int64_t> codes = to_vector(encode()); // frozen codecs: the same for all
  const std::lock_guard lock(mutex_);
  return codes_.insert_or_assign(name, std::move(codes)).first->second;
}

std::vector<int64_t> JointBatchBuilder::image_codes(
    const Sample& sample,
    const SamplePart& part) {
  TORCH_CHECK_VALUE(
      model_->image_codec, "[train] ", sample.key,
      ": expected a model with an `image_codec` for the drawing ", part.file,
      ", got one without.");
  return cached_codes(sample.key + "/" + part.file, [&] {
    const Image image = decode_image(part.bytes, sample.key);
    return model_->image_codec->encode(
        model_->processor.codec_pixels(image).unsqueeze(0));
  });
}

SpokenWords JointBatchBuilder::spoken_words(
    const Sample& sample,
    const SamplePart& part) {
  TORCH_CHECK_VALUE(
      model_->config.vocoder && model_->speech_codec, "[train] ", sample.key,
      ": expected a model with `speech_codec` and `vocoder` for ", "the speech ",
      part.file, ", got one without.");
  const VocoderOptions& vocoder = *model_->config.vocoder;
  const std::vector<int64_t> codes = cached_codes(sample.key + "/" + part.file, [&] {
    const at::Tensor samples = load_sound(part, sample.key, vocoder.sample_rate_hz);
    return model_->speech_codec->encode(
        model_->processor.codec_mel({samples, vocoder.sample_rate_hz, sample.key})
            .unsqueeze(0));
  });
  const double codes_per_second = static_cast<double>(vocoder.sample_rate_hz) /
      static_cast<double>(vocoder.hop * model_->config.speech_codec->frames_per_code);
  const auto num_codes = static_cast<int64_t>(codes.size());
  SpokenWords spoken;
  int64_t begin = 0;
  std::vector<SpokenWord> words = part.words;
  if (words.empty()) {
    words.push_back({part.text, 0.0});
  }
  for (size_t i = 0; i < words.size(); ++i) {
    int64_t end = num_codes;
    if (i + 1 < words.size()) {
      end = std::llround(words[i + 1].begin_seconds * codes_per_second);
      end = std::clamp(end, std::min(begin + 1, num_codes), num_codes);
    }
    std::vector<int64_t> letters;
    for (const auto& word : spell_words(words[i].text)) {
      letters.insert(letters.end(), word.begin(), word.end());
    }
    spoken.words.push_back({letters, {codes.begin() + begin, codes.begin() + end}});
    begin = end;
  }
  return spoken;
}

ComposedPart JointBatchBuilder::media_part(
    const Sample& sample,
    const SamplePart& part,
    JointBatch& batch) {
  const std::string name = sample.key + "/" + part.file;
  ProcessedMedia media;
  if (part.kind == PartKind::Image) {
    media = model_->processor.process(decode_image(part.bytes, name));
  } else if (part.kind == PartKind::Video) {
    media = model_->processor.process(decode_video(part.bytes, name));
  } else {
    TORCH_CHECK_VALUE(
        model_->config.audio, "[train] ", name,
        ": expected a model that reads sound, got one without `audio`.");
    const int64_t rate = model_->config.audio->processor.sample_rate_hz;
    media = model_->processor.process(
        Waveform{load_sound(part, sample.key, rate), rate, name});
  }
  const auto item = static_cast<int64_t>(batch.items.size());
  if (!part.labels.empty() && model_->dense_head) {
    int64_t image = 0;
    for (const ProcessedMedia& before : batch.items) {
      image += static_cast<int64_t>(before.images.size());
    }
    batch.labelled_images.push_back(image);
    const auto targets = dense_targets(part, model_->dense_head->options, name);
    batch.image_labels.resize(targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
      batch.image_labels[i].push_back(targets[i]);
    }
  }
  if (!part.transcript.empty()) {
    batch.transcribed_sounds.push_back(std::count_if(
        batch.items.begin(), batch.items.end(),
        [](const ProcessedMedia& before) { return before.mel.defined(); }));
    batch.transcripts.push_back(spell(part.transcript));
  }
  MediaSlots slots{media.modality, item, media.positions};
  batch.items.push_back(std::move(media));
  return slots;
}

JointBatchBuilder::Sequence JointBatchBuilder::compose(
    const Sample& sample,
    uint64_t seed,
    JointBatch& batch,
    bool is_training) {
  std::vector<ComposedMessage> messages;
  for (size_t i = 0; i < sample.messages.size(); ++i) {
    const SampleMessage& message = sample.messages[i];
    const bool is_user = message.role != Role::Assistant;
    const bool is_drawn = is_user && i + 1 < sample.messages.size() &&
        has_part(sample.messages[i + 1], PartKind::Image);
    ComposedMessage composed{message.role, {}, {}};
    const bool drops_prompt = is_training && is_drawn &&
        uniform_at(seed, 1000 + i) < options_.null_prompt_share;
    if (drops_prompt) {
      composed.parts.emplace_back(NullPrompt{});
      messages.push_back(std::move(composed));
      continue;
    }
    for (const SamplePart& part : message.parts) {
      if (part.kind == PartKind::Text) {
        composed.parts.emplace_back(part.text);
      } else if (part.kind == PartKind::Speech) {
        composed.parts.emplace_back(spoken_words(sample, part));
      } else if (is_user) {
        composed.parts.push_back(media_part(sample, part, batch));
        if (is_drawn && part.kind == PartKind::Image) {
          composed.parts.emplace_back(ImageCodes{image_codes(sample, part)});
        }
      } else {
        composed.parts.emplace_back(ImageCodes{image_codes(sample, part)});
      }
    }
    messages.push_back(std::move(composed));
  }
  Sequence sequence{composer_.compose(messages, false), sample.kind, {}};
  sequence.input_ids = sequence.composition.sequence.ids;
  if (is_training) {
    // A model that goes on from its own codes must bear with wrong ones.
    const double image_share = options_.image_code_noise * uniform_at(seed, 1999);
    replace_codes(sequence, Segment::Speech, options_.speech_code_noise, seed, 2000);
    replace_codes(sequence, Segment::Image, image_share, seed, 1000000);
  }
  return sequence;
}

void JointBatchBuilder::replace_codes(
    Sequence& sequence,
    Segment segment,
    double share,
    uint64_t seed,
    uint64_t draw) const {
  const TokenSpace& space = model_->config.token_space;
  if (!space.has(segment) || share <= 0.0) {
    return;
  }
  const IdRange codes = space.range(segment);
  for (size_t i = 0; i < sequence.input_ids.size(); ++i) {
    if (codes.contains(sequence.input_ids[i]) &&
        sequence.composition.is_learned[i] != 0 &&
        uniform_at(seed, draw + 2 * i) < share) {
      sequence.input_ids[i] = codes.begin +
          static_cast<int64_t>(uniform_at(seed, draw + 2 * i + 1) *
                               static_cast<double>(codes.size()));
    }
  }
}

void JointBatchBuilder::lay_out(
    const std::vector<Sequence>& sequences,
    JointBatch& batch) const {
  std::vector<int64_t> lengths;
  for (const Sequence& sequence : sequences) {
    lengths.push_back(sequence.composition.sequence.num_tokens());
  }
  const auto rows = pack_sequences(lengths, options_.pack_tokens);
  int64_t row_tokens = 0;
  for (const auto& row : rows) {
    int64_t used = 0;
    for (const int64_t i : row) {
      used += lengths[static_cast<size_t>(i)];
    }
    row_tokens = std::max(row_tokens, used);
  }
  const TokenSpace& space = model_->config.token_space;
  const auto num_rows = static_cast<int64_t>(rows.size());
  const int64_t speech_begin =
      space.has_control("speech_begin") ? space.control("speech_begin") : -1;
  batch.ids = at::full({num_rows, row_tokens}, space.control("pad"), at::kLong);
  batch.positions = at::zeros({num_rows, row_tokens, 3}, at::kFloat);
  batch.segments = at::full({num_rows, row_tokens}, -1, at::kLong);
  std::vector<std::pair<int64_t, std::pair<int64_t, int64_t>>>
      spans; // item, flat, rows
  int64_t num_answers = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    int64_t column = 0;
    for (const int64_t index : rows[static_cast<size_t>(row)]) {
      const Sequence& sequence = sequences[static_cast<size_t>(index)];
      const TokenSequence& tokens = sequence.composition.sequence;
      const int64_t length = tokens.num_tokens();
      batch.ids[row].narrow(0, column, length).copy_(at::tensor(sequence.input_ids));
      batch.positions[row].narrow(0, column, length).copy_(tokens.positions_tensor());
      batch.segments[row].narrow(0, column, length).fill_(index);
      const int64_t flat = row * row_tokens + column;
      for (const MediaSpan& span : tokens.spans) {
        spans.push_back({span.item, {flat + span.begin, span.num_rows}});
      }
      bool was_learned = false;
      for (int64_t i = 0; i + 1 < length; ++i) {
        const auto next = static_cast<size_t>(i + 1);
        // Before speech the text has to end: the generator asks for `eos` there, and
        // sets `speech_begin` itself.
        const bool ends_text = speech_begin >= 0 && tokens.ids[next] == speech_begin &&
            sequence.composition.is_learned[next - 1] != 0;
        const bool is_learned = ends_text || sequence.composition.is_learned[next] != 0;
        if (is_learned) {
          num_answers += was_learned ? 0 : 1;
          const int64_t target = ends_text ? space.control("eos") : tokens.ids[next];
          const bool is_drawing =
              space.has(Segment::Image) && space.range(Segment::Image).contains(target);
          const bool is_speech = (space.has(Segment::Speech) &&
                                  space.range(Segment::Speech).contains(target)) ||
              (space.has_control("speech_next") &&
               (target == space.control("speech_next") ||
                target == space.control("speech_end")));
          SupervisedRows& term = batch.supervised
                                     [is_drawing      ? "image_codes"
                                          : is_speech ? "speech_codes"
                                                      : sequence.kind];
          term.rows.push_back(flat + i);
          term.targets.push_back(target);
          term.answers.push_back(num_answers);
        }
        was_learned = is_learned;
      }
      column += length;
      batch.num_tokens += length;
    }
  }
  // Rows are made item by item; their places follow in the same order.
  std::sort(spans.begin(), spans.end());
  for (const auto& [item, place] : spans) {
    for (int64_t i = 0; i < place.second; ++i) {
      batch.media_rows.push_back(place.first + i);
    }
  }
  for (const auto& [name, term] : batch.supervised) {
    batch.counts[name] = static_cast<double>(term.targets.size());
  }
}

std::unique_ptr<JointBatch> JointBatchBuilder::build(
    const std::vector<Sample>& samples,
    const std::vector<SampleAddress>& addresses,
    bool is_training) {
  auto batch = std::make_unique<JointBatch>();
  std::vector<Sequence> sequences;
  for (size_t i = 0; i < samples.size(); ++i) {
    Sequence sequence = compose(samples[i], addresses[i].seed, *batch, is_training);
    TORCH_CHECK_VALUE(
        sequence.composition.sequence.num_tokens() <=
            model_->config.transformer->max_positions,
        "[train] ", samples[i].key, ": expected at most ",
        model_->config.transformer->max_positions, " tokens, got ",
        sequence.composition.sequence.num_tokens(), ".");
    sequences.push_back(std::move(sequence));
  }
  lay_out(sequences, *batch);
  for (const auto& letters : batch->transcripts) {
    batch->counts["ctc"] += static_cast<double>(letters.size());
  }
  for (const auto& grids : batch->image_labels) {
    for (const at::Tensor& grid : grids) {
      batch->counts["dense"] +=
          static_cast<double>(grid.ne(DenseHeadImpl::kIgnore).sum().item<int64_t>());
    }
  }
  return batch;
}

} // namespace omni
