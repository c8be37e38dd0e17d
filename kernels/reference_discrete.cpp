// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Plain versions of the ops that make ids: finite scalar and residual vector
// quantisation, and sampling.
#include "kernels/reference.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "kernels/path.h"

namespace omni::kernels::reference {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
// Widens the range of tanh, so that the ends of the grid are reached by finite values
// (and two levels work) while rounding still never leaves it.
constexpr double kFsqEps = 1e-3;

at::Tensor
per_level(at::IntArrayRef levels, const at::Tensor& like, double (*f)(int64_t)) {
  std::vector<at::Tensor> values; // at::tensor() would write to memory a trace has not
  for (const int64_t level : levels) {
    values.push_back(at::full({}, f(level), like.options()));
  }
  return at::stack(values);
}

double half_range(int64_t level) {
  return static_cast<double>(level - 1) * (1.0 + kFsqEps) / 2.0;
}
double even_offset(int64_t level) {
  return level % 2 == 0 ? 0.5 : 0.0;
}
double tanh_shift(int64_t level) {
  return std::atanh(even_offset(level) / half_range(level));
}
double half_width(int64_t level) {
  return static_cast<double>(level / 2);
}

at::Tensor bound(const at::Tensor& values, at::IntArrayRef levels) {
  return at::tanh(values + per_level(levels, values, tanh_shift)) *
      per_level(levels, values, half_range) -
      per_level(levels, values, even_offset);
}

at::Tensor in_compute_dtype(const at::Tensor& values) {
  return values.to(compute_dtype(values));
}

at::Tensor keep_top_p(const at::Tensor& scores, double top_p) {
  const auto [sorted, order] =
      scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
  const at::Tensor probabilities = sorted.softmax(0);
  const at::Tensor mass_before = probabilities.cumsum(0) - probabilities;
  at::Tensor dropped = mass_before >= top_p;
  dropped[0].fill_(false);
  return scores.masked_fill(
      at::zeros_like(dropped).scatter(0, order, dropped), kMinusInfinity);
}

} // namespace

at::Tensor fsq_encode(const at::Tensor& values, at::IntArrayRef levels) {
  at::Tensor digits = bound(in_compute_dtype(values), levels).round().to(at::kLong);
  at::Tensor codes =
      at::zeros(values.sizes().slice(0, values.dim() - 1), digits.options());
  int64_t radix = 1;
  for (size_t i = 0; i < levels.size(); ++i) {
    codes =
        codes + (digits.select(-1, static_cast<int64_t>(i)) + levels[i] / 2) * radix;
    radix *= levels[i];
  }
  return codes;
}

at::Tensor fsq_decode(const at::Tensor& codes, at::IntArrayRef levels) {
  std::vector<at::Tensor> values;
  at::Tensor rest = codes;
  for (const int64_t level : levels) {
    const at::Tensor digit = rest.remainder(level);
    values.push_back((digit - level / 2).to(at::kFloat) / half_width(level));
    rest = rest.div(level, "floor");
  }
  return at::stack(values, -1);
}

at::Tensor fsq_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  const at::Tensor bounded = bound(in_compute_dtype(values), levels);
  const at::Tensor rounded = bounded + (bounded.round() - bounded).detach();
  return (rounded / per_level(levels, bounded, half_width)).to(values.scalar_type());
}

at::Tensor residual_vq_encode(const at::Tensor& values, const at::Tensor& codebooks) {
  at::Tensor left = in_compute_dtype(values);
  std::vector<at::Tensor> codes;
  for (const at::Tensor& codebook : codebooks.to(left.scalar_type()).unbind(0)) {
    const at::Tensor distances =
        (left.unsqueeze(-2) - codebook)
            .square()
            .sum(-1)
            .nan_to_num(std::numeric_limits<double>::infinity());
    codes.push_back(distances.argmin(-1));
    left = left - codebook.index_select(0, codes.back().flatten()).view_as(left);
  }
  std::vector<int64_t> none = values.sizes().vec();
  none.back() = 0;
  return codes.empty() ? at::empty(none, values.options().dtype(at::kLong))
                       : at::stack(codes, -1);
}

at::Tensor residual_vq_decode(const at::Tensor& codes, const at::Tensor& codebooks) {
  std::vector<int64_t> sizes = codes.sizes().vec();
  sizes.back() = codebooks.size(2);
  const at::Tensor used = in_compute_dtype(codebooks);
  at::Tensor sum = at::zeros(sizes, used.options());
  for (int64_t stage = 0; stage < used.size(0); ++stage) {
    sum = sum +
        used[stage].index_select(0, codes.select(-1, stage).flatten()).view(sizes);
  }
  return sum.to(codebooks.scalar_type());
}

at::Tensor
sample(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  at::Tensor scores =
      logits.detach().to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  const auto counts_of = [&](const std::vector<int64_t>& ids) {
    return at::tensor(ids, at::kLong)
        .bincount(/*weights=*/{}, scores.size(0))
        .to(scores);
  };
  const at::Tensor counts = counts_of(options.previous);
  const at::Tensor repeated = at::where(
      scores < 0, scores * options.repetition_penalty,
      scores / options.repetition_penalty);
  scores = at::where(counts + counts_of(options.prompt) > 0, repeated, scores);
  scores = at::where(
      counts > 0,
      scores - (options.presence_penalty + options.frequency_penalty * counts), scores);
  if (!options.allowed.empty()) {
    at::Tensor kept = at::zeros_like(scores, at::kBool);
    for (const IdRange& range : options.allowed) {
      kept.slice(0, range.begin, range.end).fill_(true);
    }
    scores = scores.masked_fill(kept.logical_not(), kMinusInfinity);
  }
  check_choice(scores.max().item<double>());
  if (options.temperature == 0.0) {
    return (scores == scores.max()).to(at::kByte).argmax(0);
  }
  scores = scores / options.temperature;
  if (options.top_k > 0 && options.top_k < scores.size(0)) {
    const at::Tensor kth = std::get<0>(scores.topk(options.top_k)).select(0, -1);
    scores = scores.masked_fill(scores < kth, kMinusInfinity);
  }
  if (options.top_p < 1.0) {
    scores = keep_top_p(scores, options.top_p);
  }
  at::Tensor weights = (scores - scores.max()).exp();
  if (options.min_p > 0.0) {
    weights = weights.masked_fill(weights < options.min_p, 0.0);
  }
  const at::Tensor cumulative = weights.cumsum(0);
  const at::Tensor passed =
      (cumulative > cumulative.select(0, -1) * uniform) & (weights > 0);
  // A product that rounds up to the total passes nobody: then the last id with weight.
  const at::Tensor last = (weights > 0).to(at::kLong).cumsum(0).argmax(0);
  return at::where(passed.any(), passed.to(at::kByte).argmax(0), last);
}

at::Tensor sample_rows(const at::Tensor& logits, const std::vector<SampleRow>& rows) {
  std::vector<at::Tensor> ids;
  for (const SampleRow& row : rows) {
    ids.push_back(reference::sample(
        logits.narrow(0, row.begin, row.vocab), row.options, row.uniform));
  }
  return ids.empty() ? at::empty({0}, logits.options().dtype(at::kLong))
                     : at::stack(ids);
}

} // namespace omni::kernels::reference
