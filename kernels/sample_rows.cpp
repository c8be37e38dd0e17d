// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// An id of each of several vocabularies.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_sample_rows(const at::Tensor& logits, const std::vector<SampleRow>& rows) {
  check_floating(logits, "sample_rows", "logits");
  TORCH_CHECK_VALUE(
      logits.dim() == 1, "[sample_rows] expected logits [N], got ", logits.sizes(),
      ".");
  for (const SampleRow& row : rows) {
    TORCH_CHECK_INDEX(
        row.begin >= 0 && row.vocab >= 0 && row.begin <= logits.size(0) - row.vocab,
        "[sample_rows] expected rows inside [0, ", logits.size(0), "), got ", row.vocab,
        " logits from ", row.begin, ".");
    check_sample(logits.narrow(0, row.begin, row.vocab), row.options, row.uniform);
  }
}

std::vector<SampleRow> to_sample_rows(const SampleRowNumbers& numbers) {
  const size_t size = numbers.uniforms.size();
  const auto has_all_or_none = [&](at::ArrayRef<double> penalties) {
    return penalties.empty() || penalties.size() == size;
  };
  TORCH_CHECK_VALUE(
      numbers.ranges.size() == 2 * size && numbers.temperatures.size() == size &&
          numbers.top_ks.size() == size && numbers.top_ps.size() == size &&
          numbers.min_ps.size() == size &&
          numbers.repetition_penalties.size() == size &&
          has_all_or_none(numbers.presence_penalties) &&
          has_all_or_none(numbers.frequency_penalties),
      "[sample_rows] expected begin and vocab of each of ", size,
      " rows and a number a row of each option, got ", numbers.ranges.size(), ", ",
      numbers.temperatures.size(), ", ", numbers.top_ks.size(), ", ",
      numbers.top_ps.size(), ", ", numbers.min_ps.size(), ", ",
      numbers.repetition_penalties.size(), ", ", numbers.presence_penalties.size(),
      " and ", numbers.frequency_penalties.size(), ".");
  const auto check_ids = [&](const char* name, at::IntArrayRef row_ids, size_t step) {
    TORCH_CHECK_VALUE(
        row_ids.size() % step == 0, "[sample_rows] expected ", name, " in groups of ",
        step, ", each after its row, got ", row_ids.size(), " numbers.");
    for (size_t i = 0; i < row_ids.size(); i += step) {
      TORCH_CHECK_INDEX(
          row_ids[i] >= 0 && row_ids[i] < static_cast<int64_t>(size),
          "[sample_rows] expected ", name, " of rows in [0, ", size, "), got row ",
          row_ids[i], ".");
    }
  };
  check_ids("previous ids", numbers.previous, 2);
  check_ids("prompt ids", numbers.prompt, 2);
  check_ids("allowed ranges", numbers.allowed, 3);
  const auto of_row = [](at::ArrayRef<double> penalties, size_t i) {
    return penalties.empty() ? 0.0 : penalties[i];
  };
  std::vector<SampleRow> rows;
  for (size_t i = 0; i < size; ++i) {
    rows.push_back(
        {numbers.ranges[2 * i],
         numbers.ranges[2 * i + 1],
         numbers.uniforms[i],
         {.temperature = numbers.temperatures[i],
          .top_k = numbers.top_ks[i],
          .top_p = numbers.top_ps[i],
          .min_p = numbers.min_ps[i],
          .repetition_penalty = numbers.repetition_penalties[i],
          .presence_penalty = of_row(numbers.presence_penalties, i),
          .frequency_penalty = of_row(numbers.frequency_penalties, i)}});
  }
  for (size_t i = 0; i < numbers.previous.size(); i += 2) {
    SampleRow& row = rows[static_cast<size_t>(numbers.previous[i])];
    row.options.previous.push_back(numbers.previous[i + 1]);
  }
  for (size_t i = 0; i < numbers.prompt.size(); i += 2) {
    SampleRow& row = rows[static_cast<size_t>(numbers.prompt[i])];
    row.options.prompt.push_back(numbers.prompt[i + 1]);
  }
  for (size_t i = 0; i < numbers.allowed.size(); i += 3) {
    SampleRow& row = rows[static_cast<size_t>(numbers.allowed[i])];
    row.options.allowed.push_back({numbers.allowed[i + 1], numbers.allowed[i + 2]});
  }
  return rows;
}

namespace {

at::Tensor by_reference(const at::Tensor& logits, const std::vector<SampleRow>& rows) {
  check_sample_rows(logits, rows);
  return reference::sample_rows(logits, rows);
}

at::Tensor meta(const at::Tensor& logits, const std::vector<SampleRow>& rows) {
  check_sample_rows(logits, rows);
  return at::empty(
      {static_cast<int64_t>(rows.size())}, logits.options().dtype(at::kLong));
}

} // namespace

std::vector<int64_t> sample_rows(
    const at::Tensor& logits,
    const std::vector<SampleRow>& rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::sample_rows", "")
                             .typed<decltype(sample_rows_op<&by_reference>)>();
  std::vector<int64_t> ranges, top_ks, previous, prompt, allowed;
  std::vector<double> uniforms, temperatures, top_ps, min_ps;
  std::vector<double> repetition, presence, frequency; // penalties
  for (size_t i = 0; i < rows.size(); ++i) {
    const SampleRow& row = rows[i];
    const auto number = static_cast<int64_t>(i);
    ranges.insert(ranges.end(), {row.begin, row.vocab});
    uniforms.push_back(row.uniform);
    temperatures.push_back(row.options.temperature);
    top_ks.push_back(row.options.top_k);
    top_ps.push_back(row.options.top_p);
    min_ps.push_back(row.options.min_p);
    repetition.push_back(row.options.repetition_penalty);
    presence.push_back(row.options.presence_penalty);
    frequency.push_back(row.options.frequency_penalty);
    for (const int64_t id : row.options.previous) {
      previous.insert(previous.end(), {number, id});
    }
    for (const int64_t id : row.options.prompt) {
      prompt.insert(prompt.end(), {number, id});
    }
    for (const IdRange& range : row.options.allowed) {
      allowed.insert(allowed.end(), {number, range.begin, range.end});
    }
  }
  const at::Tensor ids =
      op.call(
            logits, ranges, uniforms, temperatures, top_ks, top_ps, min_ps, repetition,
            previous, allowed, presence, frequency, prompt)
          .to(at::kCPU);
  const int64_t* first = ids.const_data_ptr<int64_t>();
  return {first, first + ids.numel()};
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  // `ranges` holds begin and vocab of each row, `previous` and `prompt` row, id, row,
  // id, .., and `allowed` row, begin, end, row, begin, end, .. No penalties of a kind:
  // 0 a row.
  m.def(
      "sample_rows(Tensor logits, int[] ranges, float[] uniforms, float[] "
      "temperatures, int[] top_ks, float[] top_ps, float[] min_ps, "
      "float[] repetition_penalties, int[] previous=[], int[] allowed=[], "
      "float[] presence_penalties=[], float[] frequency_penalties=[], "
      "int[] prompt=[]) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("sample_rows", &sample_rows_op<&by_reference>);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("sample_rows", &sample_rows_op<&meta>);
}

} // namespace omni::kernels
