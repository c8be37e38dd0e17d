// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of patchify.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

inline constexpr int kColours = 3;

template <typename T>
struct Patchify {
  const uint8_t* pixels = nullptr;
  T* out = nullptr;
  int64_t num_pictures = 0; // N
  int height = 0; // Y, a multiple of patch_size * merge
  int width = 0; // X, likewise
  int patch_size = 0; // S
  int merge = 1;
  float mean[kColours] = {};
  float std[kColours] = {1.0f, 1.0f, 1.0f};
};

void launch_patchify(const Patchify<float>& args, Stream stream);

} // namespace omni::kernels::cuda
