// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = pixel * 1 / (255 std) - mean / std. Bytes a value: 1 read, 4 written, once each.
// One thread takes whole patch rows; a patch is patch_size runs of patch_size * 3
// bytes. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <vector>

#include "kernels/cpu/rows.h"
#include "kernels/path.h"

namespace omni::kernels {
namespace {

struct Geometry {
  int64_t patch_size;
  int64_t merge;
  int64_t rows; // patches of one picture, down
  int64_t columns; // and across
};

// `scale` and `shift` repeat the three colours over one run.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void cut_patches(
    const Geometry& g,
    const uint8_t* pixels,
    const float* __restrict scale,
    const float* __restrict shift,
    float* patches,
    int64_t begin,
    int64_t end) {
  const int64_t run = g.patch_size * 3, line = g.columns * run;
  const int64_t in_cell = g.merge * g.merge, cells_across = g.columns / g.merge;
  const int64_t in_picture = g.rows * g.columns;
  for (int64_t patch = begin; patch < end; ++patch) {
    const int64_t picture = patch / in_picture, place = patch % in_picture;
    const int64_t cell = place / in_cell, inner = place % in_cell;
    const int64_t row = cell / cells_across * g.merge + inner / g.merge;
    const int64_t column = cell % cells_across * g.merge + inner % g.merge;
    const uint8_t* top =
        pixels + (picture * g.rows + row) * g.patch_size * line + column * run;
    for (int64_t y = 0; y < g.patch_size; ++y) {
      const uint8_t* __restrict in = top + y * line;
      float* __restrict out = patches + (patch * g.patch_size + y) * run;
#pragma omp simd
      for (int64_t i = 0; i < run; ++i) {
        out[i] = static_cast<float>(in[i]) * scale[i] + shift[i];
      }
    }
  }
}

at::Tensor patchify_cpu(
    const at::Tensor& pixels,
    at::ArrayRef<double> mean,
    at::ArrayRef<double> std,
    int64_t patch_size,
    int64_t merge) {
  check_patchify(pixels, to_patchify_options(mean, std, patch_size, merge));
  const at::Tensor in = pixels.contiguous();
  const Geometry geometry{
      patch_size, merge, in.size(1) / patch_size, in.size(2) / patch_size};
  const int64_t num_patches = in.size(0) * geometry.rows * geometry.columns;
  const int64_t run = patch_size * 3, width = patch_size * run;
  const at::Tensor out =
      at::empty({num_patches, width}, in.options().dtype(at::kFloat));
  std::vector<float> scale(run), shift(run);
  for (int64_t i = 0; i < run; ++i) {
    scale[i] = static_cast<float>(1.0 / (255.0 * std[i % 3]));
    shift[i] = static_cast<float>(-mean[i % 3] / std[i % 3]);
  }
  const auto* source = in.const_data_ptr<uint8_t>();
  auto* target = out.mutable_data_ptr<float>();
  at::parallel_for(
      0, num_patches, cpu::rows_per_task(width, 32768),
      [&](int64_t begin, int64_t end) {
        cut_patches(geometry, source, scale.data(), shift.data(), target, begin, end);
      });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("patchify", &patchify_cpu);
}

} // namespace omni::kernels
