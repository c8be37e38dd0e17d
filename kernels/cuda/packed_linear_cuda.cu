// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/packed_linear.cuh"

namespace omni::kernels::cuda {

// Calls `run` with the panels' type.
template <typename Run>
void for_panel(PackedFormat format, const Run& run) {
  switch (format) {
    case PackedFormat::Bfloat16:
      return run(Bfloat16Panel());
    case PackedFormat::Int8:
      return run(Int8Panel());
    case PackedFormat::Int4:
      return run(Int4Panel());
  }
}

template <int kRows, typename Panel, typename T>
void start_packed_linear(const PackedLinear<T>& args, Stream stream) {
  const auto kernel = packed_linear_takes_packs<Panel>(args)
      ? packed_linear_kernel<Panel, kRows, Panel::kColumns, T>
      : packed_linear_kernel<Panel, kRows, 1, T>;
  start("packed_linear", packed_linear_launch<Panel>(args), stream, kernel, args);
}

template <typename T>
void launch_packed_linear(
    PackedFormat format,
    const PackedLinear<T>& args,
    Stream stream) {
  for_panel(format, [&](auto panel) {
    using Panel = decltype(panel);
    if (packed_rows_together(args.num_rows) == 1) {
      start_packed_linear<1, Panel>(args, stream);
    } else {
      start_packed_linear<kPackedRows, Panel>(args, stream);
    }
  });
}

template void launch_packed_linear(PackedFormat, const PackedLinear<float>&, Stream);
template void launch_packed_linear(PackedFormat, const PackedLinear<Bf16>&, Stream);

template <typename T>
void launch_unpack_panels(
    PackedFormat format,
    const UnpackPanels<T>& args,
    Stream stream) {
  for_panel(format, [&](auto panel) {
    using Panel = decltype(panel);
    const auto kernel = unpack_panels_takes_packs<Panel>(args)
        ? unpack_panels_kernel<Panel, Panel::kColumns, T>
        : unpack_panels_kernel<Panel, 1, T>;
    start("unpack_panels", unpack_panels_launch<Panel>(args), stream, kernel, args);
  });
}

template void launch_unpack_panels(PackedFormat, const UnpackPanels<float>&, Stream);
template void launch_unpack_panels(PackedFormat, const UnpackPanels<Bf16>&, Stream);

} // namespace omni::kernels::cuda
