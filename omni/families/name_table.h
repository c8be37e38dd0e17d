// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Where the parameters of a Transformer lie in a published checkpoint. A family says it
// as patterns; loading and saving both follow them. What is one matrix here (queries,
// keys and values; gate and up; all experts) may be several tensors there.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omni/transformer/transformer_config.h"

namespace omni {

// One parameter by name: "*" stands for the index of a layer, "#" for that of an
// expert. `stored` lists the layouts met in checkpoints, the published one first; a
// layout lists the tensors whose rows, joined in order, are the parameter.
struct NamePattern {
  std::string ours;
  std::vector<std::vector<std::string>> stored;
  bool is_zero_when_missing = false; // checkpoints may leave it out
};

// One tensor of a checkpoint and the part of our parameter that it is.
struct StoredPiece {
  std::string name;
  std::optional<int64_t> expert; // index along our first axis; none: there is no such
  int64_t first_row = 0; // along the axis after that
  int64_t num_rows = 0;

  // A view of the part.
  [[nodiscard]] at::Tensor of(const at::Tensor& parameter) const;
};

// A parameter of ours and its pieces in each layout, the published one first.
struct StoredParameter {
  std::vector<std::vector<StoredPiece>> layouts;
  bool is_zero_when_missing = false;
};

class NameTable {
 public:
  NameTable() = default;
  // `unused` are patterns of tensors that checkpoints carry and we do not run; "**"
  // stands for any text.
  NameTable(std::vector<NamePattern> patterns, std::vector<std::string> unused);

  // Adds a pattern, in place of the one for the same parameter if there is one.
  void set(NamePattern pattern);
  void add_unused(std::string pattern);

  // Where parameter `name` of the transformer, shaped `sizes`, is stored. Throws
  // ValueError when no pattern is for it.
  [[nodiscard]] StoredParameter find(
      const std::string& name,
      at::IntArrayRef sizes,
      const TransformerConfig& config) const;
  [[nodiscard]] bool is_unused(const std::string& stored_name) const;

 private:
  std::vector<NamePattern> patterns_;
  std::vector<std::string> unused_;
};

// The names that nearly all published decoders use for attention with grouped queries,
// a dense feed-forward and norms before both.
[[nodiscard]] NameTable common_names();
// The same for layers of experts beside dense ones: router, experts, shared expert.
[[nodiscard]] NameTable common_expert_names();

// Latent attention in place of the grouped queries.
void set_latent_names(NameTable& names);
// Tensors of extra layers that predict further tokens: `mtp.*`, and layers behind the
// last one that the configuration counts.
void add_unused_predictors(NameTable& names, size_t num_layers);

} // namespace omni
