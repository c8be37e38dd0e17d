// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cstdlib>

#include "omni/core/errors.h"
#include "omni/core/safetensors_header.h"
#include "tests/fuzz/fuzz.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  const auto file = [](const std::string& json, size_t num_bytes) {
    std::string length(8, '\0');
    length[0] = static_cast<char>(json.size() & 0xFF);
    length[1] = static_cast<char>(json.size() >> 8);
    return length + json + std::string(num_bytes, '\1');
  };
  return {
      file("{}", 0),
      file(
          R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
          R"("b":{"dtype":"BOOL","shape":[],"data_offsets":[24,25]}})",
          25),
      file(
          R"({"__metadata__":{"format":"pt","\u00e9":"\ud83d\ude00"},)"
          R"("w":{"dtype":"BF16","shape":[0,7],"data_offsets":[0,0]},)"
          R"("x":{"dtype":"I64","shape":[1,1,2],"data_offsets":[0,16]}}  )",
          16)};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  const std::string_view bytes = fuzz::as_bytes(data, size);
  const auto file_bytes = static_cast<int64_t>(size);
  try {
    const int64_t length =
        safetensors_header_bytes(bytes.substr(0, 8), file_bytes, "fuzz");
    const SafetensorsHeader header = parse_safetensors_header(
        bytes.substr(8, static_cast<size_t>(length)), file_bytes, "fuzz");
    int64_t covered = header.data_begin;
    for (const auto& [name, entry] : header.tensors) {
      int64_t num_bytes = safetensors_dtype_bytes(entry.dtype);
      for (const int64_t axis : entry.shape) {
        num_bytes *= axis;
      }
      const bool is_inside =
          entry.begin >= header.data_begin && entry.end <= file_bytes;
      if (!is_inside || entry.end - entry.begin != num_bytes) {
        std::abort();
      }
      covered += num_bytes;
    }
    if (covered != file_bytes) {
      std::abort();
    }
  } catch (const IoError&) {
  }
  return 0;
}
