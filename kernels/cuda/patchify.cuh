// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = (pixels / 255 - mean) / std, cut into patches.
// Shapes: pixels uint8 [N, Y, X, 3] -> out float32 or bfloat16 [P, S * S * 3] with S
// the patch size: pictures in order, cells of merge x merge patches row by row, the
// patches of a cell row by row, inside a patch (y, x, colour). Nothing is accumulated.
// A thread block: one patch; neighbours in it are neighbours in a row of pixels.
// Bytes an entry: 1 + sizeof(T).
#pragma once

#include "kernels/cuda/cuda_types.cuh"
#include "kernels/cuda/patchify_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kPatchifyMostThreads = 256;

template <typename T>
Launch patchify_launch(const Patchify<T>& args) {
  const int64_t patches = args.num_pictures * (args.height / args.patch_size) *
      (args.width / args.patch_size);
  const int entries = args.patch_size * args.patch_size * kColours;
  return {patches, 1, threads_for(entries, kPatchifyMostThreads), 0};
}

template <typename T>
__global__ void patchify_kernel(Patchify<T> args) {
  const int columns = args.width / args.patch_size;
  const int patches_of_picture = args.height / args.patch_size * columns;
  const int64_t picture = blockIdx.x / patches_of_picture;
  // In a picture: cell, then patch of the cell.
  const int patch = static_cast<int>(blockIdx.x) % patches_of_picture;
  const int cell = patch / (args.merge * args.merge);
  const int inside = patch % (args.merge * args.merge);
  const int cell_columns = columns / args.merge;
  const int row = cell / cell_columns * args.merge + inside / args.merge;
  const int column = cell % cell_columns * args.merge + inside % args.merge;

  const int run = args.patch_size * kColours; // bytes of a patch in one row of pixels
  const int entries = args.patch_size * run;
  const int64_t row_bytes = int64_t{args.width} * kColours;
  const uint8_t* from = args.pixels +
      (picture * args.height + int64_t{row} * args.patch_size) * row_bytes +
      int64_t{column} * run;
  T* to = args.out + int64_t{blockIdx.x} * entries;
  for (int i = threadIdx.x; i < entries; i += blockDim.x) {
    const int y = i / run, x = i % run, colour = x % kColours;
    const float pixel = static_cast<float>(from[y * row_bytes + x]) / 255.0f;
    // Not indexed by a variable: that would put the constants into local memory.
    const float mean = colour == 0 ? args.mean[0]
        : colour == 1              ? args.mean[1]
                                   : args.mean[2];
    const float std = colour == 0 ? args.std[0]
        : colour == 1             ? args.std[1]
                                  : args.std[2];
    to[i] = from_float<T>((pixel - mean) / std);
  }
}

} // namespace omni::kernels::cuda
