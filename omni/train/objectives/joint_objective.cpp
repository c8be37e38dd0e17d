// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The joint model on packed conversations: cross-entropy at supervised rows, one term a
// kind of sample (and one for image and speech codes), and the encoders' side losses
// for as long as the configuration wants them. The codecs stay as they are.
#include <algorithm>
#include <set>

#include "encoders/ctc.h"
#include "kernels/kernels.h"
#include "omni/train/objectives/joint_batch.h"
#include "omni/train/objectives/objectives.h"

namespace omni {
namespace {

class JointObjective : public Objective {
 public:
  JointObjective(const TrainConfig& config, OmniModel model)
      : model_(std::move(model)),
        builder_(config, model_),
        side_losses_until_(config.options.side_losses_until) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool is_training) override {
    return builder_.build(samples, addresses, is_training);
  }

  Losses loss(const Batch& untyped, const Progress& progress) override {
    const auto& batch = dynamic_cast<const JointBatch&>(untyped);
    Losses losses;
    const at::Tensor hidden_RD = run(batch, progress, losses);
    add_answer_losses(batch, hidden_RD, losses);
    return losses;
  }

  // Share of answers whose every id is the likeliest one, given the ids before it.
  Evaluation evaluate(const Batch& untyped) override {
    const auto& batch = dynamic_cast<const JointBatch&>(untyped);
    Evaluation evaluation;
    const at::Tensor hidden_RD = run(batch, {1, 1}, evaluation.losses);
    add_answer_losses(batch, hidden_RD, evaluation.losses);
    for (const auto& [name, term] : batch.supervised) {
      const at::Tensor rows = hidden_RD.index_select(0, at::tensor(term.rows));
      const at::Tensor right =
          model_->transformer->logits(rows).argmax(-1).eq(at::tensor(term.targets));
      std::map<int64_t, bool> is_right;
      for (size_t i = 0; i < term.answers.size(); ++i) {
        const bool hit = right[static_cast<int64_t>(i)].item<bool>();
        const auto [found, is_new] = is_right.try_emplace(term.answers[i], hit);
        found->second = found->second && hit;
      }
      Ratio& accuracy = evaluation.figures[name + "_accuracy"];
      for (const auto& [answer, hit] : is_right) {
        accuracy += {hit ? 1.0 : 0.0, 1.0};
      }
    }
    return evaluation;
  }

  std::string needs(bool is_training) const override {
    return learns_sides(is_training) ? "an answer, a transcript or labels to learn"
                                     : "an answer to learn";
  }

  bool has_needed(const Sample& sample, bool is_training) const override {
    const bool has_answer = std::any_of(
        sample.messages.begin(), sample.messages.end(),
        [](const SampleMessage& message) { return message.role == Role::Assistant; });
    return has_answer ||
        (learns_sides(is_training) &&
         (has_part(sample, has_transcript) ||
          (model_->dense_head && has_part(sample, has_labels))));
  }

  // Kinds of samples, and what only some samples have.
  std::vector<std::string> rare_terms(
      const std::vector<Dataset>& datasets,
      int64_t num_samples) const override {
    std::set<std::string> names = {"ctc", "dense", "image_codes", "speech_codes"};
    for (const Dataset& dataset : datasets) {
      const int64_t count = std::min(num_samples, dataset.size());
      for (int64_t i = 0; i < count; ++i) {
        names.insert(dataset.read_outline(i * dataset.size() / count).kind);
      }
    }
    return {names.begin(), names.end()};
  }

  std::vector<std::string> trained_parts() const override {
    std::vector<std::string> parts = {"transformer"};
    if (model_->drawing_places) {
      parts.push_back("drawing_places");
    }
    if (model_->vit) {
      parts.insert(parts.end(), {"vit", "vision_projector"});
    }
    if (model_->dense_head) {
      parts.push_back("dense_head");
    }
    if (model_->conformer) {
      parts.insert(parts.end(), {"conformer", "audio_projector"});
    }
    return parts;
  }

 private:
  static constexpr double kZLoss = 1e-4;

  // Evaluation is of answers alone.
  bool learns_sides(bool is_training) const {
    return is_training && side_losses_until_ > 0.0;
  }

