// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// In chunks of rows: at::mm makes the logits in hidden's dtype, the kernel turns them
// into their gradient in place, two more products make the gradients of hidden and
// weight; the latter adds up in float32. Ignored rows take part: to leave them out the
// host would have to wait for the targets.
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
  const at::Tensor all_weights =
      row_weights.has_value() ? row_weights->contiguous() : at::Tensor();
  const OnDevice device("linear_cross_entropy", {hidden, weight, targets, all_weights});
  const RowLoss loss{logits_multiplier, z_loss, wants_hidden_grad || wants_weight_grad};
  const at::Tensor all_rows = hidden.contiguous(), all_targets = targets.contiguous();
  const at::Tensor used_weight = weight.to(hidden.scalar_type());
  const auto in_float = hidden.options().dtype(at::kFloat);
  const auto like = [](const at::Tensor& tensor, bool is_wanted) {
    return is_wanted ? tensor.sizes().vec() : std::vector<int64_t>{0};
  };
  const at::Tensor losses = at::empty({hidden.size(0)}, in_float);
  const at::Tensor hidden_grad =
      at::empty(like(hidden, wants_hidden_grad), hidden.options());
  const at::Tensor weight_grad = at::zeros(like(weight, wants_weight_grad), in_float);
  const int64_t chunk = rows_of_chunk(weight.size(0));
  for (int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
    const int64_t size = std::min(chunk, hidden.size(0) - begin);
    const at::Tensor rows = all_rows.narrow(0, begin, size);
    const at::Tensor logits = at::mm(rows, used_weight.t());
    row_losses_of(
        logits, all_targets.narrow(0, begin, size),
        all_weights.defined() ? all_weights.narrow(0, begin, size) : all_weights,
        losses.narrow(0, begin, size), loss, device.stream());
    if (wants_hidden_grad) {
      at::Tensor out = hidden_grad.narrow(0, begin, size);
      at::mm_out(out, logits, used_weight);
    }
    if (wants_weight_grad && hidden.scalar_type() == at::kFloat) {
      weight_grad.addmm_(logits.t(), rows);
    } else if (wants_weight_grad) {
      weight_grad.add_(at::mm(logits.t(), rows));
    }
  }
  return {
      (all_weights.defined() ? losses * all_weights : losses).sum(), losses,
      hidden_grad, weight_grad.to(weight.scalar_type())};
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
