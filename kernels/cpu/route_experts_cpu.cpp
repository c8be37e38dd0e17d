// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// scores = softmax or sigmoid of a row of E logits in float32, then k times the largest
// of score + bias. Bytes a row: 4 E from memory, the passes read the first-level cache.
// One thread takes whole rows. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/backward_checks.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;
using OptionalTensor = std::optional<at::Tensor>;

constexpr float kWorst = -std::numeric_limits<float>::infinity();

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
score_row(const T* __restrict logits, bool is_softmax, int64_t size, float* scores) {
  if (!is_softmax) {
#pragma omp simd
    for (int64_t e = 0; e < size; ++e) {
      scores[e] = cpu::sigmoid_fast(to_float(logits[e]));
    }
    return;
  }
#pragma omp simd
  for (int64_t e = 0; e < size; ++e) {
    scores[e] = to_float(logits[e]);
  }
  const float largest = cpu::largest_of(scores, size);
#pragma omp simd
  for (int64_t e = 0; e < size; ++e) {
    scores[e] = cpu::exp_fast(scores[e] - largest);
  }
  const float total = cpu::sum_of(scores, size);
#pragma omp simd
  for (int64_t e = 0; e < size; ++e) {
    scores[e] /= total;
  }
}

// Score + bias, -infinity where that is NaN: worse than anything.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void choice_row(
    const float* __restrict scores,
    const float* __restrict bias, // or null
    int64_t size,
    float* __restrict choice) {
#pragma omp simd
  for (int64_t e = 0; e < size; ++e) {
    const float sum = bias != nullptr ? scores[e] + bias[e] : scores[e];
    choice[e] = sum == sum ? sum : kWorst;
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float
largest_choice(const float* values, int64_t size) {
  return cpu::largest_of(values, size);
}

// The place of the largest value that was not taken yet, the first of equals. Values
// are not NaN, which what was taken becomes.
int64_t take_largest(float* values, int64_t size) {
  const float largest = largest_choice(values, size);
  const auto place = std::find(values, values + size, largest) - values;
  values[place] = std::numeric_limits<float>::quiet_NaN();
  return place;
}

// Choice scores outside the best groups become `dropped`.
void keep_groups(const RouteOptions& options, int64_t size, float* choice) {
  const int64_t group_size = size / options.num_groups;
  std::vector<float> groups(options.num_groups);
  for (int64_t g = 0; g < options.num_groups; ++g) {
    float first = kWorst, second = kWorst;
    for (int64_t i = 0; i < group_size; ++i) {
      const float value = choice[g * group_size + i];
      second = std::max(second, std::min(first, value));
      first = std::max(first, value);
    }
    const float value = group_size > 1 ? first + second : first;
    groups[g] = std::isnan(value) ? kWorst : value;
  }
  for (int64_t kept = 0; kept < options.kept_groups; ++kept) {
    take_largest(groups.data(), options.num_groups);
  }
  const float dropped = options.has_soft_groups ? 0.0f : kWorst;
  for (int64_t g = 0; g < options.num_groups; ++g) {
    if (!std::isnan(groups[g])) { // was not taken
      std::fill_n(choice + g * group_size, group_size, dropped);
    }
  }
}

// Keeps sigmoid scores that are all 0 finite; lost in any other sum.
constexpr float kLeastSum = 1e-20f;

float sum_at(const float* scores, const int64_t* ids, int64_t count) {
  float sum = 0.0f;
  for (int64_t k = 0; k < count; ++k) {
    sum += scores[ids[k]];
  }
  return sum + kLeastSum;
}

// `choice` is room for a row of floats.
void choose(
    const RouteOptions& options,
    const float* scores,
    int64_t size,
    float* choice,
    int64_t* ids,
    float* weights) {
  const int64_t count = options.experts_per_row;
  if (options.num_groups > 1) {
    keep_groups(options, size, choice);
  }
  for (int64_t k = 0; k < count; ++k) {
    ids[k] = take_largest(choice, size);
  }
  const float sum = options.has_normalized_weights ? sum_at(scores, ids, count) : 1.0f;
  for (int64_t k = 0; k < count; ++k) {
    weights[k] = scores[ids[k]] / sum * static_cast<float>(options.weight_scale);
  }
}

// With w_k = scale s_k / S: ds_k = scale (dw_k - (sum_j dw_j s_j) / S) / S, or scale
// dw_k without a sum. Then d logit_e = s_e (ds_e - sum_j ds_j s_j) of a softmax and s_e
// (1 - s_e) ds_e of a sigmoid.
template <typename T>
void backward_row(
    const RouteOptions& options,
    const float* scores,
    int64_t size,
    const int64_t* ids,
    const float* grad,
    T* out) {
  const int64_t count = options.experts_per_row;
  std::vector<float> grad_scores(size, 0.0f);
  float along = 0.0f; // sum_j dw_j s_j, then sum_j ds_j s_j
  for (int64_t k = 0; k < count; ++k) {
    along += grad[k] * scores[ids[k]];
  }
  const bool is_normalized = options.has_normalized_weights;
  const float sum = is_normalized ? sum_at(scores, ids, count) : 1.0f;
  const float back = is_normalized ? along / sum : 0.0f;
  const float scale = static_cast<float>(options.weight_scale) / sum;
  along = 0.0f;
  for (int64_t k = 0; k < count; ++k) {
    grad_scores[ids[k]] = scale * (grad[k] - back);
    along += grad_scores[ids[k]] * scores[ids[k]];
  }
  for (int64_t e = 0; e < size; ++e) {
    const float slope = options.is_softmax ? grad_scores[e] - along
                                           : (1.0f - scores[e]) * grad_scores[e];
    out[e] = from_float<T>(scores[e] * slope);
  }
}

ExpertRoutes route_experts_cpu(
    const at::Tensor& logits,
    const OptionalTensor& bias,
    const RouteOptions& options) {
  check_route_experts(logits, bias, options);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({logits, or_undefined(bias)})) {
    return reference::route_experts(logits, bias, options);
  }
  const at::Tensor in = logits.contiguous();
  const at::Tensor used_bias = bias ? cpu::used_weight(*bias, 0.0) : at::Tensor();
  const float* biases = bias ? used_bias.const_data_ptr<float>() : nullptr;
  const int64_t num_rows = in.size(0), size = in.size(1);
  const int64_t count = options.experts_per_row;
  const std::array<int64_t, 2> sizes = {num_rows, count};
  const at::Tensor ids = at::empty(sizes, in.options().dtype(at::kLong));
  const at::Tensor weights = at::empty(sizes, in.options().dtype(at::kFloat));
  int64_t* all_ids = ids.mutable_data_ptr<int64_t>();
  float* all_weights = weights.mutable_data_ptr<float>();
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(size, cpu::kTaskEntries),
        [&](int64_t begin, int64_t end) {
          std::vector<float> scores(size), choice(size);
          for (int64_t row = begin; row < end; ++row) {
            score_row<T>(from + row * size, options.is_softmax, size, scores.data());
            choice_row(scores.data(), biases, size, choice.data());
            choose(
                options, scores.data(), size, choice.data(), all_ids + row * count,
                all_weights + row * count);
          }
        });
  });
  return {ids, weights};
}

