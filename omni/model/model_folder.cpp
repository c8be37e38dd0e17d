// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model as a folder: config.json, model.safetensors or shards, tokenizer.model or
// tokenizer.json, generation_config.json; examples.txt for people.
#include <ATen/Functions.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <algorithm>
#include <set>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/safetensors.h"
#include "omni/model/generation_config.h"
#include "omni/model/model_folder.h"
#include "omni/model/omni_model.h"
#include "omni/model/published_folder.h"
#include "omni/model/stored_weights.h"
#include "tokenizers/text/tokenizer_input.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

// Stop strings that are special tokens end an answer as ids: no text ever shows them.
void take_stop_tokens(const OmniModel& model, GenerationConfig& config) {
  if (!model->tokenizer) {
    return;
  }
  const auto special = model->tokenizer->special_tokens();
  std::erase_if(config.sampling.stop, [&](const std::string& text) {
    const auto found = special.find(text);
    if (found == special.end()) {
      return false;
    }
    if (config.eos_ids.empty()) {
      config.eos_ids = model->eos_ids;
    }
    const auto& ids = config.eos_ids;
    if (std::find(ids.begin(), ids.end(), found->second) == ids.end()) {
      config.eos_ids.push_back(found->second);
    }
    return true;
  });
}

// How answers are drawn and what ends them, as generation_config.json says.
// `published` is null for a folder of ours.
void read_generation_config(
    const fs::path& folder,
    OmniModel& model,
    PublishedModel* published) {
  const TokenSpace& space = model->config.token_space;
  if (published != nullptr) {
    model->eos_ids = published->eos_ids;
  }
  const fs::path path = folder / "generation_config.json";
  if (!fs::exists(path)) {
    return;
  }
  constexpr int64_t kMaxBytes = int64_t{1} << 20;
  const std::string json = read_file(path, kMaxBytes);
  GenerationConfig read;
  try {
    read = parse_generation_config(
        json, path.string(),
        published != nullptr ? GenerationDefaults::Published
                             : GenerationDefaults::Open);
  } catch (const ValueError& error) {
    throw ValueError("load", path.string() + ": " + error.what());
  } catch (const c10::ValueError& error) {
    throw ValueError("load", path.string() + ": " + error.what_without_backtrace());
  }
  if (published != nullptr) {
    take_stop_tokens(model, read);
  }
  TORCH_CHECK_VALUE(
      published != nullptr || read.eos_ids.empty() || read.eos_ids == model->eos_ids,
      "[load] ", path.string(), ": expected eos_token_id ",
      at::IntArrayRef(model->eos_ids), " as in config.json, got ",
      at::IntArrayRef(read.eos_ids), ".");
  for (const int64_t id : read.eos_ids) {
    TORCH_CHECK_VALUE(
        id >= 0 && id < space.vocab_size(), "[load] ", path.string(),
        ": expected eos_token_id from 0 to ", space.vocab_size() - 1, ", got ", id,
        ".");
  }
  model->sampling_defaults = read.sampling;
  if (!read.eos_ids.empty()) {
    model->eos_ids = read.eos_ids;
  }
  if (published != nullptr) {
    published->generation_json = json;
    published->generation = {model->sampling_defaults, model->eos_ids};
  }
}

bool is_of_part(const std::string& name, const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return name.starts_with(part + ".");
  });
}

// Folder of the shared library (or program) that holds this code.
fs::path library_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&library_folder), &info) == 0 ||
      info.dli_fname == nullptr) {
    return {};
  }
  return fs::path(info.dli_fname).parent_path();
}

} // namespace

