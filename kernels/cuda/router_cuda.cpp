// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/router_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

ExpertRoutes route_experts_cuda(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options) {
  check_route_experts(logits, bias, options);
  const NoAutocast no_autocast;
  const at::Tensor given = or_undefined(bias);
  const OnDevice device("route_experts", {logits, given});
  if (!has_fused_dtypes({logits, given}) ||
      router_floats(logits.size(1), options.num_groups) > kRouterMostFloats) {
    return reference::route_experts(logits, bias, options);
  }
  const at::Tensor in = in_float32(logits), used_bias = in_float32(given);
  const at::Tensor ids = at::empty(
      {logits.size(0), options.experts_per_row}, logits.options().dtype(at::kLong));
  const at::Tensor weights = at::empty(ids.sizes(), in.options());
  Router args;
  args.logits = entries<float>(in);
  args.bias = entries<float>(used_bias);
  args.ids = mutable_entries<int64_t>(ids);
  args.weights = mutable_entries<float>(weights);
  args.num_rows = logits.size(0);
  args.num_experts = static_cast<int>(logits.size(1));
  args.experts_per_row = static_cast<int>(options.experts_per_row);
  args.num_groups = static_cast<int>(options.num_groups);
  args.kept_groups = static_cast<int>(options.kept_groups);
  args.has_soft_groups = options.has_soft_groups;
  args.has_normalized_weights = options.has_normalized_weights;
  args.weight_scale = static_cast<float>(options.weight_scale);
  launch_router(options.is_softmax, args, device.stream());
  return {ids, weights};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("route_experts", &route_experts_op<&route_experts_cuda>);
}

} // namespace omni::kernels::cuda
