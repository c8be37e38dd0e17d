// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Each fuzz_*.cpp has the entry point of libFuzzer (clang -fsanitize=fuzzer) and the
// inputs to begin with; fuzz_driver.cpp runs it with other compilers: a fixed number of
// mutations, the same ones each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Must return 0; whatever it finds, it finds by crashing or by a sanitizer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace omni::fuzz {

// Sound inputs, from which the driver makes others.
std::vector<std::string> seeds();

inline std::string_view as_bytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

} // namespace omni::fuzz
