// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// print_machine_limits THREADS: machine_limits.h as one JSON object.
#include <cstdio>
#include <cstdlib>

#include "tests/bench/machine_limits.h"

int main(int argc, char** argv) {
  const auto limits = omni::bench::measure_limits(argc > 1 ? std::atoi(argv[1]) : 1);
  std::printf(
      "{\"read\": %.4g, \"copy\": %.4g, \"float32\": %.4g, \"bf16\": %.4g, \"int8\": "
      "%.4g}\n",
      limits.read, limits.copy, limits.float32, limits.bf16, limits.int8);
  return 0;
}
