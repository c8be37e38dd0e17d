// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of sample.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// Larger vocabularies overflow the sums of weights (select.cuh).
inline constexpr int64_t kSampleMostVocab = (1 << 19) - 1;

struct SampleRow {
  int64_t begin = 0; // of its logits
  int64_t scores_begin = 0; // of its scratch: rows may share logits
  int vocab = 0; // V, in [1, 2^19)
  int top_k = 0; // 0: all
  float temperature = 0.0f;
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  double top_p = 1.0;
  double uniform = 0.0;
  int64_t seen_begin = 0, num_seen = 0; // ids that penalties fall on, each once
  int64_t allowed_begin = 0, num_allowed = 0; // ranges; none: all ids
};

struct SeenId {
  int id;
  int count; // of draws; 0: of the prompt alone
};

struct AllowedRange {
  int begin;
  int end; // exclusive
};

template <typename T>
struct Sample {
  const T* logits = nullptr; // of all rows
  const SampleRow* rows = nullptr;
  const SeenId* seen = nullptr; // of all rows
  const AllowedRange* allowed = nullptr; // of all rows
  float* scores = nullptr; // scratch, V a row
  int64_t* ids = nullptr; // [num_rows]
  int num_rows = 0;
};

// In place of an id.
inline constexpr int64_t kSampleFoundNan = -1;
inline constexpr int64_t kSampleFoundNothing = -2; // no finite largest logit

// T float or Bf16. `largest_vocab`: of any row.
template <typename T>
void launch_sample(const Sample<T>& args, int largest_vocab, Stream stream);

} // namespace omni::kernels::cuda
