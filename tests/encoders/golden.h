// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Reads the raw arrays that tests/golden/make_*.py write.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace omni::testing {

// The whole file as one flat tensor of `dtype`.
inline at::Tensor read_golden(const std::string& name, at::ScalarType dtype) {
  const std::filesystem::path path = std::filesystem::path(OMNI_GOLDEN_DIR) / name;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read golden file " + name);
  }
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  const auto size = static_cast<int64_t>(bytes.size() / c10::elementSize(dtype));
  return at::from_blob(bytes.data(), {size}, dtype).clone();
}

// Cuts pieces off the front of a flat tensor.
class GoldenReader {
 public:
  GoldenReader(const std::string& name, at::ScalarType dtype)
      : rest_(read_golden(name, dtype)) {}

  at::Tensor next(at::IntArrayRef shape) {
    const int64_t count = c10::multiply_integers(shape);
    at::Tensor piece = rest_.narrow(0, 0, count).view(shape);
    rest_ = rest_.narrow(0, count, rest_.numel() - count);
    return piece;
  }
  [[nodiscard]] bool is_empty() const {
    return rest_.numel() == 0;
  }

 private:
  at::Tensor rest_;
};

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

} // namespace omni::testing