  // Hidden rows [B * L, D]; side losses are added to `losses`.
  at::Tensor run(const JointBatch& batch, const Progress& progress, Losses& losses) {
    const Encoding encoding = model_->encode_with_rows(batch.items);
    if (progress.share() < side_losses_until_) {
      add_side_losses(batch, encoding, losses);
    }
    const int64_t width = model_->config.transformer->width;
    at::Tensor hidden = model_->embed_ids(batch.ids, batch.positions);
    if (!batch.media_rows.empty()) {
      std::vector<at::Tensor> rows;
      for (const EncodedMedia& item : encoding.media) {
        rows.push_back(item.rows);
      }
      hidden =
          kernels::splice_rows(
              hidden.view({-1, width}), at::cat(rows), at::tensor(batch.media_rows))
              .view(hidden.sizes());
    }
    return model_->transformer->forward({hidden, batch.positions, batch.segments})
        .view({-1, width});
  }

  // All terms in one product with the head: a product each would cost, and add up, a
  // gradient of the whole head each. Nothing for a batch without answers.
  void add_answer_losses(
      const JointBatch& batch,
      const at::Tensor& hidden_RD,
      Losses& losses) {
    std::vector<int64_t> rows;
    std::vector<int64_t> targets;
    std::vector<float> scales;
    for (const auto& [name, term] : batch.supervised) {
      rows.insert(rows.end(), term.rows.begin(), term.rows.end());
      targets.insert(targets.end(), term.targets.begin(), term.targets.end());
      const auto scale = batch.scales.find(name);
      scales.resize(
          rows.size(),
          scale == batch.scales.end() ? 1.0F : static_cast<float>(scale->second));
    }
    if (rows.empty()) {
      return;
    }
    kernels::LinearCrossEntropyOptions options;
    options.logits_multiplier = model_->config.transformer->logits_multiplier;
    options.z_loss = kZLoss;
    options.row_weights = at::tensor(scales);
    const kernels::LinearCrossEntropy loss = kernels::linear_cross_entropy(
        hidden_RD.index_select(0, at::tensor(rows)), model_->transformer->head_weight(),
        at::tensor(targets), options);
    losses.scaled = loss.loss;
    int64_t begin = 0;
    for (const auto& [name, term] : batch.supervised) {
      const auto size = static_cast<int64_t>(term.rows.size());
      losses.terms.push_back(
          {name, loss.row_losses.narrow(0, begin, size).sum(), /*is_scaled=*/true});
      begin += size;
    }
  }

  void
  add_side_losses(const JointBatch& batch, const Encoding& encoding, Losses& losses) {
    if (!batch.transcripts.empty()) {
      const at::Tensor chosen = at::tensor(batch.transcribed_sounds);
      const at::Tensor rows = encoding.sound_rows.rows.index_select(0, chosen);
      const at::Tensor lengths = encoding.sound_rows.lengths.index_select(0, chosen);
      losses.terms.push_back(
          {"ctc",
           ctc_loss_sum(model_->conformer->ctc_logits(rows), lengths, batch.transcripts)
               .sum});
    }
    if (!batch.labelled_images.empty()) {
      const int64_t merge = model_->config.vision->encoder.merge;
      const PatchGrid& grid = first_grid(batch);
      const int64_t rows = grid.rows / merge;
      const int64_t columns = grid.columns / merge;
      const at::Tensor pictures =
          encoding.image_rows.view({-1, rows * columns, encoding.image_rows.size(1)})
              .index_select(0, at::tensor(batch.labelled_images));
      std::vector<at::Tensor> targets;
      for (const auto& grids : batch.image_labels) {
        targets.push_back(at::stack(grids));
      }
      at::Tensor sum = at::zeros({}, at::kFloat);
      for (const DenseLoss& one : model_->dense_head->losses(
               model_->dense_head->forward(pictures, rows, columns), targets)) {
        sum = sum + one.sum;
      }
      losses.terms.push_back({"dense", sum});
    }
  }

  static const PatchGrid& first_grid(const JointBatch& batch) {
    for (const ProcessedMedia& item : batch.items) {
      if (!item.images.empty()) {
        return item.images.front().grid;
      }
    }
    TORCH_INTERNAL_ASSERT(false, "labelled pictures without a picture");
  }

  OmniModel model_;
  JointBatchBuilder builder_;
  double side_losses_until_;
};

} // namespace

std::unique_ptr<Objective> make_joint_objective(
    const TrainConfig& config,
    OmniModel model) {
  return std::make_unique<JointObjective>(config, std::move(model));
}

} // namespace omni
