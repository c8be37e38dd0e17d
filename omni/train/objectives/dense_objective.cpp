// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The picture encoder by its dense side head, on pictures that carry label grids.
#include "encoders/media/image_io.h"
#include "omni/train/objectives/dense_targets.h"
#include "omni/train/objectives/objectives.h"

namespace omni {
namespace {

struct LabelledBatch : Batch {
  std::vector<ProcessedImage> images;
  std::vector<at::Tensor> targets; // of each label, int64 [I, rows, columns]
};

class DenseObjective : public Objective {
 public:
  explicit DenseObjective(OmniModel model) : model_(std::move(model)) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool) override {
    const DenseHeadOptions& head = *model_->config.vision->dense_head;
    auto batch = std::make_unique<LabelledBatch>();
    std::vector<std::vector<at::Tensor>> grids(head.labels.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      const SamplePart& part = chosen_part(samples[i], addresses[i].seed, has_labels);
      const ProcessedMedia media =
          model_->processor.process(decode_image(part.bytes, samples[i].key));
      batch->images.push_back(media.images.front());
      const auto targets = dense_targets(part, head, samples[i].key + "/" + part.file);
      for (size_t label = 0; label < targets.size(); ++label) {
        grids[label].push_back(targets[label]);
      }
    }
    for (size_t label = 0; label < head.labels.size(); ++label) {
      batch->targets.push_back(at::stack(grids[label]));
      batch->counts[head.labels[label].name] = static_cast<double>(
          batch->targets.back().ne(DenseHeadImpl::kIgnore).sum().item<int64_t>());
    }
    batch->num_tokens = static_cast<int64_t>(batch->images.size());
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& labelled = dynamic_cast<const LabelledBatch&>(batch);
    return loss_of(labelled, logits_of(labelled));
  }

  Evaluation evaluate(const Batch& batch) override {
    const auto& labelled = dynamic_cast<const LabelledBatch&>(batch);
    const std::vector<at::Tensor> logits = logits_of(labelled);
    Evaluation evaluation{loss_of(labelled, logits), {}};
    for (size_t label = 0; label < logits.size(); ++label) {
      const at::Tensor& target = labelled.targets[label];
      // Class 0 is an empty cell: counted only where there is something.
      const at::Tensor counted = target.gt(0);
      const at::Tensor right = logits[label].argmax(-1).eq(target).logical_and(counted);
      evaluation.figures[model_->dense_head->options.labels[label].name + "_accuracy"] =
          {right.sum().item<double>(), counted.sum().item<double>()};
    }
    return evaluation;
  }

  std::string needs(bool) const override {
    return "a picture with labels";
  }

  bool has_needed(const Sample& sample, bool) const override {
    return has_part(sample, has_labels);
  }

  // A sample has the labels that somebody wrote down.
  std::vector<std::string> rare_terms(const std::vector<Dataset>&, int64_t)
      const override {
    std::vector<std::string> names;
    for (const DenseLabel& label : model_->dense_head->options.labels) {
      names.push_back(label.name);
    }
    return names;
  }

  std::vector<std::string> trained_parts() const override {
    return {"vit", "dense_head"};
  }

 private:
  Losses loss_of(const LabelledBatch& labelled, const std::vector<at::Tensor>& logits) {
    const auto sums = model_->dense_head->losses(logits, labelled.targets);
    Losses losses;
    for (size_t label = 0; label < sums.size(); ++label) {
      const std::string& name = model_->dense_head->options.labels[label].name;
      if (sums[label].count > 0) {
        losses.terms.push_back({name, sums[label].sum});
      }
    }
    return losses;
  }

  std::vector<at::Tensor> logits_of(const LabelledBatch& batch) {
    const int64_t merge = model_->config.vision->encoder.merge;
    const PatchGrid& grid = batch.images.front().grid;
    const auto num_images = static_cast<int64_t>(batch.images.size());
    const at::Tensor rows = model_->image_rows(batch.images);
    return model_->dense_head->forward(
        rows.view({num_images, -1, rows.size(1)}), grid.rows / merge,
        grid.columns / merge);
  }

  OmniModel model_;
};

} // namespace

std::unique_ptr<Objective> make_dense_objective(const TrainConfig&, OmniModel model) {
  return std::make_unique<DenseObjective>(std::move(model));
}

} // namespace omni
