// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/gated_rms_norm.h"

#include <ATen/ATen.h>

#include <cmath>
#include <memory>

namespace omni {

at::Tensor gated(const at::Tensor& x, const at::Tensor& logits) {
  const at::ScalarType compute =
      logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return (x * logits.to(compute).sigmoid()).to(x.scalar_type());
}

GatedRmsNormImpl::GatedRmsNormImpl(const RmsNormConfig& config_in, int64_t rank)
    : RmsNormImpl(config_in, "norm_weight") {
  gate_down =
      register_module("gate_down", LinearMap(LinearMapOptions{config.width, rank}));
  gate_up = register_module("gate_up", LinearMap(LinearMapOptions{rank, config.width}));
}

at::Tensor GatedRmsNormImpl::weigh(const at::Tensor& normed) {
  return gated(normed, gate_up->forward(at::silu(gate_down->forward(normed))));
}

at::Tensor GatedRmsNormImpl::forward(const at::Tensor& x) {
  return weigh(RmsNormImpl::forward(x));
}

kernels::AddRmsNorm GatedRmsNormImpl::add(
    const at::Tensor& branch,
    const at::Tensor& residual,
    double multiplier) {
  kernels::AddRmsNorm added = RmsNormImpl::add(branch, residual, multiplier);
  added.normed = weigh(added.normed);
  return added;
}

void GatedRmsNormImpl::reset_parameters() {
  RmsNormImpl::reset_parameters();
  const double std = 0.5 / std::sqrt(static_cast<double>(config.width));
  gate_down->reset_parameters(std);
  gate_up->reset_parameters(std);
}

RmsNorm make_norm(const RmsNormConfig& config, int64_t rank) {
  if (rank == 0) {
    return RmsNorm(config);
  }
  const std::shared_ptr<RmsNormImpl> gated =
      std::make_shared<GatedRmsNormImpl>(config, rank);
  return RmsNorm(gated);
}

} // namespace omni
