// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/value_stamp.h"

#include <ATen/ATen.h>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("a stamp changes with the values, not with the handle") {
  const at::NoGradGuard guard;
  at::Tensor weight = at::ones({3, 4});
  const ValueStamp stamp(weight);
  const at::Tensor same = weight;
  CHECK(ValueStamp(same) == stamp);
  CHECK_FALSE(ValueStamp(weight.clone()) == stamp);
  CHECK_FALSE(ValueStamp(weight.narrow(0, 1, 2)) == stamp);
  weight.add_(1.0);
  const ValueStamp added(weight);
  CHECK_FALSE(added == stamp);
  weight.set_data(weight.to(at::kBFloat16));
  CHECK_FALSE(ValueStamp(weight) == added);
}

TEST_CASE("new values at the address of old ones are not taken for them") {
  const at::NoGradGuard guard;
  bool came_back = false;
  for (const int64_t size : {64, 100, 3000}) {
    at::Tensor weight = at::ones({size, size});
    const ValueStamp stamp(weight);
    const void* address = weight.const_data_ptr();
    for (int i = 0; i < 4; ++i) { // each frees what the one before it replaced
      weight.set_data(weight.detach() * 2.0);
      came_back = came_back || weight.const_data_ptr() == address;
      CHECK_FALSE(ValueStamp(weight) == stamp);
    }
  }
  if (!came_back) {
    WARN("no memory was used again: the allocator gave new addresses throughout");
  }
}

} // namespace omni
