// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One id of V logits in a handful of vector passes over V floats; sums in float64.
// Nothing is sorted but the few ids around the edge of the nucleus. One thread a row of
// logits. See Note [Row loops] in rms_norm_cpu.cpp.
//
// Note [Nucleus by bisection]
// The nucleus keeps ids from the largest weight down while the mass before an id is
// below top_p. Bisecting the bit pattern of the weight (positive floats order like
// their bits) brackets the edge in at most 31 passes, usually about 10: all ids at or
// above the upper bound stay, all below the lower one go, and only those between are
// sorted.
#include <torch/library.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>
#include <vector>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::to_float;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
// Ids between the bounds of the nucleus that are cheaper to sort than to bracket
// further.
constexpr int64_t kFewIds = 64;

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
copy_row(const T* __restrict logits, float* __restrict scores, int64_t size) {
  for (int64_t i = 0; i < size; ++i) {
    scores[i] = to_float(logits[i]);
  }
}

// NaN when any score is.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float largest_of(
    const float* __restrict scores,
    int64_t size) {
  int32_t has_nan = 0;
#pragma omp simd reduction(| : has_nan)
  for (int64_t i = 0; i < size; ++i) {
    has_nan |= scores[i] != scores[i];
  }
  return has_nan != 0 ? std::numeric_limits<float>::quiet_NaN()
                      : cpu::largest_of(scores, size);
}

// exp((score - largest) * inverse_temperature), 0 below `least` and below e^-87.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void weigh(
    const float* __restrict scores,
    float* __restrict weights,
    int64_t size,
    float largest,
    float least,
    float inverse_temperature) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    const float x = (scores[i] - largest) * inverse_temperature;
    const float weight = cpu::exp_fast(x);
    weights[i] = x < -87.0f || scores[i] < least ? 0.0f : weight;
  }
}

struct Mass {
  double sum;
  int64_t count;
};

// Of the weights at or above `least`.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] Mass
mass_from(const float* __restrict weights, int64_t size, float least) {
  double sum = 0.0;
  int32_t count = 0;
#pragma omp simd reduction(+ : sum, count)
  for (int64_t i = 0; i < size; ++i) {
    sum += weights[i] >= least ? weights[i] : 0.0f;
    count += weights[i] >= least ? 1 : 0;
  }
  return {sum, count};
}

// The k-th largest score, 1 <= k <= size.
float kth_largest(const std::vector<float>& scores, int64_t k) {
  if (k > static_cast<int64_t>(scores.size()) / 8) {
    std::vector<float> copy = scores;
    std::nth_element(
        copy.begin(), copy.begin() + (k - 1), copy.end(), std::greater<>());
    return copy[k - 1];
  }
  std::priority_queue<float, std::vector<float>, std::greater<>> best(
      std::greater<>(), std::vector<float>(scores.begin(), scores.begin() + k));
  float least = best.top();
  for (size_t i = k; i < scores.size(); ++i) {
    if (scores[i] > least) {
      best.pop();
      best.push(scores[i]);
      least = best.top();
    }
  }
  return least;
}

void keep_nucleus(std::vector<float>& weights, double top_p) {
  const auto size = static_cast<int64_t>(weights.size());
  const Mass all = mass_from(weights.data(), size, std::numeric_limits<float>::min());
  const double wanted = top_p * all.sum;
  // Weights from `upper` on hold less than is wanted, from `lower` on enough.
  uint32_t lower = 1, upper = std::bit_cast<uint32_t>(1.0f) + 1;
  Mass above{0.0, 0}, inside = all;
  while (inside.count - above.count > kFewIds && upper - lower > 1) {
    const uint32_t middle = lower + (upper - lower) / 2;
    const Mass mass = mass_from(weights.data(), size, std::bit_cast<float>(middle));
    if (mass.sum < wanted) {
      upper = middle;
      above = mass;
    } else {
      lower = middle;
      inside = mass;
    }
  }
  const float sure = std::bit_cast<float>(upper),
              possible = std::bit_cast<float>(lower);
  std::vector<int64_t> edge;
  for (int64_t i = 0; i < size; ++i) {
    if (weights[i] < possible) {
      weights[i] = 0.0f;
    } else if (weights[i] < sure) {
      edge.push_back(i);
    }
  }
  std::stable_sort(edge.begin(), edge.end(), [&](int64_t a, int64_t b) {
    return weights[a] > weights[b];
  });
  double before = above.sum;
  for (const int64_t id : edge) {
    const double weight = weights[id];
    if (before > 0.0 && before >= wanted) {
      weights[id] = 0.0f;
    }
    before += weight;
  }
}

