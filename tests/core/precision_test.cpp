// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/precision.h"

#include <c10/util/Exception.h>

#include <fstream>
#include <iterator>

#include "tests/support/catch.h"

namespace omni {
namespace {

TEST_CASE("dtype names are pairs") {
  for (const char* name : {"float32", "bfloat16", "float16", "float64"}) {
    CHECK(dtype_name(dtype_from_name(name)) == name);
  }
  CHECK_THROWS_AS(dtype_from_name("fp32"), c10::ValueError);
  CHECK_THROWS_WITH(
      dtype_from_name("fp32"),
      omni::testing::Contains(
          "[precision] expected float32, bfloat16, float16 or float64, got \"fp32\"."));
  CHECK_THROWS_AS(dtype_name(at::kInt), c10::ValueError);
}

TEST_CASE("the default follows what the system says of the processor") {
  std::ifstream file("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  bool has_all = true; // what comes with AVX512-BF16 comes with these too
  for (const char* flag : {" avx2 ", " fma ", " f16c "}) {
    has_all = has_all && text.find(flag) != text.npos;
  }
  CHECK(default_dtype() == (has_all ? at::kBFloat16 : at::kFloat));
}

} // namespace
} // namespace omni
