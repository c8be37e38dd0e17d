// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/bench/kernels/op_bench.h"

#include <algorithm>

namespace omni::bench {

double bytes_of(const Tensors& tensors) {
  double bytes = 0.0;
  for (const at::Tensor& tensor : tensors) {
    bytes += static_cast<double>(tensor.nbytes());
  }
  return bytes;
}

at::Tensor random_values(at::IntArrayRef sizes, at::ScalarType dtype) {
  constexpr int64_t kDifferent = 65521; // prime: rows do not repeat
  const int64_t count = c10::multiply_integers(sizes);
  const at::Tensor few = at::randn({std::min(count, kDifferent)}).to(dtype);
  const int64_t repeats = (count + kDifferent - 1) / kDifferent;
  return few.repeat({repeats}).narrow(0, 0, count).view(sizes);
}

std::string name_of(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? "bf16" : "float32";
}

Peak peak_of(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? Peak::Bf16 : Peak::Float32;
}

} // namespace omni::bench
