// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "omni/train/name_patterns.h"

namespace omni {

at::Tensor orthogonalize(const at::Tensor& matrices, at::ScalarType product_dtype) {
  constexpr double kA = 3.4445; // coefficients of Jordan et al.
  constexpr double kB = -4.7750;
  constexpr double kC = 2.0315;
  constexpr int kSteps = 5;
  const bool is_tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = is_tall ? matrices.transpose(1, 2) : matrices;
  x = (x / (x.flatten(1).norm(2, 1).view({-1, 1, 1}) + 1e-7)).to(product_dtype);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    const at::Tensor curve = at::baddbmm(gram, gram, gram, kB, kC);
    x = at::baddbmm(x, curve, x, kA, 1.0);
  }
  return is_tall ? x.transpose(1, 2) : x;
}

namespace {

// `gradient` in the memory order of its parameter: _fused_adamw_ goes through memory
// and takes no notice of strides, and a convolution on channels-last input returns
// channels-last gradients.
at::Tensor laid_out_like(const at::Tensor& parameter, const at::Tensor& gradient) {
  return gradient.strides() == parameter.strides()
      ? gradient
      : at::empty_like(parameter).copy_(gradient);
}

} // namespace

Optimizer::Optimizer(
    NamedTensors parameters,
    OptimizerOptions options,
    at::ScalarType product_dtype)
    : parameters_(std::move(parameters)),
      options_(std::move(options)),
      product_dtype_(product_dtype) {
  for (const RateGroup& group : options_.groups) {
    TORCH_CHECK_VALUE(
        group.scale > 0.0, "[optimizer] expected `groups` with scales above 0, got ",
        group.scale, " for \"", group.pattern,
        "\". Name what is not to change in `freeze`.");
  }
  std::map<std::pair<bool, double>, Group> groups;
  for (const auto& [name, parameter] : parameters_) {
    Slot slot{name, parameter, at::zeros_like(parameter), {}, {}};
    if (parameter.dim() == 2 && matches_any(name, options_.muon)) {
      muon_.push_back(std::move(slot));
      continue;
    }
    slot.second = at::zeros_like(parameter);
    slot.num_steps = at::zeros({}, at::kFloat);
    const bool decays = parameter.dim() >= 2;
    const double scale = rate_scale_of(name);
    Group& group = groups[{decays, scale}];
    group.rate_scale = scale;
    group.decays = decays;
    group.slots.push_back(std::move(slot));
  }
  for (auto& [key, group] : groups) {
    adamw_.push_back(std::move(group));
  }
}

double Optimizer::rate_scale_of(const std::string& name) const {
  for (const RateGroup& group : options_.groups) {
    if (matches_pattern(name, group.pattern)) {
      return group.scale;
    }
  }
  return 1.0;
}

at::Tensor Optimizer::clip_gradients() {
  std::vector<at::Tensor> norms;
  for (const auto& [name, parameter] : parameters_) {
    if (parameter.grad().defined()) {
      norms.push_back(parameter.grad().norm());
    }
  }
  if (norms.empty()) {
    return at::zeros({}, at::kFloat);
  }
  const at::Tensor norm = at::stack(norms).norm();
  if (options_.clip_norm > 0.0) {
    const at::Tensor scale = (options_.clip_norm / (norm + 1e-6)).clamp_max(1.0);
    for (const auto& [name, parameter] : parameters_) {
      if (parameter.grad().defined()) {
        parameter.grad().mul_(scale);
      }
    }
  }
  return norm;
}

at::Tensor Optimizer::step(double rate_share, WorkerThreads& workers) {
  const at::NoGradGuard guard;
  const at::Tensor norm = clip_gradients();
  for (const Group& group : adamw_) {
    step_adamw(group, rate_share);
  }
  step_muon(rate_share, workers);
  for (const auto& [name, parameter] : parameters_) {
    at::Tensor(parameter).mutable_grad().reset();
  }
  return norm;
}

