// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Supervised rows only, in chunks: at::mm makes the logits in hidden's dtype, the
// kernel turns them into their gradient in place, two more products make the gradients
// of hidden and weight; the latter adds up in float32. The host waits once a call, for
// the number of supervised rows: cheaper than the products of those left out.
#include "kernels/cuda/linear_cross_entropy_cuda.h"

#include <torch/library.h>

#include <algorithm>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

// Rows of logits that live at once: about 128 MiB of bfloat16, in products that still
// fill a device.
int64_t rows_of_chunk(int64_t vocab) {
  constexpr int64_t kEntries = 1 << 26;
  return std::clamp<int64_t>(kEntries / vocab, 256, 8192);
}

struct RowLoss {
  double multiplier;
  double z_loss;
  bool has_gradient;
};

// Of one chunk; logits become their gradient where that is wanted.
void row_losses_of(
    const at::Tensor& logits,
    const at::Tensor& targets,
    const at::Tensor& row_weights, // undefined: 1
    const at::Tensor& losses,
    const RowLoss& loss,
    Stream stream) {
  for_dtype(logits.scalar_type(), [&]<typename T>(Type<T>) {
    CrossEntropyRows<T> args;
    args.logits = mutable_entries<T>(logits);
    args.targets = entries<int64_t>(targets);
    args.row_weights = entries<float>(row_weights);
    args.losses = mutable_entries<float>(losses);
    args.num_rows = logits.size(0);
    args.vocab = static_cast<int>(logits.size(1));
    args.multiplier = static_cast<float>(loss.multiplier);
    args.z_loss = static_cast<float>(loss.z_loss);
    args.has_gradient = loss.has_gradient;
    launch_cross_entropy(args, stream);
  });
}

// int64: their indices. The host waits for how many there are.
at::Tensor supervised_rows_cuda(const at::Tensor& targets) {
  return at::nonzero(targets.ne(kIgnoredTarget)).squeeze(1);
}

struct SupervisedRows {
  at::Tensor hidden; // contiguous, as all here
  at::Tensor targets;
  at::Tensor row_weights; // undefined: 1
};

struct LossAndGradients {
  at::Tensor row_losses;
  at::Tensor hidden_grad; // [0] unless wanted
  at::Tensor weight_grad; // float32; [0] unless wanted
};

// hidden and weight in one dtype.
LossAndGradients of_supervised_cuda(
    const SupervisedRows& all,
    const at::Tensor& weight,
    const RowLoss& loss,
    bool wants_hidden_grad,
    bool wants_weight_grad,
    Stream stream) {
  const int64_t num_rows = all.hidden.size(0);
  const auto in_float = all.hidden.options().dtype(at::kFloat);
  const LossAndGradients result{
      at::empty({num_rows}, in_float),
      at::empty(
          wants_hidden_grad ? all.hidden.sizes() : at::IntArrayRef({0}),
          all.hidden.options()),
      at::zeros(wants_weight_grad ? weight.sizes() : at::IntArrayRef({0}), in_float)};
  const int64_t chunk = rows_of_chunk(weight.size(0));
  for (int64_t begin = 0; begin < num_rows; begin += chunk) {
    const int64_t size = std::min(chunk, num_rows - begin);
    const at::Tensor rows = all.hidden.narrow(0, begin, size);
    const at::Tensor logits = at::mm(rows, weight.t());
    row_losses_of(
        logits, all.targets.narrow(0, begin, size),
        all.row_weights.defined() ? all.row_weights.narrow(0, begin, size)
                                  : all.row_weights,
        result.row_losses.narrow(0, begin, size), loss, stream);
    if (wants_hidden_grad) {
      at::Tensor out = result.hidden_grad.narrow(0, begin, size);
      at::mm_out(out, logits, weight);
    }
    if (wants_weight_grad && rows.scalar_type() == at::kFloat) {
      result.weight_grad.addmm_(logits.t(), rows);
    } else if (wants_weight_grad) {
      result.weight_grad.add_(at::mm(logits.t(), rows));
    }
  }
  return result;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> with_gradients_cuda(
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
  const at::Tensor given = or_undefined(row_weights);
  const OnDevice device("linear_cross_entropy", {hidden, weight, targets, given});
  const at::Tensor kept = supervised_rows_cuda(targets);
  const bool keeps_all = kept.size(0) == hidden.size(0);
  const auto select = [&](const at::Tensor& rows) {
    return !rows.defined() ? rows
        : keeps_all        ? rows.contiguous()
                           : rows.index_select(0, kept);
  };
  const SupervisedRows rows{select(hidden), select(targets), select(given)};
  LossAndGradients result = of_supervised_cuda(
      rows, weight.to(hidden.scalar_type()),
      {logits_multiplier, z_loss, wants_hidden_grad || wants_weight_grad},
      wants_hidden_grad, wants_weight_grad, device.stream());
  const at::Tensor& losses = result.row_losses;
  const at::Tensor loss = (given.defined() ? losses * rows.row_weights : losses).sum();
  const auto to_all = [&](const at::Tensor& of_kept, at::IntArrayRef sizes) {
    return at::zeros(sizes, of_kept.options()).index_copy_(0, kept, of_kept);
  };
  if (!keeps_all) {
    result.row_losses = to_all(result.row_losses, targets.sizes());
    if (wants_hidden_grad) {
      result.hidden_grad = to_all(result.hidden_grad, hidden.sizes());
    }
  }
  return {
      loss, result.row_losses, result.hidden_grad,
      result.weight_grad.to(weight.scalar_type())};
}

std::tuple<at::Tensor, at::Tensor> linear_cross_entropy_cuda(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss) {
  if (!has_fused_dtypes({hidden, weight})) {
    check_linear_cross_entropy(hidden, weight, targets, row_weights);
    const NoAutocast no_autocast;
    const OnDevice device(
        "linear_cross_entropy", {hidden, weight, targets, or_undefined(row_weights)});
    auto [loss, row_losses] = reference::linear_cross_entropy(
        hidden, weight, targets, {logits_multiplier, z_loss, row_weights});
    return {loss, row_losses};
  }
  auto [loss, row_losses, hidden_grad, weight_grad] = with_gradients_cuda(
      hidden, weight, targets, row_weights, logits_multiplier, z_loss, false, false);
  return {loss, row_losses};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("linear_cross_entropy", &linear_cross_entropy_cuda);
  m.impl("linear_cross_entropy_with_gradients", &with_gradients_cuda);
}

} // namespace omni::kernels::cuda
