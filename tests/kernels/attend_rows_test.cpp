// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Heads of a group over a block of a bfloat16 cache, by AVX-512 and by plain loops.
#include "kernels/cpu/attend_rows.h"

#include <ATen/ATen.h>

#include <vector>

#include "kernels/cpu/attend_rows_avx512.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels::cpu {

// See avx512_emulation.h.
decltype(has_attend_avx512) emulated_has_attend_avx512;
decltype(attend_block_avx512) emulated_attend_block_avx512;

namespace {

using kernels::testing::normal;

// float64 [heads, C] of what a block's partial results stand for.
at::Tensor joined(const AttendShape& shape, const std::vector<float>& partial) {
  at::Tensor out = at::empty({shape.heads_per_group, shape.value_width});
  for (int64_t head = 0; head < shape.heads_per_group; ++head) {
    join_blocks(
        partial.data() + head * partial_floats(shape.value_width), 0, 1,
        shape.value_width, out[head].mutable_data_ptr<float>());
  }
  return out.to(at::kDouble);
}

} // namespace

TEST_CASE("a block is read as softmax of the scores weighs it, by AVX-512 too") {
  for (const int64_t heads : {1, 2, 3, 4, 7}) {
    for (const auto& [key_width, value_width] :
         std::vector<std::pair<int64_t, int64_t>>{{32, 16}, {64, 64}, {96, 112}}) {
      for (const int64_t rows : {1, 5, 130}) {
        INFO(heads << " heads, " << key_width << " and " << value_width << " wide");
        const AttendShape shape{heads,     key_width,   value_width,
                                key_width, value_width, 0.2f};
        const at::Tensor q = normal({heads, key_width}, at::kBFloat16, 1);
        const at::Tensor keys = normal({rows, key_width}, at::kBFloat16, 2);
        const at::Tensor values = normal({rows, value_width}, at::kBFloat16, 3);
        const at::Tensor scores =
            at::linear(q.to(at::kDouble), keys.to(at::kDouble)) * double{shape.scale};
        const at::Tensor expected =
            at::matmul(scores.softmax(-1), values.to(at::kDouble));

        const at::Tensor queries = q.to(at::kFloat);
        std::vector<float> room(static_cast<size_t>(kHeadsAtOnce * rows));
        const auto size =
            static_cast<size_t>(heads * partial_floats(shape.value_width));
        const auto check = [&](const std::vector<float>& partial) {
          const double error =
              (joined(shape, partial) - expected).norm().item<double>();
          CHECK(error < 1e-5 * expected.norm().item<double>());
        };
        std::vector<float> partial(size);
        attend_block(
            shape, queries.const_data_ptr<float>(),
            keys.const_data_ptr<c10::BFloat16>(),
            values.const_data_ptr<c10::BFloat16>(), rows, room.data(), partial.data());
        check(partial);

        REQUIRE(emulated_has_attend_avx512(shape));
        std::vector<float> by_avx512(size);
        emulated_attend_block_avx512(
            shape, queries.const_data_ptr<float>(),
            reinterpret_cast<const uint16_t*>(keys.const_data_ptr()),
            reinterpret_cast<const uint16_t*>(values.const_data_ptr()), rows,
            room.data(), by_avx512.data());
        check(by_avx512);
      }
    }
  }
}

} // namespace omni::kernels::cpu
