// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One id from one row of logits.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

void check_in_range(
    const char* name,
    double value,
    bool is_in_range,
    const char* range) {
  TORCH_CHECK_VALUE(
      is_in_range, "[sample] expected ", name, " in ", range, ", got ", value, ".");
}

} // namespace

void check_sample(
    const at::Tensor& logits,
    const SampleOptions& options,
    double uniform) {
  check_floating(logits, "sample", "logits");
  TORCH_CHECK_VALUE(
      logits.dim() == 1 && logits.size(0) >= 1, "[sample] expected logits [V], got ",
      logits.sizes(), ".");
  const int64_t vocab = logits.size(0);
  check_in_range(
      "temperature", options.temperature, options.temperature >= 0, "[0, inf)");
  check_in_range(
      "top_k", static_cast<double>(options.top_k), options.top_k >= 0, "[0, V]");
  check_in_range(
      "top_p", options.top_p, options.top_p > 0 && options.top_p <= 1, "(0, 1]");
  check_in_range(
      "min_p", options.min_p, options.min_p >= 0 && options.min_p < 1, "[0, 1)");
  check_in_range(
      "repetition_penalty", options.repetition_penalty, options.repetition_penalty > 0,
      "(0, inf)");
  check_in_range(
      "presence_penalty", options.presence_penalty,
      std::isfinite(options.presence_penalty), "(-inf, inf)");
  check_in_range(
      "frequency_penalty", options.frequency_penalty,
      std::isfinite(options.frequency_penalty), "(-inf, inf)");
  check_in_range("uniform", uniform, uniform >= 0 && uniform < 1, "[0, 1)");
  for (const IdRange& range : options.allowed) {
    TORCH_CHECK_INDEX(
        range.begin >= 0 && range.begin <= range.end && range.end <= vocab,
        "[sample] expected allowed ranges inside [0, ", vocab, "), got [", range.begin,
        ", ", range.end, ").");
  }
  const auto check_ids = [&](const char* name, const std::vector<int64_t>& ids) {
    for (const int64_t id : ids) {
      TORCH_CHECK_INDEX(
          id >= 0 && id < vocab, "[sample] expected ", name, " ids in [0, ", vocab,
          "), got ", id, ".");
    }
  };
  check_ids("previous", options.previous);
  check_ids("prompt", options.prompt);
}

void check_choice(double largest) {
  TORCH_CHECK_VALUE(
      !std::isnan(largest),
      "[sample] expected logits without NaN, got NaN. The model's weights or inputs "
      "are "
      "not finite.");
  TORCH_CHECK_VALUE(
      std::isfinite(largest),
      "[sample] expected at least one allowed id with a finite logit, got none.");
}

namespace {

at::Tensor
by_reference(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  check_sample(logits, options, uniform);
  return reference::sample(logits, options, uniform);
}

at::Tensor
meta(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  check_sample(logits, options, uniform);
  return at::empty({}, logits.options().dtype(at::kLong));
}

} // namespace

SampleOptions to_sample_options(
    double temperature,
    int64_t top_k,
    double top_p,
    double min_p,
    double repetition_penalty,
    at::IntArrayRef previous,
    at::IntArrayRef allowed,
    double presence_penalty,
    double frequency_penalty,
    at::IntArrayRef prompt) {
  TORCH_CHECK_VALUE(
      allowed.size() % 2 == 0,
      "[sample] expected allowed as begin, end, begin, end, ..., got ", allowed.size(),
      " numbers.");
  SampleOptions options{
      .temperature = temperature,
      .top_k = top_k,
      .top_p = top_p,
      .min_p = min_p,
      .repetition_penalty = repetition_penalty,
      .presence_penalty = presence_penalty,
      .frequency_penalty = frequency_penalty,
      .previous = previous.vec(),
      .prompt = prompt.vec()};
  for (size_t i = 0; i < allowed.size(); i += 2) {
    options.allowed.push_back({allowed[i], allowed[i + 1]});
  }
  return options;
}

std::vector<IdCount> penalised_ids(const SampleOptions& options, int64_t vocab) {
  const bool has_repetition = options.repetition_penalty != 1.0;
  const bool has_counts =
      options.presence_penalty != 0.0 || options.frequency_penalty != 0.0;
  const bool takes_prompt = has_repetition && !options.prompt.empty();
  const bool takes_previous =
      (has_repetition || has_counts) && !options.previous.empty();
  std::vector<IdCount> ids;
  if (!takes_prompt && !takes_previous) {
    return ids;
  }
  constexpr int64_t kNowhere = -1;
  std::vector<int64_t> places(static_cast<size_t>(vocab), kNowhere); // in `ids`
  const auto entry_of = [&](int64_t id) -> IdCount& {
    int64_t& place = places[static_cast<size_t>(id)];
    if (place == kNowhere) {
      place = static_cast<int64_t>(ids.size());
      ids.push_back({id, 0});
    }
    return ids[static_cast<size_t>(place)];
  };
  if (takes_prompt) {
    for (const int64_t id : options.prompt) {
      entry_of(id);
    }
  }
  for (const int64_t id : options.previous) {
    ++entry_of(id).count;
  }
  return ids;
}

int64_t sample(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::sample", "")
                             .typed<decltype(sample_op<&by_reference>)>();
  std::vector<int64_t> allowed;
  for (const IdRange& range : options.allowed) {
    allowed.push_back(range.begin);
    allowed.push_back(range.end);
  }
  return op
      .call(
          logits, uniform, options.temperature, options.top_k, options.top_p,
          options.min_p, options.repetition_penalty, options.previous, allowed,
          options.presence_penalty, options.frequency_penalty, options.prompt)
      .item<int64_t>();
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "sample(Tensor logits, float uniform=0.0, float temperature=0.0, int top_k=0, "
      "float top_p=1.0, float min_p=0.0, float repetition_penalty=1.0, "
      "int[] previous=[], int[] allowed=[], float presence_penalty=0.0, "
      "float frequency_penalty=0.0, int[] prompt=[]) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("sample", &sample_op<&by_reference>);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("sample", &sample_op<&meta>);
}

} // namespace omni::kernels