OmniModel load(const fs::path& folder, const LoadOptions& options) {
  if (!fs::is_directory(folder)) {
    throw IoError(
        "load", folder.string(),
        "expected a folder with config.json and model.safetensors.");
  }
  constexpr int64_t kMaxConfigBytes = int64_t{2} << 20;
  const fs::path config_path = folder / "config.json";
  std::optional<PublishedModel> published =
      parse_published(read_file(config_path, kMaxConfigBytes), config_path.string());
  const OmniConfig config = published ? published->config : read_config(config_path);
  const fs::path tokenizer_path = find_tokenizer_file(folder);
  // A published checkpoint without one still gives logits.
  TORCH_CHECK_VALUE(
      published || !config.transformer || !tokenizer_path.empty(), "[load] ",
      folder.string(),
      ": expected tokenizer.model or tokenizer.json, found "
      "neither.");
  const SafetensorsReader reader(folder);
  OmniModel model(
      config, tokenizer_path.empty() ? nullptr : TextTokenizer::load(tokenizer_path),
      InitialParameters::Unset);
  model->set_tokenizer_path(tokenizer_path);
  read_generation_config(folder, model, published ? &*published : nullptr);
  if (published) {
    model->published = std::make_shared<const PublishedModel>(*std::move(published));
  }
  model->unused_tensors = load_weights(model, reader, folder, options);
  model->eval();
  return model;
}

fs::path embedded_model_folder() {
  const fs::path near = library_folder();
  for (const fs::path& folder :
       {near / "nano", near / "../share/omni/nano",
        fs::path(OMNI_SOURCE_NANO_FOLDER)}) {
    if (fs::exists(folder / "config.json")) {
      return folder;
    }
  }
  throw IoError(
      "load", near.string(),
      "expected the embedded omni-nano (nano/config.json) beside the library; it is "
      "missing from this installation. Give the folder of another model.");
}

std::string read_examples(const fs::path& folder) {
  constexpr int64_t kMaxBytes = int64_t{64} << 10;
  const fs::path path = folder / "examples.txt";
  return fs::exists(path) ? read_file(path, kMaxBytes) : std::string();
}

OmniModel load() {
  return load(embedded_model_folder());
}

void load_parts(
    OmniModel& model,
    const fs::path& folder,
    const std::vector<std::string>& parts) {
  const SafetensorsReader reader(folder);
  Mismatches mismatches;
  std::set<std::string> found_parts;
  for (const auto& item : stored_values(*model)) {
    if (!is_of_part(item.key(), parts)) {
      continue;
    }
    found_parts.insert(item.key().substr(0, item.key().find('.')));
    if (!reader.has(item.key())) {
      mismatches.add("missing " + item.key());
      continue;
    }
    const at::Tensor read = reader.read(item.key());
    if (read.sizes() != item.value().sizes()) {
      mismatches.add(
          item.key() + ": expected " + sizes_of(item.value().sizes()) + ", got " +
          sizes_of(read.sizes()));
      continue;
    }
    const at::NoGradGuard guard;
    item.value().copy_(read);
  }
  for (const std::string& part : parts) {
    if (!found_parts.contains(part.substr(0, part.find('.')))) {
      mismatches.add("the model has no part \"" + part + "\"");
    }
  }
  mismatches.check(folder);
}

void OmniModelImpl::save(const fs::path& folder, int64_t max_shard_bytes) {
  TORCH_CHECK_VALUE(
      !tokenizer || !tokenizer_path_.empty(),
      "[save] expected a tokenizer that was read from a file, got one without: the "
      "folder could not be loaded again. Give the model the file (C++: "
      "set_tokenizer_path).");
  fs::create_directories(folder);
  write_safetensors_folder(folder, stored_tensors(*this), max_shard_bytes);
  write_file(
      folder / "config.json",
      published ? published->config_json : config_to_json(config));
  if (!tokenizer_path_.empty()) {
    write_file(
        folder / ("tokenizer" + tokenizer_path_.extension().string()),
        read_file(tokenizer_path_));
    // Which of its pieces are special (without it a user could type them), and how a
    // conversation becomes its text.
    for (const char* name :
         {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
      const fs::path beside = tokenizer_path_.parent_path() / name;
      if (fs::exists(beside)) {
        write_file(folder / name, read_file(beside));
      }
    }
    const std::string examples = read_examples(tokenizer_path_.parent_path());
    if (!examples.empty()) {
      write_file(folder / "examples.txt", examples);
    }
  }
  const GenerationConfig generation{sampling_defaults, eos_ids};
  write_file(
      folder / "generation_config.json",
      published ? update_generation_config(
                      published->generation_json, published->generation, generation)
                : generation_config_to_json(generation));
}

} // namespace omni
