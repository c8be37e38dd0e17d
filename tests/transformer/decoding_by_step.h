// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What tests of decoding one row at a time in bfloat16 share.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "omni/transformer/packed_decoder.h"
#include "omni/transformer/transformer.h"
#include "tests/transformer/small_transformer.h"

namespace omni::testing {

// Whether this processor makes a model decode by the fused step; warns when not.
bool has_fused_step();

// As make_transformer, with weights that bfloat16 holds, in float32.
Transformer make_rounded(const TransformerConfig& config);
Inputs inputs_of(const TransformerConfig& config, int64_t length, uint64_t seed = 11);
TransformerInput rows_of(const Inputs& in, int64_t begin, int64_t size);

// Rows [begin, end) one by one after those the cache holds, [1, end - begin, D].
at::Tensor step_through(
    Transformer& model,
    const Inputs& in,
    KvCache& cache,
    int64_t begin,
    int64_t end);

// A fused step of the model's layers; null when there is none.
std::shared_ptr<PackedDecoder> decoder_of(Transformer& model);
GroupedQueryAttentionImpl& grouped_attention(Transformer& model, size_t layer);

} // namespace omni::testing
