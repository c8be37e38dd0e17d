// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/packed_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <torch/library.h>

#include "kernels/cpu/huge_memory.h"
#include "kernels/cpu/packed_panels.h"
#include "kernels/cpu/packed_product.h"
#include "kernels/path.h"
#include "kernels/reference.h"
#include "kernels/row_blocks.h"

namespace omni::kernels {
namespace {

std::byte* panel_of(const at::Tensor& panels, int64_t index) {
  return reinterpret_cast<std::byte*>(panels.data_ptr<uint8_t>()) +
      index * panels.size(1);
}

at::Tensor huge_tensor(const std::array<int64_t, 2>& sizes) {
  const auto memory = cpu::take_huge_memory(sizes[0] * sizes[1]);
  return at::from_blob(
      memory.get(), at::IntArrayRef(sizes), [memory](void*) {}, at::kByte);
}

at::Tensor call(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::packed_linear", "")
                             .typed<decltype(call)>();
  return op.call(x, panels, bias, format, num_rows);
}

at::Tensor by_reference(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  check_packed_linear(x, panels, bias, format, num_rows);
  const NoAutocast no_autocast;
  return reference::packed_linear(
      x, {static_cast<WeightFormat>(format), num_rows, x.size(-1), panels}, bias);
}

at::Tensor meta(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  check_packed_linear(x, panels, bias, format, num_rows);
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = num_rows;
  return at::empty(sizes, x.options());
}

} // namespace

void check_packed_linear(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  check_floating(x, "packed_linear", "x");
  TORCH_CHECK_VALUE(
      format >= 0 && format <= static_cast<int64_t>(WeightFormat::Int4),
      "[packed_linear] expected a format in [0, ",
      static_cast<int64_t>(WeightFormat::Int4), "], got ", format, ".");
  TORCH_CHECK_VALUE(
      x.dim() >= 1 && x.size(-1) > 0 && num_rows > 0,
      "[packed_linear] expected x [.., I] and O rows, both positive, got x ", x.sizes(),
      " and ", num_rows, " rows.");
  const auto sizes =
      packed_sizes(static_cast<WeightFormat>(format), num_rows, x.size(-1));
  TORCH_CHECK_VALUE(
      panels.scalar_type() == at::kByte && panels.sizes() == at::IntArrayRef(sizes) &&
          panels.is_contiguous(),
      "[packed_linear] expected panels uint8 ", at::IntArrayRef(sizes),
      " of a weight [", num_rows, ", ", x.size(-1), "], got ", panels.scalar_type(),
      " ", panels.sizes(), ".");
  TORCH_CHECK_VALUE(
      !bias || (bias->dim() == 1 && bias->size(0) == num_rows),
      "[packed_linear] expected bias [", num_rows, "], got ",
      bias ? bias->sizes() : at::IntArrayRef(), ".");
}

std::array<int64_t, 2>
packed_sizes(WeightFormat format, int64_t num_rows, int64_t num_columns) {
  return {cpu::num_panels(num_rows), cpu::panel_bytes(format, num_columns)};
}

PackedWeight pack_weight(const at::Tensor& weight, WeightFormat format) {
  check_floating(weight, "pack_weight", "weight");
  TORCH_CHECK_VALUE(
      (weight.dim() == 2 || weight.dim() == 3) && weight.numel() > 0 && weight.is_cpu(),
      "[pack_weight] expected weight [O, I] or [E, O, I] on the CPU, not empty, got ",
      weight.sizes(), " on ", weight.device(), ".");
  const at::Tensor weights = weight.dim() == 2 ? weight.unsqueeze(0) : weight;
  const int64_t rows = weights.size(1), columns = weights.size(2);
  auto sizes = packed_sizes(format, rows, columns);
  const int64_t panels_of_one = sizes[0];
  sizes[0] *= weights.size(0);
  PackedWeight packed{format, rows, columns, huge_tensor(sizes)};
  at::parallel_for(0, sizes[0], 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t first = panel % panels_of_one * cpu::kPanelRows;
      const int64_t count = std::min(cpu::kPanelRows, rows - first);
      const at::Tensor entries = weights.detach()
                                     .select(0, panel / panels_of_one)
                                     .narrow(0, first, count)
                                     .to(at::kFloat)
                                     .contiguous();
      cpu::pack_panel(
          format, entries.const_data_ptr<float>(), columns, count, columns,
          panel_of(packed.panels, panel));
    }
  });
  return packed;
}

at::Tensor unpack_weight(const PackedWeight& weight) {
  const at::Tensor panels = weight.panels.cpu();
  const int64_t columns = weight.num_columns;
  at::Tensor entries = at::empty({weight.num_rows, columns}, at::kFloat);
  auto* rows = entries.mutable_data_ptr<float>();
  at::parallel_for(0, panels.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t first = panel * cpu::kPanelRows;
      cpu::unpack_panel(
          weight.format, panel_of(panels, panel),
          std::min(cpu::kPanelRows, weight.num_rows - first), columns,
          rows + first * columns, columns);
    }
  });
  return entries;
}

at::Tensor packed_linear(
    const at::Tensor& x,
    const PackedWeight& weight,
    const std::optional<at::Tensor>& bias) {
  // The op sees padded panels only.
  TORCH_CHECK_VALUE(
      x.dim() >= 1 && x.size(-1) == weight.num_columns,
      "[packed_linear] expected x [.., ", weight.num_columns, "], got ", x.sizes(),
      ".");
  return call(
      x, weight.panels, bias, static_cast<int64_t>(weight.format), weight.num_rows);
}

at::Tensor grouped_packed_linear(
    const at::Tensor& x,
    const PackedWeight& weights,
    at::IntArrayRef counts) {
  const int64_t panels_of_one = cpu::num_panels(weights.num_rows);
  TORCH_CHECK_VALUE(
      x.dim() == 2 && x.size(1) == weights.num_columns,
      "[grouped_packed_linear] expected x [N, ", weights.num_columns, "], got ",
      x.sizes(), ".");
  check_blocks("grouped_packed_linear", counts, x.size(0));
  TORCH_CHECK_VALUE(
      weights.panels.size(0) == static_cast<int64_t>(counts.size()) * panels_of_one,
      "[grouped_packed_linear] expected a count for each of ",
      weights.panels.size(0) / panels_of_one, " weights, got ", counts.size(), ".");
  std::vector<at::Tensor> blocks;
  PackedWeight weight = weights;
  for_blocks(counts, [&](int64_t block, int64_t begin, int64_t count) {
    weight.panels = weights.panels.narrow(0, block * panels_of_one, panels_of_one);
    blocks.push_back(packed_linear(x.narrow(0, begin, count), weight));
  });
  return blocks.empty() ? at::empty({0, weights.num_rows}, x.options())
                        : at::cat(blocks);
}

bool has_fast_packed_linear() {
  return cpu::has_fast_products();
}

bool is_bfloat16_fast() {
  static const bool is_fast = at::get_cpu_capability() == "AVX512";
  return is_fast;
}

bool is_slow_in_bfloat16(const at::Tensor& x) {
  constexpr int64_t kManyRows = 16;
  return !is_bfloat16_fast() && x.is_cpu() && x.scalar_type() == at::kBFloat16 &&
      x.numel() >= kManyRows * x.size(-1) &&
      !at::autocast::is_autocast_enabled(at::kCPU);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "packed_linear(Tensor x, Tensor panels, Tensor? bias, int format, int num_rows) "
      "-> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("packed_linear", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("packed_linear", &meta);
}

} // namespace omni::kernels
