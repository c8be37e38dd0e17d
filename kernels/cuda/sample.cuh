// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One id of each row of logits, by a number in [0, 1): allowed ranges, penalties on ids
// that came before, temperature, top-k, top-p, min-p, then the first id, in id order,
// whose cumulative probability exceeds the number; without temperature the most likely,
// lowest of equals. Rows are vocabularies of their own sizes and options, all in one
// launch. Shapes: logits [V] a row -> one int64 a row. dtypes: logits float32 or
// bfloat16; sums in 64-bit integers (select.cuh). A thread block: one row. Bytes an
// entry: sizeof(T) from memory, then 4 a pass from the second-level cache. Where top-k,
// top-p or min-p leave nothing but entries near the largest, these are gathered in
// shared memory and all later passes are over them; else about 32 passes a selection.
#pragma once

#include "kernels/cuda/sample_cuda.h"
#include "kernels/cuda/select.cuh"

namespace omni::kernels::cuda {

// Entries near the largest that shared memory holds, and how near: e^-12 of its
// probability.
inline constexpr int kSampleCapacity = 4096;
inline constexpr float kSampleNearness = 12.0f;

// `largest_vocab`: of any row.
template <int kCapacity = kSampleCapacity, typename T>
Launch sample_launch(const Sample<T>& args, int largest_vocab) {
  return {
      args.num_rows, 1, threads_for(ceil_div(largest_vocab, 4), 1024),
      kWarpSize * sizeof(Mass) + kCapacity * (sizeof(float) + sizeof(int))};
}

// Adding zero makes one zero of the two: keys, unlike floats, tell -0 from 0.
__device__ inline float one_zero(float score) {
  return score + 0.0f;
}

// What the penalties of a row make of the logit of an id that was drawn `count` times.
__device__ inline float penalised(float logit, int count, const SampleRow& row) {
  const float score =
      logit < 0 ? logit * row.repetition_penalty : logit / row.repetition_penalty;
  return count == 0
      ? score // of the prompt
      : static_cast<float>(
            score - (row.presence_penalty + row.frequency_penalty * count));
}

// Scores of allowed ids, -infinity elsewhere.
template <typename T>
__device__ void
write_scores(const Sample<T>& args, const SampleRow& row, float* scores) {
  const T* logits = args.logits + row.begin;
  if (row.num_allowed == 0) {
    for (int i = threadIdx.x; i < row.vocab; i += blockDim.x) {
      scores[i] = one_zero(to_float(logits[i]));
    }
  } else {
    for (int i = threadIdx.x; i < row.vocab; i += blockDim.x) {
      scores[i] = -INFINITY;
    }
    __syncthreads();
    for (int64_t r = 0; r < row.num_allowed; ++r) {
      const AllowedRange range = args.allowed[row.allowed_begin + r];
      for (int i = range.begin + threadIdx.x; i < range.end; i += blockDim.x) {
        scores[i] = one_zero(to_float(logits[i]));
      }
    }
  }
  __syncthreads();
  if (row.num_seen == 0) {
    return;
  }
  for (int64_t i = threadIdx.x; i < row.num_seen; i += blockDim.x) {
    const SeenId seen = args.seen[row.seen_begin + i];
    if (scores[seen.id] > -INFINITY) {
      scores[seen.id] = one_zero(penalised(scores[seen.id], seen.count, row));
    }
  }
  __syncthreads();
}

// Largest score and its first place; place -1 where a score is NaN.
__device__ inline Found largest_score(const float* scores, int vocab, Mass* partials) {
  Found best = {-INFINITY, 0x7fffffff};
  int has_nan = 0;
  for (int i = threadIdx.x; i < vocab; i += blockDim.x) {
    has_nan |= scores[i] != scores[i] ? 1 : 0;
    best = LargerThenFirst()(best, {scores[i], i});
  }
  best = warp_first_largest(best);
  const float largest =
      block_reduce(best.value, -INFINITY, Larger(), reinterpret_cast<float*>(partials));
  const int place = best.value == largest ? -best.place : -0x7fffffff;
  const int first =
      -block_reduce(place, -0x7fffffff, Larger(), reinterpret_cast<int*>(partials));
  has_nan = block_reduce(has_nan, 0, Larger(), reinterpret_cast<int*>(partials));
  return {largest, has_nan != 0 ? -1 : first};
}

struct NearList {
  float* scores; // shared, [capacity]
  int* ids;
  int capacity;
};

// The entries from `least` on, in the order of their ids. There are at most `capacity`.
__device__ inline void
gather_near(const ScoreList& all, float least, const NearList& list, Mass* partials) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const WarpRun run = run_of_warp(all.size);
  int count = 0;
  for (int i = run.begin + lane; i < run.end; i += kWarpSize) {
    count += all.scores[i] >= least ? 1 : 0;
  }
  count = warp_reduce(count, Add());
  int next = sum_over_warps(count, reinterpret_cast<int*>(partials)).before;
  for (int tile = run.begin; tile < run.end; tile += kWarpSize) {
    const int i = tile + lane;
    const bool is_near = i < run.end && all.scores[i] >= least;
    const unsigned votes = __ballot_sync(kWholeWarp, is_near ? 1 : 0);
    if (is_near) {
      const int place = next + __popc(votes & ((1u << lane) - 1u));
      list.scores[place] = all.scores[i];
      list.ids[place] = i;
    }
    next += __popc(votes);
  }
  __syncthreads();
}

