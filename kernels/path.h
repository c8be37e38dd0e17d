// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal to kernels/: which path a call takes, and the argument checks that every
// backend of an op runs first (torch.ops.omni.<op> reaches the backends directly).
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <initializer_list>
#include <string_view>

#include "kernels/expert_rows.h"
#include "kernels/kernels.h"

namespace omni::kernels {

// Keeps autocast out of an op: dtypes are the op's own rule.
class NoAutocast {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

// An absent tensor as an undefined one, and back.
inline at::Tensor or_undefined(const std::optional<at::Tensor>& tensor) {
  return tensor.value_or(at::Tensor());
}
inline std::optional<at::Tensor> or_absent(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

// True when the floating ones among the defined tensors are float32 or bfloat16.
bool has_fused_dtypes(std::initializer_list<at::Tensor> tensors);

// True when all defined tensors are on the CPU and have such dtypes: what the fused CPU
// paths take.
bool takes_cpu_path(std::initializer_list<at::Tensor> tensors);

// The same, or all on one kind of device for which `op` has a kernel: CUDA where its
// ops can be loaded (load_cuda.h).
bool takes_fused_path(const char* op, std::initializer_list<at::Tensor> tensors);

// True when an argument check can read the values of `tensor` without waiting for a
// device: those of a traced (fake) or functionalised tensor do not exist.
bool has_values(const at::Tensor& tensor);

// True when a gradient through an op on these (undefined ones do not count) is wanted.
bool needs_gradient(std::initializer_list<at::Tensor> tensors);

// Throws TypeError unless `tensor` is floating.
void check_floating(
    const at::Tensor& tensor,
    std::string_view op,
    std::string_view name);

// Throw as kernels.h says, before any work.
void check_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight);
void check_qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options);
void check_qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options);
// `spans` is begin, length, begin, length, ...
void check_causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    int64_t window);
void check_full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v);
void check_cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    int64_t window);
std::vector<RowSpan> to_row_spans(at::IntArrayRef spans);
void check_depthwise_conv1d(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias);
// That they are the sizes of blocks of `num_rows` rows; `op` for the message.
void check_blocks(const char* op, at::IntArrayRef counts, int64_t num_rows);
void check_grouped_linear(
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts);
// `format` is a WeightFormat.
void check_packed_linear(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows);
void check_route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options);
void check_sort_pairs(const at::Tensor& ids, int64_t num_experts);
void check_gather_rows(const at::Tensor& x, const at::Tensor& rows);
void check_combine_rows(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights);
void check_splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices);
void check_patchify(const at::Tensor& pixels, const PatchifyOptions& options);
// The flat arguments of the schema as options.
PatchifyOptions to_patchify_options(
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge);
void check_fsq_values(const at::Tensor& values, at::IntArrayRef levels);
void check_fsq_codes(const at::Tensor& codes, at::IntArrayRef levels);
void check_residual_vq_values(const at::Tensor& values, const at::Tensor& codebooks);
void check_residual_vq_codes(const at::Tensor& codes, const at::Tensor& codebooks);
void check_linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const std::optional<at::Tensor>& row_weights);
void check_sample(
    const at::Tensor& logits,
    const SampleOptions& options,
    double uniform);
// Of the largest allowed logit, NaN when any is NaN.
void check_choice(double largest);
// The flat arguments of the schema as options; `allowed` is begin, end, begin, end, ...
SampleOptions to_sample_options(
    double temperature,
    int64_t top_k,
    double top_p,
    double min_p,
    double repetition_penalty,
    at::IntArrayRef previous,
    at::IntArrayRef allowed,
    double presence_penalty,
    double frequency_penalty,
    at::IntArrayRef prompt);
struct IdCount {
  int64_t id = 0;
  int64_t count = 0; // in `previous`; 0: an id of the prompt alone
};
// The ids in [0, V) that penalties fall on, each once; none where no penalty changes
// anything.
std::vector<IdCount> penalised_ids(const SampleOptions& options, int64_t vocab);
// The flat arguments of sample_rows, and as rows; see the schema.
struct SampleRowNumbers {
  at::IntArrayRef ranges;
  at::ArrayRef<double> uniforms;
  at::ArrayRef<double> temperatures;
  at::IntArrayRef top_ks;
  at::ArrayRef<double> top_ps;
  at::ArrayRef<double> min_ps;
  at::ArrayRef<double> repetition_penalties;
  at::IntArrayRef previous;
  at::IntArrayRef allowed;
  at::ArrayRef<double> presence_penalties; // empty: none, as of those below
  at::ArrayRef<double> frequency_penalties;
  at::IntArrayRef prompt;
};
std::vector<SampleRow> to_sample_rows(const SampleRowNumbers& numbers);
void check_sample_rows(const at::Tensor& logits, const std::vector<SampleRow>& rows);
void check_decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const SeenRows& seen);

} // namespace omni::kernels
