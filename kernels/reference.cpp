// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/reference.h"

#include <ATen/ATen.h>

#include <limits>

namespace omni::kernels::reference {

at::ScalarType compute_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

namespace {

at::Tensor normalise(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  const at::Tensor inverse = (x.square().mean(-1, true) + eps).rsqrt();
  return x * inverse * (weight.to(x.scalar_type()) + weight_offset);
}

// heads [.., H, K] in compute dtype; cos, sin [.., W/2] with the head axis still
// missing.
at::Tensor turn(const at::Tensor& heads, const RotaryTables& tables, bool interleaved) {
  if (!tables.cos.defined()) {
    return heads;
  }
  const at::Tensor cos = tables.cos.to(heads.scalar_type()).unsqueeze(-2);
  const at::Tensor sin = tables.sin.to(heads.scalar_type()).unsqueeze(-2);
  const int64_t half = tables.cos.size(-1);
  const at::Tensor turning = heads.narrow(-1, 0, 2 * half);
  const at::Tensor still = heads.narrow(-1, 2 * half, heads.size(-1) - 2 * half);
  at::Tensor turned;
  if (interleaved) {
    const at::Tensor a = turning.slice(-1, 0, 2 * half, 2);
    const at::Tensor b = turning.slice(-1, 1, 2 * half, 2);
    turned = at::stack({a * cos - b * sin, b * cos + a * sin}, -1).flatten(-2);
  } else {
    const at::Tensor a = turning.narrow(-1, 0, half);
    const at::Tensor b = turning.narrow(-1, half, half);
    turned = at::cat({a * cos - b * sin, b * cos + a * sin}, -1);
  }
  return at::cat({turned, still}, -1);
}

} // namespace

at::Tensor
rms_norm(const at::Tensor& x, const at::Tensor& weight, const RmsNormOptions& options) {
  return normalise(x.to(compute_dtype(x)), weight, options.eps, options.weight_offset)
      .to(x.scalar_type());
}

AddRmsNorm add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options) {
  const at::ScalarType compute = compute_dtype(residual);
  const at::Tensor sum =
      (residual.to(compute) + x.to(compute) * options.branch_multiplier)
          .to(residual.scalar_type());
  return {
      normalise(sum.to(compute), weight, options.eps, options.weight_offset)
          .to(x.scalar_type()),
      sum};
}

QuantizedRmsNorm quantized_add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options) {
  const at::Tensor stream = residual.value_or(at::zeros_like(x));
  const at::Tensor sum = reference::add_rms_norm(x, stream, weight, options).sum;
  const at::Tensor normed =
      normalise(sum.to(compute_dtype(sum)), weight, options.eps, options.weight_offset);
  const at::Tensor largest = x.size(-1) == 0 ? normed.sum(-1, /*keepdim=*/true)
                                             : normed.abs().amax(-1, /*keepdim=*/true);
  const at::Tensor inverse = at::where(largest > 0, 127.0 / largest, 0.0);
  return {
      (normed * inverse).round().to(at::kChar),
      (largest / 127.0).squeeze(-1).to(at::kFloat), sum};
}

QueriesAndKeys qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  const auto one = [&](const at::Tensor& heads,
                       const std::optional<at::Tensor>& weight) {
    at::Tensor out = heads.to(compute_dtype(heads));
    if (weight.has_value()) {
      out = normalise(out, *weight, options.eps, options.weight_offset);
    }
    out = turn(out, tables, options.is_interleaved);
    return out.to(heads.scalar_type(), /*non_blocking=*/false, /*copy=*/true)
        .contiguous();
  };
  return {one(q, options.q_weight), one(k, options.k_weight)};
}

at::Tensor qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  const at::NoGradGuard no_grad;
  const QueriesAndKeys turned = reference::qk_norm_rope(q, k, tables, options);
  const auto write = [&](at::Tensor to, const at::Tensor& heads) {
    const at::Tensor rows = heads.transpose(0, 1);
    if (cache.rows.defined()) {
      to.index_copy_(1, cache.rows, rows.to(to.scalar_type()));
    } else {
      to.narrow(1, cache.begin, rows.size(1)).copy_(rows);
    }
  };
  write(cache.keys, turned.k);
  write(cache.values, v);
  return turned.q;
}

at::Tensor packed_linear(
    const at::Tensor& x,
    const PackedWeight& weight,
    const std::optional<at::Tensor>& bias) {
  const at::ScalarType compute = compute_dtype(x);
  const at::Tensor entries = unpack_weight(weight).to(x.device(), compute);
  const at::Tensor used_bias = bias ? bias->to(compute) : at::Tensor();
  return at::linear(x.to(compute), entries, used_bias).to(x.scalar_type());
}