void check_route_experts_backward(
    const at::Tensor& grad,
    const at::Tensor& logits,
    const at::Tensor& ids) {
  TORCH_CHECK_TYPE(
      ids.scalar_type() == at::kLong,
      "[route_experts_backward] expected int64 ids, got ", ids.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      logits.dim() == 2 && ids.dim() == 2 && ids.size(0) == logits.size(0),
      "[route_experts_backward] expected logits [L, E] and ids [L, k], got ",
      logits.sizes(), " and ", ids.sizes(), ".");
  check_gradient(grad, ids.sizes(), "route_experts_backward");
  if (ids.numel() > 0) {
    const auto [least, most] = ids.aminmax();
    TORCH_CHECK_INDEX(
        least.item<int64_t>() >= 0 && most.item<int64_t>() < logits.size(1),
        "[route_experts_backward] expected ids in [0, ", logits.size(1), "), got ",
        least.item<int64_t>(), " to ", most.item<int64_t>(), ".");
  }
}

at::Tensor route_experts_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& logits,
    const at::Tensor& ids,
    bool is_softmax,
    bool has_normalized_weights,
    double weight_scale) {
  check_route_experts_backward(grad, logits, ids);
  const NoAutocast no_autocast;
  const RouteOptions options{
      .experts_per_row = ids.size(1),
      .is_softmax = is_softmax,
      .has_normalized_weights = has_normalized_weights,
      .weight_scale = weight_scale};
  const at::Tensor in = logits.contiguous(), chosen = ids.contiguous();
  const at::Tensor dy = grad.to(at::kFloat).contiguous();
  const at::Tensor out = at::empty(in.sizes(), in.options());
  const int64_t size = in.size(1), count = ids.size(1);
  const int64_t* all_ids = chosen.const_data_ptr<int64_t>();
  const float* grads = dy.const_data_ptr<float>();
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* from = in.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, in.size(0), cpu::rows_per_task(size, cpu::kTaskEntries),
        [&](int64_t begin, int64_t end) {
          std::vector<float> scores(size);
          for (int64_t row = begin; row < end; ++row) {
            score_row<T>(from + row * size, is_softmax, size, scores.data());
            backward_row<T>(
                options, scores.data(), size, all_ids + row * count,
                grads + row * count, to + row * size);
          }
        });
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("route_experts", &route_experts_op<&route_experts_cpu>);
  m.impl("route_experts_backward", &route_experts_backward_cpu);
}

} // namespace omni::kernels
