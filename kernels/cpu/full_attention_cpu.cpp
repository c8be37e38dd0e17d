// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// full_attention by the products of prefill_attention.h, where the processor has them:
// bfloat16 of an even key width. LibTorch's flash kernel does 130 GFLOP/s at 1,024 rows
// of 72 on the machine where this does 330.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/prefill_tensors.h"
#include "kernels/cpu/rows.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

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
  const cpu::PrefillShape how{.sees_all = true, .scale = static_cast<float>(scale)};
  const cpu::ThreadTeam team;
  for (int64_t item = 0; item < q.size(0); ++item) {
    const at::Tensor keys_GSK = k[item].transpose(0, 1);
    const at::Tensor values_GSC = v[item].transpose(0, 1);
    cpu::prefill_attention({q[item], keys_GSK, values_GSC, out[item]}, how, team);
  }
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("full_attention", &full_attention_cpu);
}

} // namespace omni::kernels
