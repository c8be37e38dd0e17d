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
#include <sstream>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/precision.h"
#include "omni/core/safetensors.h"
#include "omni/model/generation_config.h"
#include "omni/model/model_folder.h"
#include "omni/model/omni_model.h"
#include "tokenizers/text/tokenizer_input.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

SamplingOptions read_sampling_defaults(
    const fs::path& folder,
    const OmniConfig& config) {
  const fs::path path = folder / "generation_config.json";
  if (!fs::exists(path)) {
    return {};
  }
  constexpr int64_t kMaxBytes = int64_t{1} << 20;
  const GenerationConfig read =
      parse_generation_config(read_file(path, kMaxBytes), path.string());
  const TokenSpace& space = config.token_space;
  const bool is_said = !read.eos_ids.empty() && space.has_control("eos");
  TORCH_CHECK_VALUE(
      !is_said || read.eos_ids == std::vector<int64_t>{space.control("eos")}, "[load] ",
      path.string(), ": expected eos_token_id ", space.control("eos"),
      " as in config.json, got ", at::IntArrayRef(read.eos_ids), ".");
  return read.sampling;
}

// What does not fit, all of it in one message.
class Mismatches {
 public:
  void add(const std::string& line) {
    constexpr size_t kShown = 20;
    if (count_++ < kShown) {
      text_ << "\n  " << line;
    }
  }
  void check(const fs::path& folder) const {
    TORCH_CHECK_VALUE(
        count_ == 0, "[load] ", folder.string(),
        ": expected the tensors of config.json, got ", count_,
        " differences:", text_.str());
  }

 private:
  size_t count_ = 0;
  std::ostringstream text_;
};

std::string sizes_of(at::IntArrayRef sizes) {
  std::ostringstream text;
  text << sizes;
  return text.str();
}

// Copies or maps `read` into a parameter. Mapped where dtype and device agree: the
// parameter then points into the file.
void set_parameter(at::Tensor& parameter, const at::Tensor& read) {
  const at::NoGradGuard guard;
  if (read.scalar_type() == parameter.scalar_type() && parameter.device().is_cpu()) {
    parameter.set_data(read);
  } else {
    parameter.set_data(read.to(parameter.device(), parameter.scalar_type()));
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
  const OmniConfig config = read_config(folder / "config.json");
  const fs::path tokenizer_path = find_tokenizer_file(folder);
  TORCH_CHECK_VALUE(
      !config.transformer || !tokenizer_path.empty(), "[load] ", folder.string(),
      ": expected tokenizer.model or tokenizer.json, found "
      "neither.");
  const SafetensorsReader reader(folder);
  OmniModel model(
      config, tokenizer_path.empty() ? nullptr : TextTokenizer::load(tokenizer_path),
      InitialParameters::Unset);
  model->set_tokenizer_path(tokenizer_path);
  model->sampling_defaults = read_sampling_defaults(folder, config);
  Mismatches mismatches;
  std::set<std::string> known;
  const auto named = model->named_parameters();
  for (const auto& item : named) {
    known.insert(item.key());
    const auto found = reader.tensors().find(item.key());
    if (found == reader.tensors().end()) {
      mismatches.add("missing " + item.key() + " " + sizes_of(item.value().sizes()));
    } else if (item.value().sizes() != at::IntArrayRef(found->second.shape)) {
      mismatches.add(
          item.key() + ": expected " + sizes_of(item.value().sizes()) + ", got " +
          sizes_of(found->second.shape));
    }
  }
  for (const auto& [name, entry] : reader.tensors()) {
    if (!known.contains(name)) {
      mismatches.add("unexpected " + name + " " + sizes_of(entry.shape));
    }
  }
  mismatches.check(folder);
  const at::ScalarType dtype = options.dtype.value_or(default_dtype());
  const at::NoGradGuard guard;
  for (const auto& item : named) {
    at::Tensor parameter = item.value();
    parameter.set_data(at::empty({0}, at::TensorOptions(options.device).dtype(dtype)));
    set_parameter(parameter, reader.read(item.key()));
  }
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
  for (const auto& item : model->named_parameters()) {
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
  NamedTensors tensors;
  for (const auto& item : named_parameters()) {
    tensors.emplace_back(item.key(), item.value());
  }
  write_safetensors_folder(folder, tensors, max_shard_bytes);
  write_file(folder / "config.json", config_to_json(config));
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
  GenerationConfig generation{sampling_defaults, {}};
  if (config.token_space.has_control("eos")) {
    generation.eos_ids = {config.token_space.control("eos")};
  }
  write_file(folder / "generation_config.json", generation_config_to_json(generation));
}

} // namespace omni