// The allowed ids in order: ranges sorted, overlaps merged.
std::vector<IdRange> merged_ranges(std::vector<IdRange> ranges, int64_t vocab) {
  if (ranges.empty()) {
    return {{0, vocab}};
  }
  std::sort(ranges.begin(), ranges.end(), [](const IdRange& a, const IdRange& b) {
    return a.begin < b.begin;
  });
  std::vector<IdRange> merged;
  for (const IdRange& range : ranges) {
    if (!merged.empty() && range.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// What the penalties make of the logit of an id that was drawn `count` times.
float penalised(float logit, int64_t count, const SampleOptions& options) {
  const auto repetition = static_cast<float>(options.repetition_penalty);
  const float score = logit < 0 ? logit * repetition : logit / repetition;
  if (count == 0) {
    return score; // of the prompt
  }
  return static_cast<float>(
      score -
      (options.presence_penalty +
       options.frequency_penalty * static_cast<double>(count)));
}

// The scores of the allowed ids, one range after another.
class Candidates {
 public:
  Candidates(const at::Tensor& logits, const SampleOptions& options)
      : ranges_(merged_ranges(options.allowed, logits.size(0))) {
    for (const IdRange& range : ranges_) {
      begins_.push_back(static_cast<int64_t>(scores.size()));
      scores.resize(scores.size() + range.end - range.begin);
    }
    cpu::for_dtype(logits.scalar_type(), [&]<typename T>(T) {
      const T* row = logits.const_data_ptr<T>();
      for (size_t i = 0; i < ranges_.size(); ++i) {
        const IdRange& range = ranges_[i];
        copy_row<T>(
            row + range.begin, scores.data() + begins_[i], range.end - range.begin);
      }
      for (const IdCount& seen : penalised_ids(options, logits.size(0))) {
        put(seen.id, penalised(to_float(row[seen.id]), seen.count, options));
      }
    });
  }

  // The id at a place in `scores`.
  int64_t id_of(int64_t place) const {
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), place);
    const auto range = static_cast<size_t>(next - begins_.begin()) - 1;
    return ranges_[range].begin + place - begins_[range];
  }

  std::vector<float> scores;

 private:
  void put(int64_t id, float score) {
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (id >= ranges_[i].begin && id < ranges_[i].end) {
        scores[begins_[i] + id - ranges_[i].begin] = score;
      }
    }
  }

  std::vector<IdRange> ranges_;
  std::vector<int64_t> begins_; // places where the ranges begin
};

int64_t draw(const std::vector<float>& weights, double uniform) {
  double total = 0.0;
  for (const float weight : weights) {
    total += weight;
  }
  const double wanted = uniform * total;
  double cumulative = 0.0;
  int64_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0.0f) {
      cumulative += weights[i];
      last = static_cast<int64_t>(i);
      if (cumulative > wanted) {
        break;
      }
    }
  }
  return last; // A product that rounds up to the total leaves the last id.
}

// logits [V], contiguous.
int64_t
choose_id(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  const Candidates candidates(logits, options);
  const std::vector<float>& scores = candidates.scores;
  const auto size = static_cast<int64_t>(scores.size());
  const float largest = largest_of(scores.data(), size);
  check_choice(largest);
  if (options.temperature == 0.0) {
    const auto place =
        std::find(scores.begin(), scores.end(), largest) - scores.begin();
    return candidates.id_of(place);
  }
  const float least = options.top_k > 0 && options.top_k < size
      ? kth_largest(scores, options.top_k)
      : kMinusInfinity;
  std::vector<float> weights(size);
  weigh(
      scores.data(), weights.data(), size, largest, least,
      static_cast<float>(1.0 / options.temperature));
  if (options.top_p < 1.0) {
    keep_nucleus(weights, options.top_p);
  }
  if (options.min_p > 0.0) {
    for (float& weight : weights) {
      weight = weight < options.min_p ? 0.0f : weight;
    }
  }
  return candidates.id_of(draw(weights, uniform));
}

at::Tensor
sample_cpu(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  check_sample(logits, options, uniform);
  if (!takes_cpu_path({logits})) {
    return reference::sample(logits, options, uniform);
  }
  return at::scalar_tensor(choose_id(logits.contiguous(), options, uniform), at::kLong);
}

at::Tensor sample_rows_cpu(
    const at::Tensor& logits,
    const std::vector<SampleRow>& rows) {
  check_sample_rows(logits, rows);
  if (!takes_cpu_path({logits})) {
    return reference::sample_rows(logits, rows);
  }
  const at::Tensor in = logits.contiguous();
  const auto num_rows = static_cast<int64_t>(rows.size());
  const at::Tensor ids = at::empty({num_rows}, logits.options().dtype(at::kLong));
  int64_t* out = ids.mutable_data_ptr<int64_t>();
  at::parallel_for(0, num_rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const SampleRow& row = rows[static_cast<size_t>(i)];
      out[i] = choose_id(in.narrow(0, row.begin, row.vocab), row.options, row.uniform);
    }
  });
  return ids;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("sample", &sample_op<&sample_cpu>);
  m.impl("sample_rows", &sample_rows_op<&sample_rows_cpu>);
}

} // namespace omni::kernels
