// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Every launcher of kernels/cuda as one source: nvcc compiles it for every architecture
// wherever there is an nvcc, and the host compiler, after
// tests/support/cuda_launch_emulation.h, for tests_kernels_cuda_ops.
#include "kernels/cuda/column_sums_cuda.cu"
#include "kernels/cuda/decode_attention_cuda.cu"
#include "kernels/cuda/fsq_cuda.cu"
#include "kernels/cuda/linear_cross_entropy_cuda.cu"
#include "kernels/cuda/packed_linear_cuda.cu"
#include "kernels/cuda/patchify_cuda.cu"
#include "kernels/cuda/permute_cuda.cu"
#include "kernels/cuda/qk_norm_rope_cuda.cu"
#include "kernels/cuda/residual_vq_cuda.cu"
#include "kernels/cuda/rms_norm_cuda.cu"
#include "kernels/cuda/router_cuda.cu"
#include "kernels/cuda/sample_cuda.cu"
#include "kernels/cuda/splice_rows_cuda.cu"
#include "kernels/cuda/swiglu_cuda.cu"
