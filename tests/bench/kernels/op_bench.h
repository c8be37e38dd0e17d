// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One row for each op, size and dtype that bench_kernels measures: the fused op, its
// plain ATen twin, and what any computer has to do for it at least, its floor. Sizes
// are either so small that a cache holds everything, or so large that none does.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace omni::bench {

using Tensors = std::vector<at::Tensor>;
using Op = std::function<Tensors(const Tensors&)>;

// Whose rate bounds an op's products.
enum class Peak { Float32, Bf16, Int8 };

struct OpBench {
  std::string op; // as in torch.ops.omni
  std::string variant;
  std::function<Tensors()> inputs; // made when their turn comes
  Op fused;
  Op reference;
  size_t num_differentiable = 0; // leading inputs; 0: no backward pass is measured
  double operations = 0.0; // of products, forward
  Peak peak = Peak::Float32;
  // That have to be moved, where it is not all of the inputs and outputs once; on the
  // way back, where it is not the inputs, what comes from above, and a gradient of each
  // leading input.
  using Bytes = std::function<double(const Tensors& inputs, const Tensors& outputs)>;
  Bytes bytes = {};
  Bytes bytes_back = {};
};

double bytes_of(const Tensors& tensors);

// Entries of N(0, 1), the same few again and again: large tensors are quickly made.
at::Tensor random_values(at::IntArrayRef sizes, at::ScalarType dtype);

// "bf16", "float32".
std::string name_of(at::ScalarType dtype);
Peak peak_of(at::ScalarType dtype);

// What takes rows one by one; attention and products; experts, codes and sampling.
std::vector<OpBench> row_benches();
std::vector<OpBench> product_benches();
std::vector<OpBench> attention_benches();
std::vector<OpBench> discrete_benches();

} // namespace omni::bench
