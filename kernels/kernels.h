// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The fused ops: stateless functions on tensors, each also `torch.ops.omni.<op>` and
// each with a plain ATen twin in reference.h that is its oracle. float32 and bfloat16
// have a fused path on CPU, and most ops on CUDA (load_cuda.h); anything else takes the
// twin (explain() says which).
// Arithmetic is float32 (float64 for float64 inputs) whatever the inputs; autocast
// never enters. Thread-safe. Wrong shapes throw ValueError, wrong dtypes TypeError, ids
// IndexError.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace omni::kernels {

// --- Norms
// -----------------------------------------------------------------------------

struct RmsNormOptions {
  double eps = 1e-6;
  double weight_offset = 0.0; // the weight used is weight + weight_offset
  double branch_multiplier = 1.0; // add_rms_norm: x times this enters the sum
};

// y = x / sqrt(mean(x^2) + eps) * (weight + weight_offset) over the last axis. x [..,
// D], weight [D]; both float32 or bfloat16, not necessarily the same. Returns [.., D]
// in x's dtype. Differentiable in x and weight.
at::Tensor rms_norm(
    const at::Tensor& x,
    const at::Tensor& weight,
    const RmsNormOptions& options = {});

struct AddRmsNorm {
  at::Tensor normed; // [.., D], x's dtype
  at::Tensor sum; // [.., D], the residual's dtype
};

// sum = residual + branch_multiplier * x, rounded to the residual's dtype; normed =
// rms_norm(sum) in x's dtype. x and residual [.., D], weight [D]. Without a residual,
// sum is branch_multiplier * x in x's dtype (x itself when that is 1). Differentiable
// in all three.
AddRmsNorm add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options = {});

struct QuantizedRmsNorm {
  at::Tensor quantized; // int8 [.., D] in [-127, 127]
  at::Tensor scales; // float32 [..]: normed = scale * quantized
  at::Tensor sum; // [.., D], the residual's dtype (x's without one)
};

// The same with the norm in 8 bits, a scale a row: its largest entry is 127, others
// round to nearest even; a row of zeros has scale 0. The norm is quantised from
// float32, never rounded to x's dtype between. No gradient.
QuantizedRmsNorm quantized_add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options = {});

// --- Queries and keys
// ------------------------------------------------------------------

// cos and sin of the angles, float32 [.., W/2] with W <= K the rotary width, even: one
// row for each token. Leading axes equal those of q before [H, K], or a trailing part
// of them ([L, W/2] serves q [B, L, H, K]). Undefined tables: nothing turns.
struct RotaryTables {
  at::Tensor cos;
  at::Tensor sin;
};

struct QkNormRopeOptions {
  std::optional<at::Tensor> q_weight = {}; // [K]; absent: queries are not normalised
  std::optional<at::Tensor> k_weight = {}; // [K]; absent: keys are not normalised
  double eps = 1e-6;
  double weight_offset = 0.0; // the weights used are weight + weight_offset
  bool is_interleaved = false; // pairs (x[2i], x[2i+1]); else (x[i], x[i + W/2])
};

struct QueriesAndKeys {
  at::Tensor q;
  at::Tensor k;
};

// RMSNorm of each head's K entries where a weight is given, then the leading W entries
// turn by their token's angles: (a, b) -> (a cos - b sin, b cos + a sin). q [.., H, K],
// k [.., G, K] in one dtype, views into a merged projection welcome; weights float32 or
// bfloat16. Returns contiguous tensors of the same shapes and dtype. Differentiable in
// q, k and the weights, not in the tables.
QueriesAndKeys qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options = {});

// Rows of a layer's cache: keys [G, S, K] and values [G, S, C] of any strides, entries
// of a row side by side, in a dtype of their own.
struct CacheRows {
  at::Tensor keys;
  at::Tensor values;
  int64_t begin = 0; // the first row written
  // int64 [L] beside the keys, distinct: the row of each token, in place of `begin`.
  // Only the device reads it.
  at::Tensor rows = {};
};

// As qk_norm_rope() for q [L, H, K], k [L, G, K] and v [L, G, C], but the keys, and v
// as it is, are written to rows [begin, begin + L) of a cache, or to those it names,
// rounded to k's dtype first. Returns the queries [L, H, K]. No gradient.
at::Tensor qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options = {});

// --- Attention
// -------------------------------------------------------------------------

