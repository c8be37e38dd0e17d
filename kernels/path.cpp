// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/path.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>

#include "kernels/load_cuda.h"

namespace omni::kernels {
namespace {

bool has_fused_dtype(const at::Tensor& tensor) {
  return !at::isFloatingType(tensor.scalar_type()) ||
      tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16;
}

// What computes an op on a CUDA device, where its reference is one fused call of
// LibTorch's and no better one of ours.
std::string cuda_call_of_libtorch(std::string_view op) {
  if (op.ends_with("causal_attention") || op == "full_attention") {
    return "scaled_dot_product_attention";
  }
  return op == "depthwise_conv1d" ? "conv1d" : "";
}

bool has_cuda_kernel(const std::string& op) {
  const auto has_kernel = [&] {
    return c10::Dispatcher::singleton()
        .findSchemaOrThrow(("omni::" + op).c_str(), "")
        .hasKernelForDispatchKey(c10::DispatchKey::CUDA);
  };
  return has_kernel() || (load_cuda_ops() && has_kernel());
}

} // namespace

const std::vector<std::string>& op_names() {
  static const std::vector<std::string> names = {
      "add_rms_norm",
      "cached_causal_attention",
      "causal_attention",
      "combine_rows",
      "decode_attention",
      "depthwise_conv1d",
      "fsq_decode",
      "fsq_encode",
      "fsq_quantize",
      "full_attention",
      "gather_rows",
      "geglu",
      "grouped_linear",
      "linear_cross_entropy",
      "packed_linear",
      "patchify",
      "qk_norm_rope",
      "qk_norm_rope_to_cache",
      "quantized_add_rms_norm",
      "residual_vq_decode",
      "residual_vq_encode",
      "rms_norm",
      "route_experts",
      "sample",
      "sample_rows",
      "sort_pairs",
      "splice_rows",
      "swiglu"};
  return names;
}

bool has_fused_dtypes(std::initializer_list<at::Tensor> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
    return !tensor.defined() || has_fused_dtype(tensor);
  });
}

bool takes_cpu_path(std::initializer_list<at::Tensor> tensors) {
  return has_fused_dtypes(tensors) &&
      std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
           return !tensor.defined() || tensor.is_cpu();
         });
}

bool takes_fused_path(const char* op, std::initializer_list<at::Tensor> tensors) {
  return takes_cpu_path(tensors) ||
      (has_fused_dtypes(tensors) &&
       std::all_of(
           tensors.begin(), tensors.end(),
           [](const at::Tensor& tensor) {
             return !tensor.defined() || tensor.is_cuda();
           }) &&
       has_cuda_kernel(op));
}

bool has_values(const at::Tensor& tensor) {
  constexpr c10::DispatchKeySet kTraced{
      c10::DispatchKey::Python, c10::DispatchKey::Functionalize,
      c10::DispatchKey::FuncTorchBatched};
  return tensor.is_cpu() && !tensor.key_set().has_any(kTraced) &&
      tensor.has_storage() && tensor.numel() > 0 && tensor.storage().data() != nullptr;
}

bool needs_gradient(std::initializer_list<at::Tensor> tensors) {
  return at::GradMode::is_enabled() &&
      std::any_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
           return tensor.defined() && tensor.requires_grad();
         });
}

std::string explain(std::string_view op, at::TensorList inputs) {
  const auto& names = op_names();
  TORCH_CHECK_VALUE(
      std::find(names.begin(), names.end(), op) != names.end(),
      "[kernels] expected the name of an op (", c10::Join(", ", names), "), got \"", op,
      "\".");
  std::string dtype = "no floating input", device = "cpu";
  for (const at::Tensor& tensor : inputs) {
    if (!tensor.defined()) {
      continue;
    }
    if (tensor.is_cuda() && has_cuda_kernel(std::string(op))) {
      device = "cuda";
    } else if (!tensor.is_cpu()) {
      const std::string call = tensor.is_cuda() ? cuda_call_of_libtorch(op) : "";
      const bool has_none = tensor.is_cuda() && call.empty() && !load_cuda_ops();
      return c10::str(
          "reference: no fused kernel for ", tensor.device().type(),
          has_none            ? " (" + why_no_cuda_ops() + ")"
              : !call.empty() ? ", LibTorch's " + call
                              : "");
    }
    if (!has_fused_dtype(tensor)) {
      return c10::str("reference: no fused kernel for ", tensor.scalar_type());
    }
    if (at::isFloatingType(tensor.scalar_type()) && dtype == "no floating input") {
      dtype = c10::toString(tensor.scalar_type());
    }
  }
  return device + ": fused, " + dtype;
}

void check_floating(
    const at::Tensor& tensor,
    std::string_view op,
    std::string_view name) {
  TORCH_CHECK_TYPE(
      at::isFloatingType(tensor.scalar_type()), "[", op, "] expected `", name,
      "` of a floating dtype, got ", tensor.scalar_type(), ".");
}

} // namespace omni::kernels
