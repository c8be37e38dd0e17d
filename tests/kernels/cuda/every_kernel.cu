// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Every kernel of kernels/cuda, instantiated for each dtype it is meant for, so that
// nvcc compiles them for every architecture wherever there is an nvcc. Nothing runs.
#include "kernels/cuda/decode_attention.cuh"
#include "kernels/cuda/fsq.cuh"
#include "kernels/cuda/linear_cross_entropy.cuh"
#include "kernels/cuda/patchify.cuh"
#include "kernels/cuda/permute.cuh"
#include "kernels/cuda/qk_norm_rope.cuh"
#include "kernels/cuda/quantized_linear.cuh"
#include "kernels/cuda/residual_vq.cuh"
#include "kernels/cuda/rms_norm.cuh"
#include "kernels/cuda/router.cuh"
#include "kernels/cuda/sample.cuh"
#include "kernels/cuda/splice_rows.cuh"
#include "kernels/cuda/swiglu.cuh"

namespace omni::kernels::cuda {

using Bf16 = __nv_bfloat16;

// --- decode_attention.cuh
template __global__ void decode_attention_kernel<4>(DecodeAttention<float>);
template __global__ void decode_attention_kernel<1>(DecodeAttention<float>);
template __global__ void decode_attention_kernel<4>(DecodeAttention<Bf16>);
template __global__ void decode_attention_kernel<1>(DecodeAttention<Bf16>);
template __global__ void merge_splits_kernel(DecodeAttention<float>);
template __global__ void merge_splits_kernel(DecodeAttention<Bf16>);

// --- fsq.cuh
template __global__ void fsq_encode_kernel(const float*, int64_t*, int64_t, FsqGrid);
template __global__ void fsq_encode_kernel(const Bf16*, int64_t*, int64_t, FsqGrid);
template __global__ void fsq_decode_kernel(const int64_t*, float*, int64_t, FsqGrid);
template __global__ void fsq_decode_kernel(const int64_t*, Bf16*, int64_t, FsqGrid);

// --- linear_cross_entropy.cuh
template __global__ void cross_entropy_kernel<4>(CrossEntropyRows<float>);
template __global__ void cross_entropy_kernel<1>(CrossEntropyRows<float>);
template __global__ void cross_entropy_kernel<8>(CrossEntropyRows<Bf16>);
template __global__ void cross_entropy_kernel<1>(CrossEntropyRows<Bf16>);

// --- patchify.cuh
template __global__ void patchify_kernel(Patchify<float>);
template __global__ void patchify_kernel(Patchify<Bf16>);

// --- permute.cuh
template __global__ void sort_pairs_kernel(SortPairs<int64_t>);
template __global__ void sort_pairs_kernel(SortPairs<int32_t>);
template __global__ void gather_rows_kernel<4>(GatherRows<float>);
template __global__ void gather_rows_kernel<1>(GatherRows<float>);
template __global__ void gather_rows_kernel<8>(GatherRows<Bf16>);
template __global__ void gather_rows_kernel<1>(GatherRows<Bf16>);
template __global__ void combine_rows_kernel<4>(CombineRows<float>);
template __global__ void combine_rows_kernel<1>(CombineRows<float>);
template __global__ void combine_rows_kernel<8>(CombineRows<Bf16>);
template __global__ void combine_rows_kernel<1>(CombineRows<Bf16>);

// --- qk_norm_rope.cuh
template __global__ void qk_norm_rope_kernel<false>(QkNormRope<float, float>);
template __global__ void qk_norm_rope_kernel<true>(QkNormRope<float, float>);
template __global__ void qk_norm_rope_kernel<false>(QkNormRope<Bf16, Bf16>);
template __global__ void qk_norm_rope_kernel<true>(QkNormRope<Bf16, Bf16>);
template __global__ void qk_norm_rope_kernel<false>(QkNormRope<Bf16, float>);

// --- quantized_linear.cuh
template __global__ void quantized_linear_kernel<Int8Levels<16>, 16, 1>(
    QuantizedLinear<float>);
template __global__ void quantized_linear_kernel<Int8Levels<16>, 16, 1>(
    QuantizedLinear<Bf16>);
template __global__ void quantized_linear_kernel<Int8Levels<16>, 16, 4>(
    QuantizedLinear<Bf16>);
template __global__ void quantized_linear_kernel<Int8Levels<1>, 1, 4>(
    QuantizedLinear<Bf16>);
template __global__ void quantized_linear_kernel<Int4Levels<16>, 16, 1>(
    QuantizedLinear<float>);
template __global__ void quantized_linear_kernel<Int4Levels<16>, 16, 1>(
    QuantizedLinear<Bf16>);
template __global__ void quantized_linear_kernel<Int4Levels<16>, 16, 4>(
    QuantizedLinear<Bf16>);
template __global__ void quantized_linear_kernel<Int4Levels<1>, 1, 4>(
    QuantizedLinear<Bf16>);

// --- residual_vq.cuh
template __global__ void residual_vq_encode_kernel(ResidualVq<float>);
template __global__ void residual_vq_encode_kernel(ResidualVq<Bf16>);
template __global__ void residual_vq_decode_kernel(ResidualVqDecode<float>);
template __global__ void residual_vq_decode_kernel(ResidualVqDecode<Bf16>);

// --- rms_norm.cuh
template __global__ void rms_norm_kernel<4>(RmsNorm<float, float, float>);
template __global__ void rms_norm_kernel<1>(RmsNorm<float, float, float>);
template __global__ void rms_norm_kernel<8>(RmsNorm<Bf16, Bf16, Bf16>);
template __global__ void rms_norm_kernel<1>(RmsNorm<Bf16, Bf16, Bf16>);
template __global__ void rms_norm_kernel<8>(RmsNorm<Bf16, Bf16, float>);
template __global__ void rms_norm_kernel<8>(RmsNorm<Bf16, float, Bf16>);

// --- router.cuh
template __global__ void router_kernel<true>(Router);
template __global__ void router_kernel<false>(Router);

// --- sample.cuh
template __global__ void sample_kernel<kSampleCapacity>(Sample<float>);
template __global__ void sample_kernel<kSampleCapacity>(Sample<Bf16>);

// --- splice_rows.cuh
template __global__ void splice_rows_kernel<4>(SpliceRows<float, float>);
template __global__ void splice_rows_kernel<1>(SpliceRows<float, float>);
template __global__ void splice_rows_kernel<8>(SpliceRows<Bf16, Bf16>);
template __global__ void splice_rows_kernel<1>(SpliceRows<Bf16, Bf16>);
template __global__ void splice_rows_kernel<4>(SpliceRows<Bf16, float>);

// --- swiglu.cuh
template __global__ void swiglu_kernel<Gate::Silu, 4>(Swiglu<float>);
template __global__ void swiglu_kernel<Gate::Silu, 1>(Swiglu<float>);
template __global__ void swiglu_kernel<Gate::Silu, 8>(Swiglu<Bf16>);
template __global__ void swiglu_kernel<Gate::Gelu, 8>(Swiglu<Bf16>);
template __global__ void swiglu_kernel<Gate::GeluTanh, 8>(Swiglu<Bf16>);

} // namespace omni::kernels::cuda
