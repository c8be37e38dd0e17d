// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/packed_linear_cuda.h"

#include <torch/library.h>

#include <algorithm>

#include "kernels/cpu/packed_panels.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

static_assert(
    static_cast<int>(PackedFormat::Bfloat16) ==
    static_cast<int>(WeightFormat::Bfloat16));
static_assert(
    static_cast<int>(PackedFormat::Int8) == static_cast<int>(WeightFormat::Int8));
static_assert(
    static_cast<int>(PackedFormat::Int4) == static_cast<int>(WeightFormat::Int4));
static_assert(kPanelRows == cpu::kPanelRows && kGroupColumns == cpu::kGroupColumns);
static_assert(kInt8Codes == cpu::kInt8Codes && kInt8Group == cpu::kInt8Group);
static_assert(kInt4Codes == cpu::kInt4Codes && kInt4Group == cpu::kInt4Group);
static_assert(
    kInt4ZeroBits == cpu::kInt4ZeroBits && kInt4ScaleBits == cpu::kInt4ScaleBits);
static_assert(
    kBfloat16Group == cpu::panel_bytes(WeightFormat::Bfloat16, kGroupColumns));

// Note [Few and many rows]
// The kernel reads the panels again for every 4 rows, about a byte an entry. Unpacking
// first moves 5 (a byte read, two written, two read by the product) and then has the
// fastest product there is: so it pays from a few times 4 rows on.
constexpr int64_t kFewRows = 16;
// Entries that are unpacked at once: 32 MiB of bfloat16, whatever the weight's size.
constexpr int64_t kUnpackedEntries = int64_t{1} << 24;

// x [N, I] and bias of one dtype, all contiguous.
struct PackedProduct {
  PackedFormat format;
  int64_t num_rows; // O
  at::Tensor x, panels, bias;
};

at::Tensor by_kernel(const PackedProduct& product, Stream stream) {
  const at::Tensor& x = product.x;
  const at::Tensor out = at::empty({x.size(0), product.num_rows}, x.options());
  for_dtype(x.scalar_type(), [&]<typename T>(Type<T>) {
    launch_packed_linear<T>(
        product.format,
        {entries<T>(x), entries<uint8_t>(product.panels), entries<T>(product.bias),
         mutable_entries<T>(out), x.size(0), product.num_rows, x.size(1),
         product.panels.size(1)},
        stream);
  });
  return out;
}

// The rows of the weight that some panels hold, [count, I] in x's dtype.
at::Tensor unpacked(
    const PackedProduct& product,
    int64_t first_panel,
    int64_t count,
    Stream stream) {
  const at::Tensor& x = product.x;
  const at::Tensor out = at::empty({count, x.size(1)}, x.options());
  for_dtype(x.scalar_type(), [&]<typename T>(Type<T>) {
    launch_unpack_panels<T>(
        product.format,
        {entries<uint8_t>(product.panels.narrow(
             0, first_panel, product.panels.size(0) - first_panel)),
         mutable_entries<T>(out), count, x.size(1), product.panels.size(1)},
        stream);
  });
  return out;
}

at::Tensor by_unpacking(const PackedProduct& product, Stream stream) {
  const at::Tensor& x = product.x;
  const int64_t panels_at_once =
      std::max<int64_t>(1, kUnpackedEntries / (kPanelRows * x.size(1)));
  const int64_t step = panels_at_once * kPanelRows;
  const at::Tensor out = at::empty({x.size(0), product.num_rows}, x.options());
  for (int64_t first = 0; first < product.num_rows; first += step) {
    const int64_t count = std::min(step, product.num_rows - first);
    const at::Tensor weight = unpacked(product, first / kPanelRows, count, stream);
    const at::Tensor bias =
        product.bias.defined() ? product.bias.narrow(0, first, count) : at::Tensor();
    const at::Tensor part = at::linear(x, weight, bias);
    if (count == product.num_rows) {
      return part;
    }
    out.narrow(1, first, count).copy_(part);
  }
  return out;
}

at::Tensor aligned(const at::Tensor& panels) {
  const auto address = reinterpret_cast<uintptr_t>(panels.const_data_ptr());
  return address % kPanelAlignment == 0 ? panels : panels.clone();
}

at::Tensor packed_linear_cuda(
    const at::Tensor& x,
    const at::Tensor& panels,
    const std::optional<at::Tensor>& bias,
    int64_t format,
    int64_t num_rows) {
  check_packed_linear(x, panels, bias, format, num_rows);
  const NoAutocast no_autocast;
  const at::Tensor given = or_undefined(bias);
  const OnDevice device("packed_linear", {x, panels, given});
  if (!has_fused_dtypes({x})) {
    return reference::packed_linear(
        x, {static_cast<WeightFormat>(format), num_rows, x.size(-1), panels}, bias);
  }
  const PackedProduct product{
      static_cast<PackedFormat>(format), num_rows, as_rows(x).contiguous(),
      aligned(panels),
      given.defined() ? given.to(x.scalar_type()).contiguous() : given};
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = num_rows;
  const bool is_few = product.x.size(0) <= kFewRows;
  return (is_few ? by_kernel(product, device.stream())
                 : by_unpacking(product, device.stream()))
      .view(sizes);
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("packed_linear", &packed_linear_cuda);
}

} // namespace omni::kernels::cuda