// A run of rows that see themselves and earlier rows of the run, and nothing else: a
// packed sequence, or a row of the batch. Rows are counted over [B, L] flattened.
struct RowSpan {
  int64_t begin = 0;
  int64_t length = 0;

  bool operator==(const RowSpan&) const = default;
};

struct CausalAttentionOptions {
  double scale = 1.0; // of q k^T before softmax
  int64_t window = 0; // rows a query sees, itself included; 0: all earlier ones
};

// softmax(scale q k^T) v within spans. q [L, H, K], k and v [L, G, K], H a multiple of
// G, query head h reads group h / (H / G); spans in order and apart. Returns [L, H, K]
// in q's dtype, zero for rows in no span. Differentiable once in q, k and v.
at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options);

// The same of L new rows q [L, H, K] that are the last of S >= L rows whose keys and
// values are [G, S, K]. No gradient.
at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options);

// softmax(scale q k^T) v, every row of an item sees all of its keys: encoders. q [B, L,
// H, K], k [B, S, G, K], v [B, S, G, C] of any strides, S >= 1, H a multiple of G; one
// dtype. Returns [B, L, H, C]. No gradient.
at::Tensor full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale);

// --- Convolution
// -----------------------------------------------------------------------

// Every channel in time by itself: y[b, t, c] = bias[c] + sum_k weight[k, c] * x[b, t +
// k - K / 2, c], zeros outside. x [B, T, C], weight [K, C] with K odd, bias [C];
// returns float32 [B, T, C]. Differentiable once in all three.
at::Tensor
depthwise_conv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// --- Feed-forward
// ----------------------------------------------------------------------

// silu(gate) * up with gate the first half of the last axis and up the second. gate_up
// [.., 2F] -> [.., F], same dtype. Differentiable.
at::Tensor swiglu(const at::Tensor& gate_up);
// The same of two tensors [.., F] of one shape and dtype.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

enum class Gelu {
  Exact, // x Phi(x), arXiv 1606.08415
  Tanh // with Phi(x) = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
};

// As swiglu() with gelu in place of silu.
at::Tensor geglu(const at::Tensor& gate_up, Gelu form = Gelu::Exact);
at::Tensor geglu(const at::Tensor& gate, const at::Tensor& up, Gelu form = Gelu::Exact);

// Blocks of rows, each times a matrix of its own: the next counts[e] rows of x [N, I]
// times weight[e]^T, for e from 0. weight [E, O, I], converted to x's dtype for the
// products; E counts from 0 that add up to N. Returns [N, O] in x's dtype.
// Differentiable once in x and weight; a matrix without rows has gradient 0.
at::Tensor
grouped_linear(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts);

// --- Media rows
// ------------------------------------------------------------------------

// A copy of hidden [.., D] whose rows, counted with the leading axes flattened, at
// `indices` int64 [R] (distinct) are rows [R, D], converted to hidden's dtype.
// Differentiable in hidden and rows.
at::Tensor splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices);

struct PatchifyOptions {
  std::array<double, 3> mean = {0.5, 0.5, 0.5}; // of pixels in [0, 1], RGB
  std::array<double, 3> std = {0.5, 0.5, 0.5};
  int64_t patch_size = 8; // pixels a side
  int64_t merge = 1; // patches a side that the encoder merges into one row
};

// (pixels / 255 - mean) / std, cut into patches. pixels uint8 [N, Y, X, 3], Y and X
// multiples of patch_size * merge. Returns float32 [P, patch_size^2 * 3], P = N * (Y /
// patch_size) * (X / patch_size): pictures in order, cells of merge x merge patches row
// by row, the patches of a cell row by row, inside a patch (y, x, colour).
at::Tensor patchify(const at::Tensor& pixels, const PatchifyOptions& options);

// --- Finite scalar quantisation (arXiv 2309.15505)
// --------------------------------------

// With l levels in a dimension, half = (l - 1) (1 + 1e-3) / 2 and offset = 0.5 for even
// l, 0 for odd: q = round(tanh(v + atanh(offset / half)) * half - offset), an integer
// in
// [-(l / 2), (l - 1) / 2]. `levels` has one entry >= 2 for each entry of the last axis;
// their product fits int64.

