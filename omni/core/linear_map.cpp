// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/linear_map.h"

#include <ATen/ATen.h>

#include <mutex>
#include <vector>

#include "kernels/kernels.h"
#include "omni/core/available_memory.h"
#include "omni/core/initial_values.h"

namespace omni {

namespace {

at::Tensor
plain_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!kernels::is_slow_in_bfloat16(x) || weight.scalar_type() != at::kBFloat16) {
    return at::linear(x, weight, bias);
  }
  const at::Tensor exact = bias.defined() ? bias.to(at::kFloat) : bias;
  return at::linear(x.to(at::kFloat), weight.to(at::kFloat), exact).to(x.scalar_type());
}

} // namespace

LinearMapImpl::LinearMapImpl(const LinearMapOptions& options) {
  TORCH_INTERNAL_ASSERT(options.num_maps == 0 || !options.has_bias);
  std::vector<int64_t> sizes = {options.output_width, options.input_width};
  if (options.num_maps > 0) {
    sizes.insert(sizes.begin(), options.num_maps);
  }
  weight = register_parameter("weight", at::empty(sizes));
  num_weights_ = weight.numel();
  bias = register_parameter(
      "bias", options.has_bias ? at::empty({options.output_width}) : at::Tensor(),
      /*requires_grad=*/options.has_bias);
}

void LinearMapImpl::check_gradient(const at::Tensor& x) const {
  TORCH_CHECK_NOT_IMPLEMENTED(
      weight.defined() || !at::GradMode::is_enabled() || !x.requires_grad(),
      "[linear_map] expected no gradient through a quantized weight. Train the model "
      "before it is quantized, or use torch.no_grad().");
}

at::Tensor LinearMapImpl::forward_blocks(const at::Tensor& x, at::IntArrayRef counts) {
  check_gradient(x);
  return weight.defined() ? kernels::grouped_linear(x, weight, counts)
                          : kernels::grouped_packed_linear(x, *packed(), counts);
}

at::Tensor LinearMapImpl::forward(const at::Tensor& x) {
  check_gradient(x);
  const bool is_quantized = !weight.defined();
  const kernels::PackedWeight* fast = packed();
  const bool is_fast = fast != nullptr &&
      (is_quantized ||
       (!at::GradMode::is_enabled() && x.scalar_type() == at::kBFloat16));
  if (!is_fast) {
    return plain_linear(x, weight, bias);
  }
  return kernels::packed_linear(
      x, *fast, bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt);
}

int64_t LinearMapImpl::bytes_to_prepare() const {
  const bool is_wanted = packed() == nullptr && weight.defined() && weight.dim() == 2 &&
      weight.is_cpu() && weight.scalar_type() == at::kBFloat16 &&
      kernels::has_fast_packed_linear();
  return is_wanted ? static_cast<int64_t>(weight.nbytes()) : 0;
}

void LinearMapImpl::prepare() {
  if (bytes_to_prepare() > 0) {
    set_packed(std::make_unique<const Packed>(Packed{
        kernels::pack_weight(weight, kernels::WeightFormat::Bfloat16),
        ValueStamp(weight)}));
  }
}

const kernels::PackedWeight* LinearMapImpl::packed() const {
  const Packed* packed = packed_.load(std::memory_order_acquire);
  const bool is_current =
      packed != nullptr && (!packed->source || *packed->source == ValueStamp(weight));
  return is_current ? &packed->weight : nullptr;
}

void LinearMapImpl::set_packed(std::unique_ptr<const Packed> packed) {
  packed_.store(packed.get(), std::memory_order_release);
  owned_ = std::move(packed);
}

void LinearMapImpl::quantize(kernels::WeightFormat format) {
  set_quantized(kernels::pack_weight(weight, format));
}

void LinearMapImpl::expect_quantized(kernels::WeightFormat format) {
  const int64_t rows = weight.size(-2), columns = weight.size(-1);
  auto sizes = kernels::packed_sizes(format, rows, columns);
  sizes[0] *= weight.dim() == 2 ? 1 : weight.size(0);
  set_quantized({format, rows, columns, at::empty(at::IntArrayRef(sizes), at::kByte)});
}

void LinearMapImpl::set_quantized(kernels::PackedWeight packed) {
  parameters_.erase("weight");
  weight = at::Tensor();
  // The packed weight holds the same tensor, so that what is read into the one is read
  // into the other.
  panels = register_buffer("panels", packed.panels);
  set_packed(std::make_unique<const Packed>(Packed{std::move(packed), std::nullopt}));
}

void LinearMapImpl::check_device(torch::Device device) const {
  TORCH_CHECK_NOT_IMPLEMENTED(
      !panels.defined() || device.is_cpu() || device.is_cuda(),
      "[linear_map] expected device cpu or cuda for a quantized weight, got ", device,
      ".");
}

void LinearMapImpl::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  check_device(device);
  for (at::Tensor& parameter : parameters(/*recurse=*/false)) {
    parameter.set_data(parameter.to(device, dtype, non_blocking));
  }
  if (panels.defined()) {
    panels.set_data(panels.to(device, non_blocking));
  }
}

void LinearMapImpl::to(torch::Dtype dtype, bool non_blocking) {
  for (at::Tensor& parameter : parameters(/*recurse=*/false)) {
    parameter.set_data(parameter.to(dtype, non_blocking));
  }
}

void LinearMapImpl::to(torch::Device device, bool non_blocking) {
  check_device(device);
  Module::to(device, non_blocking);
}

void LinearMapImpl::reset_parameters(double weight_std) {
  fill_normal(weight, weight_std);
  if (bias.defined()) {
    torch::nn::init::zeros_(bias);
  }
}

void prepare_where_there_is_room(const std::vector<LinearMap>& maps) {
  static std::mutex is_preparing;
  const std::lock_guard lock(is_preparing);
  int64_t bytes = 0;
  for (const LinearMap& map : maps) {
    bytes += map->bytes_to_prepare();
  }
  if (bytes > 0 && bytes < available_memory_bytes() / 4) {
    for (const LinearMap& map : maps) {
      map.ptr()->prepare();
    }
  }
}

} // namespace omni
