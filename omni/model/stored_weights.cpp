// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/stored_weights.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <set>

#include "kernels/load_cuda.h"
#include "omni/core/precision.h"
#include "omni/model/published_folder.h"

namespace omni {
namespace {

constexpr const char* kTransformer = "transformer.";
constexpr const char* kPanels = ".panels"; // under our name in folders of any kind

// Where a parameter lies in the folder the model is of.
StoredParameter
stored_of(const OmniModelImpl& model, const std::string& name, at::IntArrayRef sizes) {
  if (model.published && name.starts_with(kTransformer) && !name.ends_with(kPanels)) {
    return model.published->names.find(
        name.substr(std::string(kTransformer).size()), sizes,
        *model.config.transformer);
  }
  const int64_t rows = sizes.empty() ? 1 : sizes[0];
  return {{{{name, std::nullopt, 0, rows}}}, false};
}

// The layout that the folder has the first tensor of, else the published one.
const std::vector<StoredPiece>& layout_in(
    const SafetensorsReader& reader,
    const StoredParameter& stored) {
  for (const std::vector<StoredPiece>& layout : stored.layouts) {
    if (reader.has(layout.front().name)) {
      return layout;
    }
  }
  return stored.layouts.front();
}

// Sizes of a piece, which owns no memory yet.
std::vector<int64_t> sizes_of_piece(const StoredPiece& piece, at::IntArrayRef sizes) {
  std::vector<int64_t> shape(sizes.begin() + (piece.expert ? 1 : 0), sizes.end());
  if (!shape.empty()) {
    shape[0] = piece.num_rows;
  }
  return shape;
}

// What chooses by small differences, experts or rows, stays float32 (as transformers
// keeps it).
at::ScalarType dtype_of(const std::string& name, at::ScalarType dtype) {
  if (name.ends_with(kPanels)) {
    return at::kByte;
  }
  const bool chooses = name.find(".router.") != std::string::npos ||
      name.find(".index.head_weights.") != std::string::npos;
  return chooses ? at::kFloat : dtype;
}

// Products read panels by whole lines of memory; other writers may place them anywhere.
at::Tensor aligned(const at::Tensor& tensor) {
  constexpr uintptr_t kLineBytes = 64;
  const auto address = reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
  const bool is_panels = tensor.scalar_type() == at::kByte;
  return is_panels && address % kLineBytes != 0 ? tensor.clone() : tensor;
}

struct ToRead {
  at::Tensor parameter;
  at::ScalarType dtype;
  std::vector<StoredPiece> pieces; // empty: zeros
};

// Mapped where it is one tensor as asked for: the parameter then points into the file.
void read_into(
    ToRead& to_read,
    const SafetensorsReader& reader,
    const at::Device& device) {
  at::Tensor& parameter = to_read.parameter;
  const at::TensorOptions like = at::TensorOptions(device).dtype(to_read.dtype);
  const std::vector<int64_t> sizes = parameter.sizes().vec();
  // A parameter refuses data of another dtype unless it has none.
  parameter.set_data(at::empty({0}, like));
  if (to_read.pieces.empty()) {
    parameter.set_data(at::zeros(sizes, like));
    return;
  }
  const bool is_whole = to_read.pieces.size() == 1 && !to_read.pieces.front().expert;
  if (is_whole) {
    parameter.set_data(aligned(reader.read(to_read.pieces.front().name).to(like)));
    return;
  }
  const at::Tensor joined = at::empty(sizes, like);
  for (const StoredPiece& piece : to_read.pieces) {
    piece.of(joined).copy_(reader.read(piece.name));
  }
  parameter.set_data(joined);
}

} // namespace

void Mismatches::add(const std::string& line) {
  constexpr size_t kShown = 20;
  if (count_++ < kShown) {
    text_ << "\n  " << line;
  }
}

void Mismatches::check(const std::filesystem::path& folder) const {
  TORCH_CHECK_VALUE(
      count_ == 0, "[load] ", folder.string(),
      ": expected the tensors of config.json, got ", count_,
      " differences:", text_.str());
}

std::string sizes_of(at::IntArrayRef sizes) {
  std::ostringstream text;
  text << sizes;
  return text.str();
}

torch::OrderedDict<std::string, at::Tensor> stored_values(const OmniModelImpl& model) {
  auto values = model.named_parameters();
  for (const auto& item : model.named_modules("", /*include_self=*/false)) {
    const auto* map = item.value()->as<LinearMapImpl>();
    if (map != nullptr && map->panels.defined()) {
      values.insert(item.key() + kPanels, map->panels);
    }
  }
  return values;
}

std::vector<std::string> load_weights(
    OmniModel& model,
    const SafetensorsReader& reader,
    const std::filesystem::path& folder,
    const LoadOptions& options) {
  TORCH_CHECK_NOT_IMPLEMENTED(
      !model->config.weight_format || options.device.is_cpu() ||
          options.device.is_cuda(),
      "[load] ", folder.string(),
      ": expected device cpu or cuda for quantized weights, got ", options.device, ".");
  if (options.device.is_cuda()) {
    kernels::load_cuda_ops(); // where there are none, ATen's own do
  }
  const at::ScalarType dtype = options.dtype.value_or(default_dtype());
  Mismatches mismatches;
  std::set<std::string> known;
  std::vector<ToRead> all;
  for (const auto& item : stored_values(*model)) {
    const at::Tensor& parameter = item.value();
    const StoredParameter stored = stored_of(*model, item.key(), parameter.sizes());
    ToRead to_read{parameter, dtype_of(item.key(), dtype), layout_in(reader, stored)};
    if (stored.is_zero_when_missing && !reader.has(to_read.pieces.front().name)) {
      to_read.pieces.clear();
    }
    for (const StoredPiece& piece : to_read.pieces) {
      known.insert(piece.name);
      const std::vector<int64_t> sizes = sizes_of_piece(piece, parameter.sizes());
      const auto found = reader.tensors().find(piece.name);
      if (found == reader.tensors().end()) {
        mismatches.add("missing " + piece.name + " " + sizes_of(sizes));
      } else if (sizes != found->second.shape) {
        mismatches.add(
            piece.name + ": expected " + sizes_of(sizes) + ", got " +
            sizes_of(found->second.shape));
      } else if (to_read.dtype == at::kByte && found->second.dtype != "U8") {
        mismatches.add(piece.name + ": expected U8, got " + found->second.dtype);
      }
    }
    all.push_back(std::move(to_read));
  }
  std::vector<std::string> unused;
  for (const auto& [name, entry] : reader.tensors()) {
    if (known.contains(name)) {
      continue;
    }
    if (model->published && model->published->names.is_unused(name)) {
      unused.push_back(name);
    } else {
      mismatches.add("unexpected " + name + " " + sizes_of(entry.shape));
    }
  }
  mismatches.check(folder);
  const at::NoGradGuard guard;
  for (ToRead& to_read : all) {
    read_into(to_read, reader, options.device);
  }
  return unused;
}

NamedTensors stored_tensors(const OmniModelImpl& model) {
  NamedTensors tensors;
  for (const auto& item : stored_values(model)) {
    const at::Tensor& parameter = item.value();
    const StoredParameter stored = stored_of(model, item.key(), parameter.sizes());
    for (const StoredPiece& piece : stored.layouts.front()) {
      tensors.emplace_back(piece.name, piece.of(parameter.detach()));
    }
  }
  return tensors;
}

} // namespace omni
