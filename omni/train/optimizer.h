// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// AdamW (LibTorch's fused kernel) for most parameters, Muon for hidden matrices chosen
// by name (Jordan et al. 2024; Newton–Schulz orthogonalised momentum). State is part of
// a checkpoint. Not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "omni/core/safetensors.h"

namespace omni {

struct OptimizerOptions {
  double learning_rate = 2e-3; // AdamW's peak
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.0; // of matrices, decoupled
  std::vector<std::string> muon; // patterns of matrices that Muon updates
  double muon_learning_rate = 0.02;
  double muon_momentum = 0.95;
  double clip_norm = 1.0; // of all gradients together; 0: none
};

// `*` in `pattern` stands for any text; the whole name must match.
[[nodiscard]] bool matches_pattern(const std::string& name, const std::string& pattern);
[[nodiscard]] bool matches_any(
    const std::string& name, const std::vector<std::string>& patterns);

// The orthogonal factor of matrices [N, rows, columns], nearly: five quintic
// Newton–Schulz steps in float32.
[[nodiscard]] at::Tensor orthogonalize(const at::Tensor& matrices);

class Optimizer {
 public:
  Optimizer(NamedTensors parameters, OptimizerOptions options);

  // One step at a share of the peak rates, from the gradients; then clears them.
  // Returns the norm of all gradients before clipping (a tensor: no synchronisation).
  at::Tensor step(double rate_share);
  [[nodiscard]] NamedTensors state() const;
  // Throws ValueError when a tensor of the state is missing or shaped otherwise.
  void load_state(const SafetensorsReader& reader);
  [[nodiscard]] const NamedTensors& parameters() const {
    return parameters_;
  }

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter;
    at::Tensor first; // mean of gradients, or momentum
    at::Tensor second; // mean of squares; undefined for Muon
    at::Tensor num_steps; // float32 []; undefined for Muon
  };
  at::Tensor clip_gradients();
  void step_adamw(double rate_share, bool decays);
  void step_muon(double rate_share);

  NamedTensors parameters_;
  OptimizerOptions options_;
  std::vector<Slot> decayed_; // AdamW, matrices
  std::vector<Slot> plain_; // AdamW, the rest
  std::vector<Slot> muon_;
};

} // namespace omni
