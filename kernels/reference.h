// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Plain ATen versions of the ops in kernels.h: the oracle of the tests and the path of
// any device or dtype without a fused kernel. Same arguments, same dtype rules,
// differentiable by ATen's own autograd (any number of times). Arguments are trusted.
#pragma once

#include "kernels/expert_rows.h"
#include "kernels/gated_unit.h"
#include "kernels/kernels.h"
#include "kernels/packed_linear.h"
#include "kernels/residual_vq.h"

namespace omni::kernels::reference {

// In which an op on x computes: float64 for float64, else float32.
at::ScalarType compute_dtype(const at::Tensor& x);

at::Tensor
rms_norm(const at::Tensor& x, const at::Tensor& weight, const RmsNormOptions& options);

AddRmsNorm add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options);

QuantizedRmsNorm quantized_add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options);

QueriesAndKeys qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options);

at::Tensor qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options);

// bool [num_queries, num_keys], true where query i, the row of index num_keys -
// num_queries + i, sees key j: j <= its index and, with a window, among the last
// `window` of them. window 0: no limit.
at::Tensor causal_mask(
    int64_t num_queries,
    int64_t num_keys,
    int64_t window,
    const at::Device& device);
// One scaled_dot_product_attention a span, in q's dtype.
at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options);
at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options);

at::Tensor full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale);

at::Tensor
depthwise_conv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

at::Tensor
grouped_linear(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts);

// With the whole weight unpacked, and x as it is.
at::Tensor packed_linear(
    const at::Tensor& x,
    const PackedWeight& weight,
    const std::optional<at::Tensor>& bias);

// swiglu and geglu.
at::Tensor gated_unit(Gate kind, const at::Tensor& gate, const at::Tensor& up);

ExpertRoutes route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options);
SortedPairs sort_pairs(const at::Tensor& ids, int64_t num_experts);
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows);
at::Tensor
combine_rows(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights);

at::Tensor splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices);

at::Tensor patchify(const at::Tensor& pixels, const PatchifyOptions& options);

at::Tensor fsq_encode(const at::Tensor& values, at::IntArrayRef levels);
at::Tensor fsq_decode(const at::Tensor& codes, at::IntArrayRef levels);
at::Tensor fsq_quantize(const at::Tensor& values, at::IntArrayRef levels);

// With the differences of all rows and all codewords of a stage in memory.
at::Tensor residual_vq_encode(const at::Tensor& values, const at::Tensor& codebooks);
at::Tensor residual_vq_decode(const at::Tensor& codes, const at::Tensor& codebooks);

// With the whole of the logits in memory.
LinearCrossEntropy linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const LinearCrossEntropyOptions& options);

// The id as int64 []; sorts the vocabulary, in float64.
at::Tensor
sample(const at::Tensor& logits, const SampleOptions& options, double uniform);
// One by one.
at::Tensor sample_rows(const at::Tensor& logits, const std::vector<SampleRow>& rows);

at::Tensor decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const SeenRows& seen = {});

} // namespace omni::kernels::reference
