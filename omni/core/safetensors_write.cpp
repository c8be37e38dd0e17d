// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>

#include "omni/core/file_io.h"
#include "omni/core/json.h"
#include "omni/core/safetensors.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr int64_t kAlignment = 64; // of the data, so that mapped tensors are aligned

std::string name_of_dtype(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBool:
      return "BOOL";
    case at::kByte:
      return "U8";
    case at::kChar:
      return "I8";
    case at::kShort:
      return "I16";
    case at::kInt:
      return "I32";
    case at::kLong:
      return "I64";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kFloat:
      return "F32";
    case at::kDouble:
      return "F64";
    default:
      TORCH_CHECK_TYPE(
          false, "[safetensors] expected a dtype the format has, got ", dtype, ".");
  }
}

int64_t num_bytes(const at::Tensor& tensor) {
  return tensor.numel() * static_cast<int64_t>(tensor.element_size());
}

void check_names(const NamedTensors& tensors) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    TORCH_CHECK_VALUE(
        name != "__metadata__" && names.insert(name).second,
        "[safetensors] expected each name once and none \"__metadata__\", got \"", name,
        "\".");
    TORCH_CHECK_VALUE(
        tensor.defined(), "[safetensors] expected a tensor for \"", name,
        "\", got none.");
  }
}

// What one file of a sharded model is called.
std::string shard_name(size_t index, size_t count) {
  char name[64];
  std::snprintf(
      name, sizeof(name), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name;
}

bool is_shard_name(const std::string& name) {
  constexpr std::string_view kPattern = "model-00000-of-00000.safetensors";
  return name.size() == kPattern.size() &&
      std::ranges::equal(name, kPattern, [](char c, char pattern) {
           return pattern == '0' ? c >= '0' && c <= '9' : c == pattern;
         });
}

// Removes weights of an earlier save that the new files do not belong to.
void remove_other_weights(const fs::path& folder, const std::set<std::string>& kept) {
  std::vector<fs::path> stale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool is_weights = name == "model.safetensors" || is_shard_name(name);
    if (is_weights && !kept.contains(name)) {
      stale.push_back(entry.path());
    }
  }
  for (const fs::path& path : stale) {
    fs::remove(path);
  }
}

} // namespace

void write_safetensors(
    const fs::path& path,
    const NamedTensors& tensors,
    const std::map<std::string, std::string>& metadata) {
  check_names(tensors);
  std::vector<const NamedTensors::value_type*> in_order;
  for (const auto& item : tensors) {
    in_order.push_back(&item);
  }
  const auto rank = [](const auto* item) {
    const bool keeps_alignment = num_bytes(item->second) % kAlignment == 0;
    return keeps_alignment ? kAlignment
                           : static_cast<int64_t>(item->second.element_size());
  };
  std::ranges::stable_sort(in_order, std::greater<>(), rank);
  OrderedJson header = OrderedJson::object();
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  int64_t offset = 0;
  for (const auto* item : in_order) {
    const auto& [name, tensor] = *item;
    // Appended, not looked up: names are known to differ.
    header.get_ref<OrderedJson::object_t&>().emplace_back(
        name,
        OrderedJson{
            {"dtype", name_of_dtype(tensor.scalar_type())},
            {"shape", tensor.sizes().vec()},
            {"data_offsets", {offset, offset + num_bytes(tensor)}}});
    offset += num_bytes(tensor);
  }
  std::string text = header.dump();
  text.append((kAlignment - (text.size() + 8) % kAlignment) % kAlignment, ' ');
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) {
    length[i] = static_cast<char>(text.size() >> (8 * i) & 0xFF);
  }
  write_file_atomically(path, [&](int descriptor) {
    write_all(descriptor, length + text, path);
    for (const auto* item : in_order) {
      const at::Tensor dense = item->second.detach().cpu().contiguous();
      write_all(
          descriptor,
          {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()}, path);
    }
  });
}

void write_safetensors_folder(
    const fs::path& folder,
    const NamedTensors& tensors,
    int64_t max_shard_bytes) {
  TORCH_CHECK_VALUE(
      max_shard_bytes > 0, "[safetensors] expected shards of at least 1 byte, got ",
      max_shard_bytes, ".");
  check_names(tensors);
  std::vector<NamedTensors> shards(1);
  int64_t bytes = 0;
  int64_t total = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t size = num_bytes(tensor);
    if (bytes > 0 && bytes + size > max_shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().emplace_back(name, tensor);
    bytes += size;
    total += size;
  }
  fs::create_directories(folder);
  const fs::path index_path = folder / "model.safetensors.index.json";
  if (shards.size() == 1) {
    write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
    fs::remove(index_path);
    remove_other_weights(folder, {"model.safetensors"});
    return;
  }
  std::map<std::string, std::string> weight_map;
  std::set<std::string> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string file = shard_name(i, shards.size());
    write_safetensors(folder / file, shards[i], {{"format", "pt"}});
    files.insert(file);
    for (const auto& [name, tensor] : shards[i]) {
      weight_map[name] = file;
    }
  }
  const OrderedJson index = {
      {"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_file(index_path, index.dump(2) + "\n");
  remove_other_weights(folder, files);
}

} // namespace omni
