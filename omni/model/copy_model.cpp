// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/copy_model.h"

#include <ATen/Functions.h>

namespace omni {
namespace {

using NamedValues = torch::OrderedDict<std::string, at::Tensor>;

void copy_values(const NamedValues& from, NamedValues to) {
  for (auto& item : to) {
    const at::Tensor* source = from.find(item.key());
    if (source == nullptr) {
      continue;
    }
    // A parameter refuses data of another dtype unless it has none.
    item.value().set_data(at::empty({0}, source->options()));
    item.value().set_data(source->detach().clone());
  }
}

} // namespace

OmniModel copy_model(const OmniModel& model) {
  return copy_model(model, model->config);
}

OmniModel copy_model(const OmniModel& model, OmniConfig config) {
  OmniModel twin(std::move(config), model->tokenizer, InitialParameters::Unset);
  twin->set_tokenizer_path(model->tokenizer_path());
  twin->sampling_defaults = model->sampling_defaults;
  twin->eos_ids = model->eos_ids;
  twin->published = model->published;
  twin->unused_tensors = model->unused_tensors;
  twin->train(model->is_training());
  const at::NoGradGuard no_grad;
  copy_values(model->named_parameters(), twin->named_parameters());
  copy_values(model->named_buffers(), twin->named_buffers());
  return twin;
}

} // namespace omni
