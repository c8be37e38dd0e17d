// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The conformer by its CTC side head, on sounds that have a transcript: letters in,
// letters out. Clean at first, augmented after a share of the run.
#include "encoders/ctc.h"
#include "omni/train/objectives/edit_distance.h"
#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/sound_loading.h"
#include "tokenizers/text/spelling.h"

namespace omni {
namespace {

struct TranscriptBatch : Batch {
  std::vector<at::Tensor> mels; // float32 [T, M]
  std::vector<std::vector<int64_t>> letters;
};

class CtcObjective : public Objective {
 public:
  CtcObjective(const TrainConfig& config, OmniModel model)
      : model_(std::move(model)), augment_from_(config.options.augment_from) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress& progress,
      bool is_training) override {
    const AudioProcessorOptions& options = model_->config.audio->processor;
    const bool augments = is_training && progress.share() >= augment_from_;
    auto batch = std::make_unique<TranscriptBatch>();
    double num_letters = 0.0;
    for (size_t i = 0; i < samples.size(); ++i) {
      const SamplePart& part =
          chosen_part(samples[i], addresses[i].seed, has_transcript);
      at::Tensor samples_S = load_sound(part, samples[i].key, options.sample_rate_hz);
      if (augments) {
        samples_S = augment_sound(samples_S, addresses[i].seed);
      }
      const ProcessedMedia media = model_->processor.process(
          Waveform{samples_S, options.sample_rate_hz, samples[i].key});
      batch->mels.push_back(
          augments ? mask_spectrum(media.mel, addresses[i].seed) : media.mel);
      batch->letters.push_back(spell(part.transcript));
      batch->num_tokens += media.mel.size(0);
      num_letters += static_cast<double>(batch->letters.back().size());
    }
    batch->counts["ctc"] = num_letters;
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& sounds = dynamic_cast<const TranscriptBatch&>(batch);
    return loss_of(sounds, read(sounds));
  }

  Evaluation evaluate(const Batch& batch) override {
    const auto& sounds = dynamic_cast<const TranscriptBatch&>(batch);
    const Reading reading = read(sounds);
    const auto read = ctc_greedy(reading.logits, reading.lengths);
    ErrorCount words;
    ErrorCount characters;
    for (size_t i = 0; i < read.size(); ++i) {
      const std::string wanted = unspell(sounds.letters[i]);
      words += word_errors(unspell(read[i]), wanted);
      characters += character_errors(unspell(read[i]), wanted);
    }
    const auto ratio = [](const ErrorCount& count) {
      return Ratio{
          static_cast<double>(count.errors), static_cast<double>(count.length)};
    };
    return {
        loss_of(sounds, reading),
        {{"word_error_rate", ratio(words)},
         {"character_error_rate", ratio(characters)}}};
  }

  std::string needs(bool) const override {
    return "sound with a transcript";
  }

  bool has_needed(const Sample& sample, bool) const override {
    return has_part(sample, has_transcript);
  }

  std::vector<std::string> trained_parts() const override {
    return {"conformer"};
  }

 private:
  struct Reading {
    at::Tensor logits; // [B, T', labels]
    at::Tensor lengths; // int64 [B]
  };

  Reading read(const TranscriptBatch& sounds) {
    const ConformerOutput heard = model_->sound_rows(sounds.mels);
    return {model_->conformer->ctc_logits(heard.rows), heard.lengths};
  }

  static Losses loss_of(const TranscriptBatch& sounds, const Reading& reading) {
    Losses losses;
    losses.terms.push_back(
        {"ctc", ctc_loss_sum(reading.logits, reading.lengths, sounds.letters).sum});
    return losses;
  }

  OmniModel model_;
  double augment_from_;
};

} // namespace

std::unique_ptr<Objective> make_ctc_objective(
    const TrainConfig& config,
    OmniModel model) {
  return std::make_unique<CtcObjective>(config, std::move(model));
}

} // namespace omni