// What top-k, top-p and min-p leave: entries above `key` and the first `num_ties` at
// it, where they weigh at least min_p.
struct KeptEntries {
  unsigned key = 0;
  int num_ties = 0x7fffffff;
  float min_p = 0.0f;
  WeightMass mass_of;

  // By a whole warp, of its tile; `num_ties_before` moves on to the next tile.
  __device__ Mass
  operator()(const ScoreList& list, int i, int end, int& num_ties_before) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const float score = i < end ? list.scores[i] : -INFINITY;
    const unsigned own = order_key(score);
    const bool is_tie = i < end && own == key;
    const unsigned votes = __ballot_sync(kWholeWarp, is_tie ? 1 : 0);
    const int rank = num_ties_before + __popc(votes & ((1u << lane) - 1u));
    num_ties_before += __popc(votes);
    const bool is_kept = i < end && (own > key || (is_tie && rank < num_ties)) &&
        mass_of.weight(score) >= min_p;
    return is_kept ? mass_of(score) : 0;
  }
};

// Writes the first id whose cumulative mass exceeds `uniform` of the whole.
__device__ inline void draw(
    const ScoreList& list,
    const KeptEntries& kept,
    double uniform,
    int64_t* id,
    Mass* partials) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const WarpRun run = run_of_warp(list.size);
  int ties = 0;
  for (int i = run.begin + lane; i < run.end; i += kWarpSize) {
    ties += order_key(list.scores[i]) == kept.key ? 1 : 0;
  }
  ties = warp_reduce(ties, Add());
  const int ties_before = sum_over_warps(ties, reinterpret_cast<int*>(partials)).before;
  Mass own = 0;
  int num_ties = ties_before;
  for (int tile = run.begin; tile < run.end; tile += kWarpSize) {
    own += kept(list, tile + lane, run.end, num_ties);
  }
  own = warp_reduce(own, Add());
  const auto sums = sum_over_warps(own, partials);
  auto target = static_cast<Mass>(static_cast<double>(sums.all) * uniform);
  target = target < sums.all ? target : sums.all - 1; // where the product rounds up
  if (target < sums.before || target >= sums.before + own) {
    return; // another warp's
  }
  Mass before = sums.before;
  num_ties = ties_before;
  for (int tile = run.begin; tile < run.end; tile += kWarpSize) {
    const Mass mass = kept(list, tile + lane, run.end, num_ties);
    const Mass upto = before + warp_sum_before(mass) + mass;
    const unsigned votes = __ballot_sync(kWholeWarp, upto > target ? 1 : 0);
    if (votes != 0) {
      const int place = tile + __ffs(static_cast<int>(votes)) - 1;
      if (lane == 0) {
        *id = list.ids != nullptr ? list.ids[place] : place;
      }
      return;
    }
    before = __shfl_sync(kWholeWarp, upto, kWarpSize - 1);
  }
}

