// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/digest.h"

#include <ATen/Functions.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <sstream>

namespace omni {
namespace {

std::string hexadecimal(XXH128_hash_t hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint64_t part : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      text += kDigits[part >> shift & 0xF];
    }
  }
  return text;
}

} // namespace

std::string digest(std::string_view bytes) {
  return hexadecimal(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string digest(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().cpu().contiguous();
  std::ostringstream shape;
  shape << dense.scalar_type() << dense.sizes();
  const std::string text = shape.str();
  const uint64_t seed = XXH3_64bits(text.data(), text.size());
  return hexadecimal(
      XXH3_128bits_withSeed(dense.const_data_ptr(), dense.nbytes(), seed));
}

} // namespace omni
