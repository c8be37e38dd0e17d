// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A row written and attended to by a recording that knows its place from the device.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/device_graph.h"
#include "kernels/kernels.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"
#include "tests/support/recorded_calls.h"

namespace omni::kernels {
namespace {

using testing::normal;
using testing::tested_device;

} // namespace

TEST_CASE("a recording is replayed for every row, and for rows that were cut back") {
  const omni::testing::RecordedCalls graphs_of_the_cpu;
  const at::Device device = tested_device();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t window : {0, 3}) {
      const auto like = at::TensorOptions(device).dtype(dtype);
      const at::Tensor q = normal({1, 4, 16}, dtype, 1).to(device);
      const at::Tensor k = at::zeros({1, 2, 16}, like), v = at::zeros({1, 2, 16}, like);
      const at::Tensor keys = at::full({2, 600, 16}, NAN, like);
      const at::Tensor values = at::full({2, 600, 16}, NAN, like);
      const at::Tensor row = at::zeros({1}, like.dtype(at::kLong));
      const at::Tensor angles = at::zeros({1, 8}, like.dtype(at::kFloat));
      const at::Tensor out = at::zeros({4, 16}, like);
      const std::unique_ptr<DeviceGraph> graph = make_device_graph(device);
      REQUIRE(graph != nullptr);
      graph->record([&] {
        const at::Tensor turned = qk_norm_rope_to_cache(
            q, k, v, {angles.cos(), angles.sin()},
            {.keys = keys, .values = values, .rows = row});
        out.copy_(
            decode_attention(turned.squeeze(0), keys, values, 0.3, {row, window}));
      });
      for (const int64_t index : {0, 1, 2, 3, 4, 1, 2}) {
        INFO(dtype << ", window " << window << ", row " << index);
        row.fill_(index);
        k.copy_(normal({1, 2, 16}, dtype, 10 + index));
        v.copy_(normal({1, 2, 16}, dtype, 20 + index));
        angles.copy_(normal({1, 8}, at::kFloat, 30 + index));
        graph->replay();
        const QueriesAndKeys turned = qk_norm_rope(q, k, {angles.cos(), angles.sin()});
        CHECK(at::equal(keys.select(1, index), turned.k[0]));
        CHECK(at::equal(values.select(1, index), v[0]));
        const int64_t begin = window > 0 ? std::max<int64_t>(index + 1 - window, 0) : 0;
        const int64_t size = index + 1 - begin;
        const at::Tensor expected = decode_attention(
            turned.q[0], keys.narrow(1, begin, size), values.narrow(1, begin, size),
            0.3);
        CHECK(at::allclose(out.to(at::kFloat), expected.to(at::kFloat), 1e-5, 1e-5));
      }
    }
  }
}

} // namespace omni::kernels
