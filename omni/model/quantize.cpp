// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/quantize.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "omni/model/copy_model.h"
#include "omni/model/published_folder.h"
#include "omni/model/quantization_config.h"

namespace omni {
namespace {

void check_quantizable(const OmniModel& model) {
  const OmniConfig& config = model->config;
  TORCH_CHECK_VALUE(
      model->transformer || model->vit || model->conformer,
      "[quantize] expected a model with a transformer or an encoder, got \"",
      config.name, "\" without one.");
  TORCH_CHECK_VALUE(
      !config.weight_format, "[quantize] expected a model of floating weights, got \"",
      config.name, "\" of ", weight_format_name(*config.weight_format),
      " weights. Quantize the model that it was made from.");
  TORCH_CHECK_NOT_IMPLEMENTED(
      model->device().is_cpu(), "[quantize] expected a model on cpu, got one on ",
      model->device(), ". Move it there first.");
}

std::shared_ptr<const PublishedModel> described(
    const PublishedModel& model,
    kernels::WeightFormat format) {
  PublishedModel quantized = model;
  quantized.config_json = add_quantization_config(model.config_json, format);
  quantized.config.weight_format = format;
  return std::make_shared<const PublishedModel>(std::move(quantized));
}

// The panels of `quantized`, one weight after the other.
void pack_weights(const OmniModelImpl& model, const OmniModelImpl& quantized) {
  const auto sources = model.named_modules("", /*include_self=*/false);
  for (const auto& item : quantized.named_modules("", /*include_self=*/false)) {
    const auto* map = item.value()->as<LinearMapImpl>();
    if (map == nullptr || !map->panels.defined()) {
      continue;
    }
    const at::Tensor weight = sources[item.key()]->as<LinearMapImpl>()->weight.detach();
    const auto [least, most] = weight.aminmax(); // NaN if any is
    TORCH_CHECK_VALUE(
        std::isfinite(least.item<double>()) && std::isfinite(most.item<double>()),
        "[quantize] expected finite weights, got NaN or infinity in ", item.key(),
        ".weight.");
    map->panels.set_data(kernels::pack_weight(weight, map->packed()->format).panels);
  }
}

} // namespace

OmniModel quantize(const OmniModel& model, kernels::WeightFormat format) {
  check_quantizable(model);
  static_cast<void>(weight_format_name(format)); // which refuses bfloat16
  OmniConfig config = model->config;
  config.weight_format = format;
  OmniModel quantized = copy_model(model, std::move(config));
  pack_weights(*model, *quantized);
  if (model->published) {
    quantized->published = described(*model->published, format);
  }
  return quantized;
}

} // namespace omni
