// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// loss_r = lse(z_r) - z_r[target] + z_loss lse(z_r)^2, z = multiplier h W^T;
// d loss_r / d z = softmax(z_r) (1 + 2 z_loss lse) - onehot(target).
// Supervised rows only, in chunks: at::mm makes the logits of a chunk in hidden's
// dtype, one pass turns them into their gradient in place (float32 arithmetic), two
// more products make the gradients of hidden and weight; the latter adds up in float32.
// Three products of R V D each; the rest moves 2 (no gradient) or 3 times the logits,
// within the cache. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;
using OptionalTensor = std::optional<at::Tensor>;

// Rows of logits that live at once.
constexpr int64_t kChunkRows = 512;

struct RowOptions {
  int64_t vocab;
  float multiplier;
  float z_loss;
  bool has_gradient;
};

// Returns the loss of one row of logits; with a gradient also turns the row into it,
// times `row_weight`. `exps` is scratch [vocab].
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float row_loss(
    const RowOptions& options,
    T* __restrict logits,
    int64_t target,
    float row_weight,
    float* __restrict exps) {
  const int64_t vocab = options.vocab;
  const float multiplier = options.multiplier;
#pragma omp simd
  for (int64_t i = 0; i < vocab; ++i) {
    exps[i] = to_float(logits[i]) * multiplier;
  }
  const float of_target = exps[target];
  const float largest = cpu::largest_of(exps, vocab);
#pragma omp simd
  for (int64_t i = 0; i < vocab; ++i) {
    exps[i] = cpu::exp_fast(exps[i] - largest);
  }
  const float total = cpu::sum_of(exps, vocab);
  const float log_sum = largest + std::log(total);
  if (options.has_gradient) {
    const float slope = row_weight * multiplier;
    const float scale = slope * (1.0f + 2.0f * options.z_loss * log_sum) / total;
    const float on_target = exps[target] * scale - slope;
#pragma omp simd
    for (int64_t i = 0; i < vocab; ++i) {
      logits[i] = from_float<T>(exps[i] * scale);
    }
    logits[target] = from_float<T>(on_target);
  }
  return log_sum - of_target + options.z_loss * log_sum * log_sum;
}

struct Chunk {
  at::Tensor logits; // [rows, V]; becomes its gradient
  const int64_t* targets;
  const float* row_weights;
  float* losses;
};

void run_chunk(const Chunk& chunk, const RowOptions& options) {
  cpu::for_dtype(chunk.logits.scalar_type(), [&]<typename T>(T) {
    T* logits = chunk.logits.mutable_data_ptr<T>();
    at::parallel_for(
        0, chunk.logits.size(0), cpu::rows_per_task(options.vocab, 16384),
        [&](int64_t begin, int64_t end) {
          std::vector<float> exps(options.vocab);
          for (int64_t row = begin; row < end; ++row) {
            chunk.losses[row] = row_loss<T>(
                options, logits + row * options.vocab, chunk.targets[row],
                chunk.row_weights[row], exps.data());
          }
        });
  });
}

at::Tensor supervised_rows(const at::Tensor& targets) {
  std::vector<int64_t> rows;
  const int64_t* target = targets.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < targets.size(0); ++i) {
    if (target[i] != kIgnoredTarget) {
      rows.push_back(i);
    }
  }
  return at::tensor(rows, at::TensorOptions(at::kLong));
}

struct Result {
  at::Tensor loss;
  at::Tensor row_losses;
  at::Tensor hidden_grad; // [0] unless wanted
  at::Tensor weight_grad;
};

// The supervised rows by themselves. hidden and weight in one dtype.
Result of_supervised(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const at::Tensor& row_weights,
    const RowOptions& options,
    bool wants_hidden_grad,
    bool wants_weight_grad) {
  const int64_t num_rows = hidden.size(0);
  const auto in_float = hidden.options().dtype(at::kFloat);
  Result result;
  result.row_losses = at::empty({num_rows}, in_float);
  result.hidden_grad = at::empty(
      wants_hidden_grad ? hidden.sizes() : at::IntArrayRef({0}), hidden.options());
  result.weight_grad =
      at::zeros(wants_weight_grad ? weight.sizes() : at::IntArrayRef({0}), in_float);
  for (int64_t begin = 0; begin < num_rows; begin += kChunkRows) {
    const int64_t size = std::min(kChunkRows, num_rows - begin);
    const at::Tensor rows = hidden.narrow(0, begin, size);
    const at::Tensor logits = at::mm(rows, weight.t());
    run_chunk(
        {logits, targets.const_data_ptr<int64_t>() + begin,
         row_weights.const_data_ptr<float>() + begin,
         result.row_losses.mutable_data_ptr<float>() + begin},
        options);
    if (wants_hidden_grad) {
      at::Tensor out = result.hidden_grad.narrow(0, begin, size);
      at::mm_out(out, logits, weight);
    }
    if (wants_weight_grad && hidden.scalar_type() == at::kFloat) {
      result.weight_grad.addmm_(logits.t(), rows);
    } else if (wants_weight_grad) {
      result.weight_grad.add_(at::mm(logits.t(), rows));
    }
  }
  result.loss = at::dot(result.row_losses, row_weights);
  return result;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> with_gradients_cpu(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss,
    bool wants_hidden_grad,
    bool wants_weight_grad) {
  check_linear_cross_entropy(hidden, weight, targets, row_weights);
  const NoAutocast no_autocast;
  const at::Tensor all_targets = targets.contiguous();
  const at::Tensor kept = supervised_rows(all_targets);
  const bool keeps_all = kept.size(0) == hidden.size(0);
  const auto select = [&](const at::Tensor& rows) {
    return keeps_all ? rows.contiguous() : rows.index_select(0, kept);
  };
  const at::Tensor all_weights = row_weights.has_value()
      ? *row_weights
      : at::ones({hidden.size(0)}, hidden.options().dtype(at::kFloat));
  Result result = of_supervised(
      select(hidden), weight.to(hidden.scalar_type()).contiguous(), select(all_targets),
      select(all_weights),
      {weight.size(0), static_cast<float>(logits_multiplier),
       static_cast<float>(z_loss), wants_hidden_grad || wants_weight_grad},
      wants_hidden_grad, wants_weight_grad);
  if (!keeps_all) {
    result.row_losses = at::zeros({hidden.size(0)}, result.row_losses.options())
                            .index_copy_(0, kept, result.row_losses);
    if (wants_hidden_grad) {
      result.hidden_grad = at::zeros(hidden.sizes(), hidden.options())
                               .index_copy_(0, kept, result.hidden_grad);
    }
  }
  return {
      result.loss, result.row_losses, result.hidden_grad,
      result.weight_grad.to(weight.scalar_type())};
}

std::tuple<at::Tensor, at::Tensor> linear_cross_entropy_cpu(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss) {
  if (!takes_cpu_path({hidden, weight})) {
    check_linear_cross_entropy(hidden, weight, targets, row_weights);
    const NoAutocast no_autocast;
    auto [loss, row_losses] = reference::linear_cross_entropy(
        hidden, weight, targets, {logits_multiplier, z_loss, row_weights});
    return {loss, row_losses};
  }
  auto [loss, row_losses, hidden_grad, weight_grad] = with_gradients_cpu(
      hidden, weight, targets, row_weights, logits_multiplier, z_loss, false, false);
  return {loss, row_losses};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("linear_cross_entropy", &linear_cross_entropy_cpu);
  m.impl("linear_cross_entropy_with_gradients", &with_gradients_cpu);
}

} // namespace omni::kernels
