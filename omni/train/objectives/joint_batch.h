// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Conversations become what the joint objective computes on: media ready for the
// encoders, ids packed into rows, and which id each row is taught to predict.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "omni/conversation/composer.h"
#include "omni/train/objective.h"
#include "omni/train/train_config.h"

namespace omni {

// Rows of the flattened [B * L] that one loss term supervises.
struct SupervisedRows {
  std::vector<int64_t> rows;
  std::vector<int64_t> targets;
  std::vector<int64_t> answers; // which answer of the batch each belongs to
};

struct JointBatch : Batch {
  std::vector<ProcessedMedia> items;
  at::Tensor ids; // int64 [B, L]
  at::Tensor positions; // float32 [B, L, 3]
  at::Tensor segments; // int64 [B, L], -1 where there is nothing
  std::vector<int64_t> media_rows; // flat rows that media rows are written to, in order
  std::map<std::string, SupervisedRows> supervised; // by loss term
  // Side losses: pictures (numbered as all images of all items) with label grids, and
  // sounds (numbered as all items with sound) with letters.
  std::vector<int64_t> labelled_images;
  std::vector<std::vector<at::Tensor>> image_labels; // of each label of the dense head
  std::vector<int64_t> transcribed_sounds;
  std::vector<std::vector<int64_t>> transcripts;
};

class JointBatchBuilder {
 public:
  JointBatchBuilder(const TrainConfig& config, OmniModel model);
  [[nodiscard]] std::unique_ptr<JointBatch> build(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      bool is_training);

 private:
  struct Sequence;
  Sequence
  compose(const Sample& sample, uint64_t seed, JointBatch& batch, bool is_training);
  ComposedPart
  media_part(const Sample& sample, const SamplePart& part, JointBatch& batch);
  // Codes of a drawing or of speech, through the frozen codecs; kept by sample.
  std::vector<int64_t> image_codes(const Sample& sample, const SamplePart& part);
  SpokenWords spoken_words(const Sample& sample, const SamplePart& part);
  // Puts random codes in place of a share of those the input has of an answer.
  void replace_codes(
      Sequence& sequence,
      Segment segment,
      double share,
      uint64_t seed,
      uint64_t draw) const;
  void lay_out(const std::vector<Sequence>& sequences, JointBatch& batch) const;

  OmniModel model_;
  Composer composer_;
  ObjectiveOptions options_;
  // Codes of a file of a sample, made by `encode` the first time. Thread-safe: the
  // loader's thread and evaluation in the training thread both build batches.
  std::vector<int64_t> cached_codes(
      const std::string& name,
      const std::function<at::Tensor()>& encode);

  std::mutex mutex_; // guards codes_
  std::map<std::string, std::vector<int64_t>> codes_; // by sample key and file
};

} // namespace omni
