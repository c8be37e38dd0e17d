// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// AdamW (LibTorch's fused kernel) for most parameters, Muon for hidden matrices chosen
// by name (Jordan et al. 2024; Newton–Schulz orthogonalised momentum), with rates
// scaled by groups. State is part of a checkpoint. Not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "omni/core/safetensors.h"
#include "omni/train/worker_threads.h"

namespace omni {

// A scale on the learning rates of the parameters a pattern names.
struct RateGroup {
  std::string pattern;
  double scale = 1.0; // above 0
};

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
  std::vector<RateGroup> groups; // the first whose pattern matches counts
};

// The orthogonal factor of float32 matrices [N, rows, columns], nearly: five quintic
// Newton–Schulz steps with products in `product_dtype`. bfloat16 gives the direction of
// an update as well (Jordan et al. 2024), in half the time.
[[nodiscard]] at::Tensor orthogonalize(
    const at::Tensor& matrices,
    at::ScalarType product_dtype = at::kFloat);

class Optimizer {
 public:
  // Muon's products are computed in `product_dtype`, float32 or bfloat16. Throws
  // ValueError for a group whose scale is not above 0.
  Optimizer(
      NamedTensors parameters,
      OptimizerOptions options,
      at::ScalarType product_dtype = at::kFloat);

  // One step at a share of the peak rates, from the gradients; then clears them.
  // Returns the norm of all gradients before clipping (a tensor: no synchronisation).
  // Matrices of different shapes are computed side by side by `workers`.
  at::Tensor step(double rate_share, WorkerThreads& workers);
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
  // Parameters that one fused AdamW call updates.
  struct Group {
    double rate_scale = 1.0;
    bool decays = false; // matrices do, the rest not
    std::vector<Slot> slots;
  };
  [[nodiscard]] double rate_scale_of(const std::string& name) const;
  at::Tensor clip_gradients();
  void step_adamw(const Group& group, double rate_share);
  void step_muon(double rate_share, WorkerThreads& workers);
  // One step of matrices of one shape, at a share of the peak rate.
  void step_muon_shape(const std::vector<const Slot*>& slots, double rate_share) const;
  [[nodiscard]] std::vector<const Slot*> slots() const;

  NamedTensors parameters_;
  OptimizerOptions options_;
  at::ScalarType product_dtype_;
  std::vector<Group> adamw_;
  std::vector<Slot> muon_;
};

} // namespace omni
