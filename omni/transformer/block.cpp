// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/block.h"

#include <ATen/ATen.h>

#include "omni/transformer/gated_rms_norm.h"

namespace omni {

kernels::AddRmsNorm
add_norm(const ResidualStream& stream, RmsNorm& norm, double residual_multiplier) {
  if (!stream.branch.defined()) {
    return {norm->forward(stream.sum), stream.sum};
  }
  return norm->add(stream.branch, stream.sum, residual_multiplier);
}

namespace {

struct SubLayerNorms {
  RmsNorm& before; // may be empty, as may `after`
  RmsNorm& after;
};

// The stream after one sub-layer: its output is the new branch.
template <typename SubLayer>
ResidualStream add_sub_layer(
    const ResidualStream& stream,
    SubLayerNorms norms,
    double residual_multiplier,
    const SubLayer& sub_layer) {
  at::Tensor input, sum;
  if (norms.before) {
    auto added = add_norm(stream, norms.before, residual_multiplier);
    input = added.normed;
    sum = added.sum;
  } else {
    sum = stream.branch.defined()
        ? at::add(stream.sum, stream.branch, residual_multiplier)
        : stream.sum;
    input = sum;
  }
  at::Tensor branch = sub_layer(input);
  if (norms.after) {
    branch = norms.after->forward(branch);
  }
  return {sum, branch};
}

} // namespace

BlockImpl::BlockImpl(const TransformerConfig& config, int64_t layer)
    : placement(config.layers[static_cast<size_t>(layer)].norm_placement),
      residual_multiplier(config.residual_multiplier) {
  const LayerConfig& of = config.layers[static_cast<size_t>(layer)];
  const RmsNormConfig norm{config.width, config.norm_eps, config.norm_weight_offset};
  if (placement != NormPlacement::Post) {
    attention_norm =
        register_module("attention_norm", make_norm(norm, of.attention_norm_rank));
    feed_forward_norm = register_module(
        "feed_forward_norm", make_norm(norm, of.feed_forward_norm_rank));
  }
  if (placement == NormPlacement::Post || placement == NormPlacement::Sandwich) {
    attention_post_norm = register_module("attention_post_norm", RmsNorm(norm));
  }
  if (placement != NormPlacement::Pre) {
    feed_forward_post_norm = register_module("feed_forward_post_norm", RmsNorm(norm));
  }
  attention = register_module("attention", make_attention(config, layer));
  feed_forward = register_module("feed_forward", make_feed_forward(config, layer));
}

ResidualStream BlockImpl::forward(
    const ResidualStream& stream,
    const AttentionRows& rows) {
  const ResidualStream attended = add_sub_layer(
      stream, {attention_norm, attention_post_norm}, residual_multiplier,
      [&](const at::Tensor& x_LD) { return attention->forward(x_LD, rows); });
  return add_sub_layer(
      attended, {feed_forward_norm, feed_forward_post_norm}, residual_multiplier,
      [&](const at::Tensor& x_LD) { return feed_forward->forward(x_LD); });
}

void BlockImpl::reset_parameters(double input_std, double output_std) {
  for (RmsNorm* norm :
       {&attention_norm, &attention_post_norm, &feed_forward_norm,
        &feed_forward_post_norm}) {
    if (*norm) {
      (*norm)->reset_parameters();
    }
  }
  attention->reset_parameters(input_std, output_std);
  feed_forward->reset_parameters(input_std, output_std);
}

} // namespace omni
