// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// full_attention by the products of prefill_attention.h, where the processor has them:
// bfloat16 of an even key width. LibTorch's flash kernel does 130 GFLOP/s at 1,024 rows
// of 72 on the machine where this does 330.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/prefill_attention.h"
#include "kernels/cpu/rows.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

const uint16_t* bits_of_rows(const at::Tensor& x) {
  return reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
}

at::Tensor full_attention_cpu(
    const at::Tensor& q_in,
    const at::Tensor& k_in,
    const at::Tensor& v_in,
    double scale) {
  check_full_attention(q_in, k_in, v_in);
  if (!cpu::has_prefill_attention() || q_in.scalar_type() != at::kBFloat16 ||
      q_in.size(3) % 2 != 0 || q_in.numel() == 0 || v_in.numel() == 0) {
    const NoAutocast no_autocast;
    return reference::full_attention(q_in, k_in, v_in, scale);
  }
  const at::Tensor q = cpu::with_dense_rows(q_in), k = cpu::with_dense_rows(k_in),
                   v = cpu::with_dense_rows(v_in);
  at::Tensor out =
      cpu::empty({q.size(0), q.size(1), q.size(2), v.size(3)}, q.options());
  const cpu::PrefillShape shape{
      .num_queries = q.size(1),
      .num_keys = k.size(1),
      .num_heads = q.size(2),
      .num_kv_heads = k.size(2),
      .key_width = q.size(3),
      .value_width = v.size(3),
      .sees_all = true,
      .scale = static_cast<float>(scale)};
  const cpu::ThreadTeam team;
  for (int64_t item = 0; item < q.size(0); ++item) {
    const cpu::PrefillRows rows{
        .queries = bits_of_rows(q) + item * q.stride(0),
        .query_row_stride = q.stride(1),
        .query_head_stride = q.stride(2),
        .keys = bits_of_rows(k) + item * k.stride(0),
        .key_group_stride = k.stride(2),
        .key_row_stride = k.stride(1),
        .values = bits_of_rows(v) + item * v.stride(0),
        .value_group_stride = v.stride(2),
        .value_row_stride = v.stride(1),
        .out = reinterpret_cast<uint16_t*>(out.mutable_data_ptr<at::BFloat16>()) +
            item * out.stride(0)};
    cpu::prefill_attention(shape, rows, team);
  }
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("full_attention", &full_attention_cpu);
}

} // namespace omni::kernels