// values [.., dims] float, unbounded -> codes int64 [..] in [0, prod(levels)): the
// digits q + l / 2 in mixed radix, first dimension least significant.
at::Tensor fsq_encode(const at::Tensor& values, at::IntArrayRef levels);
// codes int64 [..] -> float32 [.., dims], the grid values q / (l / 2) in [-1, 1].
at::Tensor fsq_decode(const at::Tensor& codes, at::IntArrayRef levels);
// fsq_decode(fsq_encode(values)) in the dtype of values, with the gradient of the
// bounded values before rounding (straight-through).
at::Tensor fsq_quantize(const at::Tensor& values, at::IntArrayRef levels);

// --- Loss
// ------------------------------------------------------------------------------

inline constexpr int64_t kIgnoredTarget = -100;

struct LinearCrossEntropyOptions {
  double logits_multiplier = 1.0;
  double z_loss = 0.0; // weight of logsumexp(logits)^2 in each row's loss
  std::optional<at::Tensor> row_weights = {}; // float32 [R], not differentiable
};

struct LinearCrossEntropy {
  at::Tensor loss; // float32 []: sum of row_weights * row_losses
  at::Tensor row_losses; // float32 [R], unweighted, not differentiable; 0 where ignored
};

// logits = logits_multiplier * hidden weight^T; a row's loss = logsumexp(logits) -
// logits[target] + z_loss * logsumexp(logits)^2. hidden [R, D]; weight [V, D],
// converted to hidden's dtype for the products; targets int64 [R] in [0, V) or -100.
// The logits [R, V] never exist as a whole: rows are taken in chunks, ignored rows not
// at all, and the gradients are made in the forward pass when one is needed. Softmax
// and sums are float32. Differentiable once in hidden and weight.
LinearCrossEntropy linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const LinearCrossEntropyOptions& options = {});

// --- Decoding
// --------------------------------------------------------------------------

struct IdRange {
  int64_t begin = 0;
  int64_t end = 0; // exclusive
};

struct SampleOptions {
  double temperature = 0.0; // 0: the most likely id, lowest id among equals
  int64_t top_k = 0; // 0: all; ids equal to the k-th stay
  double top_p = 1.0; // nucleus mass in (0, 1]
  double min_p = 0.0; // share of the largest probability, in [0, 1)
  double repetition_penalty = 1.0; // on ids in `prompt` and `previous`; > 0; 1: none
  double presence_penalty = 0.0; // off the logits of ids in `previous`
  double frequency_penalty = 0.0; // off these for each time that an id is there
  std::vector<int64_t> previous = {}; // ids that were drawn, as often as they were
  std::vector<int64_t> prompt = {}; // ids before those
  std::vector<IdRange> allowed = {}; // empty: all of [0, V)
};

// Draws one id of logits [V] by a number `uniform` in [0, 1). Order: allowed ranges,
// repetition penalty (positive logits divided, others multiplied), presence and
// frequency penalty (subtracted), temperature, top-k, top-p, min-p. The id is the
// first, in id order, whose cumulative probability among those left exceeds `uniform`.
// Throws ValueError when nothing is left or a logit is NaN.
int64_t
sample(const at::Tensor& logits, const SampleOptions& options, double uniform = 0.0);

// One vocabulary among several.
struct SampleRow {
  int64_t begin = 0; // of its logits
  int64_t vocab = 0; // V
  double uniform = 0.0;
  SampleOptions options;
};

// sample() of logits[begin, begin + V) for each row, logits [N] of all rows: the same
// ids, in one call.
std::vector<int64_t> sample_rows(
    const at::Tensor& logits,
    const std::vector<SampleRow>& rows);

// The rows of a cache that a query sees.
struct SeenRows {
  // int64 [1] beside the keys: the last of them. Only the device reads it, so that rows
  // behind it, whatever they hold, may be written from call to call. Undefined: all.
  at::Tensor last = {};
  int64_t window = 0; // so many up to the last; 0: all before it
};

// softmax(scale q k^T) v for one query row over the cache. q [H, K]; keys [G, L, K],
// values [G, L, C] of any strides (a window may be a narrowed view), L >= 1; H a
// multiple of G, query head h reads group h / (H / G); one dtype. Returns [H, C]. No
// gradient.
at::Tensor decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const SeenRows& seen = {});

// --- Which path
// ------------------------------------------------------------------------

// The names of all ops, as in `torch.ops.omni.<name>`.
const std::vector<std::string>& op_names();

// Says which path a call of `op` with these tensors takes and why, e.g. "cpu: fused,
// Float" or "reference: no fused kernel for Double". Throws ValueError for a name
// not in op_names().
std::string explain(std::string_view op, at::TensorList inputs);

} // namespace omni::kernels
