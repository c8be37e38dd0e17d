// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace omni {

bool matches_pattern(const std::string& name, const std::string& pattern) {
  // Greedy with one point of return: linear in practice, quadratic at worst.
  size_t n = 0;
  size_t p = 0;
  size_t star = std::string::npos;
  size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return matches_pattern(name, pattern);
  });
}

at::Tensor orthogonalize(const at::Tensor& matrices) {
  constexpr double kA = 3.4445; // coefficients of Jordan et al.
  constexpr double kB = -4.7750;
  constexpr double kC = 2.0315;
  constexpr int kSteps = 5;
  const bool is_tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = is_tall ? matrices.transpose(1, 2) : matrices;
  x = x / (x.flatten(1).norm(2, 1).view({-1, 1, 1}) + 1e-7);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    const at::Tensor curve = at::baddbmm(gram, gram, gram, kB, kC);
    x = at::baddbmm(x, curve, x, kA, 1.0);
  }
  return is_tall ? x.transpose(1, 2) : x;
}

Optimizer::Optimizer(NamedTensors parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(std::move(options)) {
  for (const auto& [name, parameter] : parameters_) {
    Slot slot{name, parameter, at::zeros_like(parameter), {}, {}};
    if (parameter.dim() == 2 && matches_any(name, options_.muon)) {
      muon_.push_back(std::move(slot));
      continue;
    }
    slot.second = at::zeros_like(parameter);
    slot.num_steps = at::zeros({}, at::kFloat);
    (parameter.dim() >= 2 ? decayed_ : plain_).push_back(std::move(slot));
  }
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

at::Tensor Optimizer::step(double rate_share) {
  const at::NoGradGuard guard;
  const at::Tensor norm = clip_gradients();
  step_adamw(rate_share, true);
  step_adamw(rate_share, false);
  step_muon(rate_share);
  for (const auto& [name, parameter] : parameters_) {
    at::Tensor(parameter).mutable_grad().reset();
  }
  return norm;
}

void Optimizer::step_adamw(double rate_share, bool decays) {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> grads;
  std::vector<at::Tensor> first;
  std::vector<at::Tensor> second;
  std::vector<at::Tensor> steps;
  for (const Slot& slot : decays ? decayed_ : plain_) {
    if (slot.parameter.grad().defined()) {
      parameters.push_back(slot.parameter);
      grads.push_back(slot.parameter.grad());
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
      parameters,
      grads,
      first,
      second,
      {},
      steps,
      options_.learning_rate * rate_share,
      options_.beta1,
      options_.beta2,
      decays ? options_.weight_decay : 0.0,
      options_.eps,
      /*amsgrad=*/false,
      /*maximize=*/false);
}

void Optimizer::step_muon(double rate_share) {
  // Matrices of one shape are orthogonalised in one batch.
  std::map<std::vector<int64_t>, std::vector<const Slot*>> by_shape;
  for (const Slot& slot : muon_) {
    if (slot.parameter.grad().defined()) {
      by_shape[slot.parameter.sizes().vec()].push_back(&slot);
    }
  }
  const double rate = options_.muon_learning_rate * rate_share;
  for (const auto& [shape, slots] : by_shape) {
    std::vector<at::Tensor> directions;
    for (const Slot* slot : slots) {
      const at::Tensor grad = slot->parameter.grad();
      slot->first.mul_(options_.muon_momentum).add_(grad);
      directions.push_back(grad.add(slot->first, options_.muon_momentum)); // Nesterov
    }
    const at::Tensor updates = orthogonalize(at::stack(directions));
    const double scale = std::sqrt(std::max(
        1.0, static_cast<double>(shape[0]) / static_cast<double>(shape[1])));
    for (size_t i = 0; i < slots.size(); ++i) {
      at::Tensor parameter = slots[i]->parameter;
      parameter.mul_(1.0 - rate * options_.weight_decay);
      parameter.add_(updates[static_cast<int64_t>(i)], -rate * scale);
    }
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors tensors;
  for (const auto* slots : {&decayed_, &plain_, &muon_}) {
    for (const Slot& slot : *slots) {
      tensors.emplace_back(slot.name + ".first", slot.first);
      if (slot.second.defined()) {
        tensors.emplace_back(slot.name + ".second", slot.second);
        tensors.emplace_back(slot.name + ".num_steps", slot.num_steps);
      }
    }
  }
  return tensors;
}

void Optimizer::load_state(const SafetensorsReader& reader) {
  for (auto& [name, tensor] : state()) {
    TORCH_CHECK_VALUE(
        reader.has(name),
        "[optimizer] expected the state of `", name,
        "` in the checkpoint, found none; were other parameters trained?");
    const at::Tensor saved = reader.read(name);
    TORCH_CHECK_VALUE(
        saved.sizes() == tensor.sizes(),
        "[optimizer] expected `", name, "` ", tensor.sizes(), ", got ", saved.sizes(), ".");
    tensor.copy_(saved);
  }
}

} // namespace omni