// kCapacity: entries that the launch gave shared memory for.
template <int kCapacity = kSampleCapacity, typename T>
__global__ void sample_kernel(Sample<T> args) {
  Mass* partials = shared_memory<Mass>();
  float* near_scores = reinterpret_cast<float*>(partials + kWarpSize);
  const NearList near_list = {
      near_scores, reinterpret_cast<int*>(near_scores + kCapacity), kCapacity};
  const SampleRow row = args.rows[blockIdx.x];
  float* scores = args.scores + row.scores_begin;
  int64_t* id = args.ids + blockIdx.x;

  write_scores(args, row, scores);
  const Found best = largest_score(scores, row.vocab, partials);
  const bool is_finite = best.value > -INFINITY && best.value < INFINITY;
  if (best.place < 0 || !is_finite || row.temperature == 0.0f) {
    if (threadIdx.x == 0) {
      *id = best.place < 0 ? kSampleFoundNan
          : !is_finite     ? kSampleFoundNothing
                           : best.place;
    }
    return;
  }
  const unsigned most_key = order_key(best.value);
  KeptEntries kept;
  kept.min_p = row.min_p;
  kept.mass_of = {best.value, 1.0f / row.temperature, 0};
  ScoreList list = {scores, nullptr, row.vocab};
  const bool has_top_k = row.top_k > 0 && row.top_k < row.vocab;
  const bool has_top_p = row.top_p < 1.0;
  const auto wanted_of = [&](Mass total) {
    const auto wanted = static_cast<Mass>(ceil(static_cast<double>(total) * row.top_p));
    return wanted < 1 ? Mass(1) : wanted < total ? wanted : total;
  };

  // The list must hold all that is left in the end; below `least` nothing is searched.
  const float near = best.value - kSampleNearness * row.temperature;
  const unsigned near_key = order_key(near);
  const Mass num_near = mass_from(list, near_key, CountMass(), partials);
  Mass total = has_top_p ? mass_from(list, 0, kept.mass_of, partials) : 0;
  unsigned least = 0;
  const bool is_enough = has_top_k ? num_near >= static_cast<Mass>(row.top_k)
      : has_top_p
      ? mass_from(list, near_key, kept.mass_of, partials) >= wanted_of(total)
      : row.min_p > 1e-5f; // e^-12 is 6e-6
  if (num_near <= static_cast<Mass>(kCapacity) && is_enough) {
    gather_near(list, near, near_list, partials);
    list = {near_list.scores, near_list.ids, static_cast<int>(num_near)};
    least = near_key;
  }
  if (has_top_k) {
    kept.key = find_cut(list, row.top_k, least, most_key, CountMass(), partials).key;
    kept.mass_of.least_key = kept.key;
    total = has_top_p ? mass_from(list, 0, kept.mass_of, partials) : 0;
  }
  if (has_top_p) {
    const Mass wanted = wanted_of(total);
    const Cut cut = find_cut(list, wanted, least, most_key, kept.mass_of, partials);
    const unsigned bits = cut.key & 0x80000000u ? cut.key ^ 0x80000000u : ~cut.key;
    const Mass each = kept.mass_of(__int_as_float(static_cast<int>(bits)));
    kept.key = cut.key;
    kept.num_ties = static_cast<int>(ceil_div(wanted - cut.above, each));
  }
  draw(list, kept, row.uniform, id, partials);
}

} // namespace omni::kernels::cuda
