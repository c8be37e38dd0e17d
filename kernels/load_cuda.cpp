// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/load_cuda.h"

#include <dlfcn.h>

#include <filesystem>

namespace omni::kernels {
namespace {

// Empty where it is loaded, which it stays.
std::string load_beside_kernels() {
  Dl_info own;
  dladdr(reinterpret_cast<const void*>(&load_cuda_ops), &own);
  const std::filesystem::path library =
      std::filesystem::path(own.dli_fname).parent_path() / "libomni_kernels_cuda.so";
  if (!std::filesystem::exists(library)) {
    return "expected " + library.string() + ", got none: built with OMNI_CUDA=OFF";
  }
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
    return std::string("expected CUDA ops to load, got: ") + dlerror();
  }
  return "";
}

} // namespace

const std::string& why_no_cuda_ops() {
  static const std::string reason = load_beside_kernels();
  return reason;
}

bool load_cuda_ops() {
  return why_no_cuda_ops().empty();
}

} // namespace omni::kernels
