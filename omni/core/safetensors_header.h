// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The header of a safetensors file (huggingface/safetensors, format description):
// eight bytes of length, JSON, then tensor data. Everything a hostile header can lie
// about is checked here before anything is allocated for it. No torch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

// One tensor as the header declares it.
struct TensorEntry {
  std::string dtype; // "F32", "BF16", …
  std::vector<int64_t> shape;
  int64_t begin = 0; // byte range in the file, half-open
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
  int64_t data_begin = 0; // first byte after the header
};

inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// Bytes of one element; 0 for a dtype we do not know.
[[nodiscard]] int64_t safetensors_dtype_bytes(std::string_view dtype);

// Length of the JSON part, from the first eight bytes. Throws IoError naming `path`
// when it is longer than the file or than kMaxSafetensorsHeaderBytes.
[[nodiscard]] int64_t safetensors_header_bytes(
    std::string_view first_eight,
    int64_t file_bytes,
    const std::string& path);

// Parses and checks the JSON part. Throws IoError naming the tensor and what is wrong:
// not JSON, duplicate names, unknown dtype, shapes that overflow, ranges outside the
// file, of another size than the shape, overlapping, with holes or trailing bytes.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(
    std::string_view json,
    int64_t file_bytes,
    const std::string& path);

} // namespace omni
