// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/sample_cuda.h"

#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

using AskedRow = omni::kernels::SampleRow; // of the op; here are the kernel's own

static_assert(sizeof(SampleRow) % sizeof(int64_t) == 0);
static_assert(sizeof(SeenId) == sizeof(int64_t));
static_assert(sizeof(AllowedRange) == sizeof(int64_t));

SampleRow to_kernel(const AskedRow& asked) {
  const SampleOptions& options = asked.options;
  SampleRow row;
  row.begin = asked.begin;
  row.vocab = static_cast<int>(asked.vocab);
  row.top_k = static_cast<int>(std::min(options.top_k, asked.vocab));
  row.temperature = static_cast<float>(options.temperature);
  row.min_p = static_cast<float>(options.min_p);
  row.repetition_penalty = static_cast<float>(options.repetition_penalty);
  row.presence_penalty = options.presence_penalty;
  row.frequency_penalty = options.frequency_penalty;
  row.top_p = options.top_p;
  row.uniform = asked.uniform;
  row.num_allowed = static_cast<int64_t>(options.allowed.size());
  return row;
}

template <class Pair> // of int
void append_pair(std::vector<int64_t>& table, const Pair& pair) {
  std::memcpy(&table.emplace_back(), &pair, sizeof(Pair));
}

// All rows, then the ids that penalties fall on, then the allowed ranges: so that one
// copy takes all of it to the device.
struct SampleTables {
  std::vector<int64_t> rows, seen, allowed;
  int64_t num_scores = 0;
  int64_t largest_vocab = 0;

  void add(const AskedRow& asked) {
    SampleRow row = to_kernel(asked);
    row.scores_begin = num_scores;
    row.seen_begin = static_cast<int64_t>(seen.size());
    row.allowed_begin = static_cast<int64_t>(allowed.size());
    for (const IdCount& entry : penalised_ids(asked.options, asked.vocab)) {
      append_pair(
          seen, SeenId{static_cast<int>(entry.id), static_cast<int>(entry.count)});
      ++row.num_seen;
    }
    for (const IdRange& range : asked.options.allowed) {
      append_pair(
          allowed,
          AllowedRange{static_cast<int>(range.begin), static_cast<int>(range.end)});
    }
    num_scores += asked.vocab;
    largest_vocab = std::max(largest_vocab, asked.vocab);
    const size_t place = rows.size();
    rows.resize(place + sizeof(SampleRow) / sizeof(int64_t));
    std::memcpy(rows.data() + place, &row, sizeof(SampleRow));
  }

  [[nodiscard]] at::Tensor on(const at::Device& device) const {
    std::vector<int64_t> joined = rows;
    joined.insert(joined.end(), seen.begin(), seen.end());
    joined.insert(joined.end(), allowed.begin(), allowed.end());
    return at::tensor(joined, at::TensorOptions(at::kLong)).to(device);
  }
};

// What the kernel found in place of an id, as the number that check_choice() refuses.
void check_ids(const at::Tensor& ids) {
  const at::Tensor on_host = ids.cpu();
  const int64_t* id = on_host.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < on_host.numel(); ++i) {
    if (id[i] == kSampleFoundNan) {
      check_choice(std::numeric_limits<double>::quiet_NaN());
    } else if (id[i] == kSampleFoundNothing) {
      check_choice(-std::numeric_limits<double>::infinity());
    }
  }
}

bool takes_sample_kernel(const at::Tensor& logits, const std::vector<AskedRow>& rows) {
  return has_fused_dtypes({logits}) &&
      std::all_of(rows.begin(), rows.end(), [](const AskedRow& row) {
           return row.vocab <= kSampleMostVocab;
         });
}

// int64 [rows].
at::Tensor sample_by_kernel(
    const at::Tensor& logits,
    const std::vector<AskedRow>& rows,
    Stream stream) {
  const at::Tensor ids =
      at::empty({static_cast<int64_t>(rows.size())}, logits.options().dtype(at::kLong));
  if (rows.empty()) {
    return ids;
  }
  SampleTables tables;
  for (const AskedRow& row : rows) {
    tables.add(row);
  }
  const at::Tensor in = logits.contiguous(), table = tables.on(logits.device());
  const at::Tensor scores =
      at::empty({tables.num_scores}, logits.options().dtype(at::kFloat));
  for_dtype(logits.scalar_type(), [&]<typename T>(Type<T>) {
    Sample<T> args;
    args.logits = entries<T>(in);
    args.rows = entries<SampleRow>(table);
    const int64_t* seen = entries<int64_t>(table) + tables.rows.size();
    args.seen = reinterpret_cast<const SeenId*>(seen);
    args.allowed = reinterpret_cast<const AllowedRange*>(seen + tables.seen.size());
    args.scores = mutable_entries<float>(scores);
    args.ids = mutable_entries<int64_t>(ids);
    args.num_rows = static_cast<int>(rows.size());
    launch_sample(args, static_cast<int>(tables.largest_vocab), stream);
  });
  check_ids(ids);
  return ids;
}

at::Tensor
sample_cuda(const at::Tensor& logits, const SampleOptions& options, double uniform) {
  check_sample(logits, options, uniform);
  const OnDevice device("sample", {logits});
  const std::vector<AskedRow> rows = {{0, logits.size(0), uniform, options}};
  return takes_sample_kernel(logits, rows)
      ? sample_by_kernel(logits, rows, device.stream()).squeeze(0)
      : reference::sample(logits, options, uniform);
}

at::Tensor sample_rows_cuda(
    const at::Tensor& logits,
    const std::vector<AskedRow>& rows) {
  check_sample_rows(logits, rows);
  const OnDevice device("sample_rows", {logits});
  return takes_sample_kernel(logits, rows)
      ? sample_by_kernel(logits, rows, device.stream())
      : reference::sample_rows(logits, rows);
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("sample", &sample_op<&sample_cuda>);
  m.impl("sample_rows", &sample_rows_op<&sample_rows_cuda>);
}

} // namespace omni::kernels::cuda