void Optimizer::step_adamw(const Group& group, double rate_share) {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> grads;
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  std::vector<at::Tensor> steps;
  for (const Slot& slot : group.slots) {
    if (slot.parameter.grad().defined()) {
      parameters.push_back(slot.parameter);
      grads.push_back(laid_out_like(slot.parameter, slot.parameter.grad()));
      first.push_back(slot.first);
      second.push_back(slot.second);
      steps.push_back(slot.num_steps);
      slot.num_steps.add_(1);
    }
  }
  if (parameters.empty()) {
    return;
  }
  at::_fused_adamw_(
      parameters, grads, first, second, {}, steps,
      options_.learning_rate * rate_share * group.rate_scale, options_.beta1,
      options_.beta2, group.decays ? options_.weight_decay : 0.0, options_.eps,
      /*amsgrad=*/false,
      /*maximize=*/false);
}

void Optimizer::step_muon(double rate_share, WorkerThreads& workers) {
  // Matrices of one shape are orthogonalised in one batch, the largest first.
  std::map<std::vector<int64_t>, std::vector<const Slot*>> by_shape;
  for (const Slot& slot : muon_) {
    if (slot.parameter.grad().defined()) {
      by_shape[slot.parameter.sizes().vec()].push_back(&slot);
    }
  }
  std::vector<std::vector<const Slot*>> shapes;
  for (auto& [shape, slots] : by_shape) {
    shapes.push_back(std::move(slots));
  }
  const auto size = [](const std::vector<const Slot*>& slots) {
    return slots[0]->parameter.numel() * static_cast<int64_t>(slots.size());
  };
  std::stable_sort(shapes.begin(), shapes.end(), [&](const auto& a, const auto& b) {
    return size(a) > size(b);
  });
  workers.run(static_cast<int64_t>(shapes.size()), [&](int64_t i) {
    step_muon_shape(shapes[static_cast<size_t>(i)], rate_share);
  });
}

void Optimizer::step_muon_shape(
    const std::vector<const Slot*>& slots,
    double rate_share) const {
  const at::NoGradGuard guard; // also in a worker
  std::vector<at::Tensor> directions;
  for (const Slot* slot : slots) {
    const at::Tensor grad = slot->parameter.grad();
    slot->first.mul_(options_.muon_momentum).add_(grad);
    directions.push_back(grad.add(slot->first, options_.muon_momentum)); // Nesterov
  }
  const at::Tensor updates =
      orthogonalize(at::stack(directions), product_dtype_).to(at::kFloat);
  const double scale = std::sqrt(std::max(
      1.0,
      static_cast<double>(updates.size(1)) / static_cast<double>(updates.size(2))));
  for (size_t i = 0; i < slots.size(); ++i) {
    at::Tensor parameter = slots[i]->parameter;
    const double rate =
        options_.muon_learning_rate * rate_share * rate_scale_of(slots[i]->name);
    parameter.mul_(1.0 - rate * options_.weight_decay);
    parameter.add_(updates[static_cast<int64_t>(i)], -rate * scale);
  }
}

std::vector<const Optimizer::Slot*> Optimizer::slots() const {
  std::vector<const Slot*> all;
  for (const Group& group : adamw_) {
    for (const Slot& slot : group.slots) {
      all.push_back(&slot);
    }
  }
  for (const Slot& slot : muon_) {
    all.push_back(&slot);
  }
  return all;
}

NamedTensors Optimizer::state() const {
  NamedTensors tensors;
  for (const Slot* slot : slots()) {
    tensors.emplace_back(slot->name + ".first", slot->first);
    if (slot->second.defined()) {
      tensors.emplace_back(slot->name + ".second", slot->second);
      tensors.emplace_back(slot->name + ".num_steps", slot->num_steps);
    }
  }
  return tensors;
}

void Optimizer::load_state(const SafetensorsReader& reader) {
  for (auto& [name, tensor] : state()) {
    TORCH_CHECK_VALUE(
        reader.has(name), "[optimizer] expected the state of `", name,
        "` in the checkpoint, found none; were other parameters trained?");
    const at::Tensor saved = reader.read(name);
    TORCH_CHECK_VALUE(
        saved.sizes() == tensor.sizes(), "[optimizer] expected `", name, "` ",
        tensor.sizes(), ", got ", saved.sizes(), ".");
    tensor.copy_(saved);
  }
}

} // namespace omni
