// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/fsq.h"

#include <torch/torch.h>

#include <limits>

#include "kernels/kernels.h"

namespace omni {

int64_t num_fsq_codes(const std::vector<int64_t>& levels, std::string_view component) {
  int64_t num_codes = levels.empty() ? 0 : 1;
  for (const int64_t level : levels) {
    const bool fits =
        level >= 2 && level <= std::numeric_limits<int32_t>::max() / num_codes;
    TORCH_CHECK_VALUE(
        fits, "[", component,
        "] expected FSQ levels of at least 2 whose product fits 31 bits, "
        "got ",
        c10::IntArrayRef(levels), ".");
    num_codes *= level;
  }
  TORCH_CHECK_VALUE(
      num_codes > 0, "[", component, "] expected at least one FSQ level, got none.");
  return num_codes;
}

at::Tensor fsq_quantize_latent(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels) {
  return kernels::fsq_quantize(latent.to(at::kFloat), levels);
}

at::Tensor fsq_latent_to_codes(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels) {
  return kernels::fsq_encode(latent.detach().to(at::kFloat), levels);
}

at::Tensor fsq_codes_to_latent(
    const at::Tensor& codes,
    const std::vector<int64_t>& levels,
    std::string_view component) {
  TORCH_CHECK_TYPE(
      codes.scalar_type() == at::kLong, "[", component,
      "] expected `codes` int64, got ", codes.scalar_type(), ".");
  const int64_t num_codes = num_fsq_codes(levels, component);
  if (codes.numel() > 0) {
    const auto [low, high] = codes.aminmax();
    TORCH_CHECK_INDEX(
        low.item<int64_t>() >= 0 && high.item<int64_t>() < num_codes, "[", component,
        "] expected codes in [0, ", num_codes, "), got values from ",
        low.item<int64_t>(), " to ", high.item<int64_t>(), ".");
  }
  return kernels::fsq_decode(codes, levels);
}

at::Tensor fsq_latent_loss(const at::Tensor& latent) {
  const at::Tensor rows = latent.to(at::kFloat).flatten(0, -2);
  const at::Tensor mean = rows.mean(0);
  const at::Tensor deviation = (rows - mean).square().mean(0).add(1e-6).sqrt();
  return (mean.square() + (deviation - 1.0).square()).mean();
}

at::Tensor fsq_share_used(
    const at::Tensor& latent,
    const std::vector<int64_t>& levels) {
  const int64_t num_codes = num_fsq_codes(levels, "fsq");
  const at::Tensor codes = fsq_latent_to_codes(latent, levels).flatten();
  at::Tensor is_used = at::zeros({num_codes}, codes.options().dtype(at::kFloat));
  is_used.index_fill_(0, codes, 1.0);
  return is_used.mean();
}

} // namespace omni
