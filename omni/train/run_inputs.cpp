// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/run_inputs.h"

#include <set>

#include "omni/core/digest.h"
#include "omni/core/file_io.h"

namespace omni {

std::map<std::string, std::string> digest_inputs(
    const TrainConfig& config,
    const OmniModelImpl& model,
    const std::vector<Dataset>& datasets,
    const NamedTensors& trained) {
  std::map<std::string, std::string> digests;
  digests["the model's configuration"] = digest(config_to_json(model.config));
  if (!config.tokenizer.empty()) {
    digests["the tokenizer"] = digest(read_file(config.tokenizer));
  }
  for (size_t i = 0; i < datasets.size(); ++i) {
    const DataSource& source = config.train[i];
    std::string name = "the training data ";
    name += source.name.empty() ? source.data : source.name;
    digests[name] = datasets[i].digest();
  }
  std::set<std::string> is_trained;
  for (const auto& [name, tensor] : trained) {
    is_trained.insert(name);
  }
  std::map<std::string, std::string> of_part;
  for (const auto& item : model.named_parameters()) {
    if (!is_trained.contains(item.key())) {
      const std::string part = item.key().substr(0, item.key().find('.'));
      of_part[part] += item.key() + digest(item.value());
    }
  }
  for (const auto& [part, digests_of_tensors] : of_part) {
    digests["the weights of " + part] = digest(digests_of_tensors);
  }
  return digests;
}

std::string changed_inputs(
    const std::map<std::string, std::string>& saved,
    const std::map<std::string, std::string>& now) {
  if (saved.empty()) {
    return {};
  }
  std::map<std::string, std::string> all = saved;
  all.insert(now.begin(), now.end());
  std::string changed;
  for (const auto& [name, digest] : all) {
    const auto before = saved.find(name);
    const auto after = now.find(name);
    if (before == saved.end() || after == now.end() ||
        before->second != after->second) {
      changed += (changed.empty() ? "" : ", ") + name;
    }
  }
  return changed;
}

} // namespace omni
