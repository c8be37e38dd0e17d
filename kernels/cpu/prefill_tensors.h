// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// prefill_attention.h for tensors of bfloat16 whose last axis is dense.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/prefill_attention.h"

namespace omni::kernels::cpu {

struct PrefillTensors {
  const at::Tensor& q; // [L, H, K]
  const at::Tensor& keys; // [G, S, K]
  const at::Tensor& values; // [G, S, C]
  const at::Tensor& out; // [L, H, C], dense; written
};

// Sizes are the tensors'; of `how` the window, the scale and who sees what are used.
inline void prefill_attention(
    const PrefillTensors& tensors,
    PrefillShape how,
    const ThreadTeam& team) {
  const auto& [q, keys, values, out] = tensors;
  const auto bits_of = [](const at::Tensor& x) {
    return reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  };
  how.num_queries = q.size(0);
  how.num_keys = keys.size(1);
  how.num_heads = q.size(1);
  how.num_kv_heads = keys.size(0);
  how.key_width = q.size(2);
  how.value_width = values.size(2);
  const PrefillRows rows{
      .queries = bits_of(q),
      .query_row_stride = q.stride(0),
      .query_head_stride = q.stride(1),
      .keys = bits_of(keys),
      .key_group_stride = keys.stride(0),
      .key_row_stride = keys.stride(1),
      .values = bits_of(values),
      .value_group_stride = values.stride(0),
      .value_row_stride = values.stride(1),
      .out = reinterpret_cast<uint16_t*>(out.mutable_data_ptr<at::BFloat16>())};
  prefill_attention(how, rows, team);
}

} // namespace omni::kernels::cpu