at::Tensor gated_unit(Gate kind, const at::Tensor& gate, const at::Tensor& up) {
  const at::ScalarType compute = compute_dtype(gate);
  const at::Tensor in = gate.to(compute);
  const at::Tensor activated = kind == Gate::Silu
      ? at::silu(in)
      : at::gelu(in, kind == Gate::GeluTanh ? "tanh" : "none");
  return (activated * up.to(compute)).to(gate.scalar_type());
}

at::Tensor splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  return hidden.reshape({-1, hidden.size(-1)})
      .index_put({indices}, rows.to(hidden.scalar_type()))
      .view(hidden.sizes());
}

at::Tensor patchify(const at::Tensor& pixels, const PatchifyOptions& options) {
  const int64_t size = options.patch_size, merge = options.merge;
  const int64_t frames = pixels.size(0), cell = size * merge;
  const int64_t cell_rows = pixels.size(1) / cell, cell_columns = pixels.size(2) / cell;
  const auto colours = [&](const std::array<double, 3>& values) {
    return at::tensor(at::ArrayRef<double>(values), pixels.options().dtype(at::kFloat));
  };
  return pixels.to(at::kFloat)
      .div(255.0)
      .sub(colours(options.mean))
      .div(colours(options.std))
      .reshape({frames, cell_rows, merge, size, cell_columns, merge, size, 3})
      .permute({0, 1, 4, 2, 5, 3, 6, 7})
      .reshape({frames * cell_rows * cell_columns * merge * merge, size * size * 3});
}

LinearCrossEntropy linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const LinearCrossEntropyOptions& options) {
  const at::Tensor logits = at::matmul(hidden, weight.to(hidden.scalar_type()).t())
                                .to(compute_dtype(hidden)) *
      options.logits_multiplier;
  const at::Tensor log_sum = logits.logsumexp(-1);
  const at::Tensor of_target =
      logits.gather(-1, targets.clamp_min(0).unsqueeze(-1)).squeeze(-1);
  const at::Tensor rows = (log_sum - of_target + log_sum.square() * options.z_loss)
                              .masked_fill(targets == kIgnoredTarget, 0.0);
  const at::Tensor weighted =
      options.row_weights.has_value() ? rows * *options.row_weights : rows;
  return {weighted.sum(), rows.detach()};
}

at::Tensor depthwise_conv1d(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  const at::ScalarType compute = compute_dtype(x);
  if (x.sym_numel() == 0) { // a convolution takes no time of zero; still differentiable
    return x.to(compute) + weight.to(compute).sum(0) + bias.to(compute);
  }
  // at::conv1d lets cuDNN round float32 to TF32, which the speech heads' sound shows.
  return at::_convolution(
             x.to(compute).transpose(1, 2), weight.to(compute).t().unsqueeze(1),
             bias.to(compute),
             /*stride=*/{1},
             /*padding=*/{weight.size(0) / 2},
             /*dilation=*/{1},
             /*transposed=*/false,
             /*output_padding=*/{0},
             /*groups=*/weight.size(1),
             /*benchmark=*/false,
             /*deterministic=*/at::globalContext().deterministicAlgorithms(),
             /*cudnn_enabled=*/at::globalContext().userEnabledCuDNN(),
             /*allow_tf32=*/false)
      .transpose(1, 2)
      .contiguous();
}

at::Tensor
grouped_linear(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  const std::vector<at::Tensor> matrices = weight.to(x.scalar_type()).unbind(0);
  std::vector<at::Tensor> parts;
  int64_t begin = 0;
  for (size_t e = 0; e < counts.size(); ++e) {
    if (counts[e] > 0) {
      parts.push_back(at::linear(x.narrow(0, begin, counts[e]), matrices[e]));
      begin += counts[e];
    }
  }
  return parts.empty() ? at::linear(x, matrices[0]) : at::cat(parts);
}

at::Tensor decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const SeenRows& seen) {
  const at::ScalarType compute = compute_dtype(q);
  const int64_t groups = keys.size(0), heads = q.size(0);
  const at::Tensor q_grouped =
      q.to(compute).reshape({groups, heads / groups, q.size(1)});
  at::Tensor scores = at::bmm(q_grouped, keys.to(compute).transpose(1, 2)) * scale;
  at::Tensor used_values = values.to(compute);
  if (seen.last.defined() || seen.window > 0) {
    const at::Tensor index = at::arange(keys.size(1), keys.options().dtype(at::kLong));
    const at::Tensor last = seen.last.defined() ? seen.last : index.narrow(0, -1, 1);
    at::Tensor is_hidden = index.gt(last);
    if (seen.window > 0) {
      is_hidden = is_hidden.logical_or(index.le(last - seen.window));
    }
    scores = scores.masked_fill(is_hidden, -std::numeric_limits<double>::infinity());
    // They may hold anything.
    used_values = used_values.masked_fill(is_hidden.unsqueeze(-1), 0.0);
  }
  return at::bmm(scores.softmax(-1), used_values)
      .reshape({heads, values.size(2)})
      .to(q.scalar_type());
}

} // namespace omni::kernels::reference
