// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Tensors in files. The reader maps the file and gives tensors that point into it, so
// that loading costs no copy; it keeps a file open as long as a tensor of it lives.
// Several threads may read. Writing to such a tensor changes memory, never the file.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "omni/core/safetensors_header.h"

namespace omni {

class SafetensorsReader {
 public:
  // A file, an index (*.index.json) with its shards beside it, or a folder that has
  // model.safetensors.index.json or model.safetensors. Throws IoError: see
  // safetensors_header.h; and for a missing shard, a tensor in two shards, in none or
  // in another than the index says, a shard name that leaves the folder.
  explicit SafetensorsReader(const std::filesystem::path& path);

  [[nodiscard]] const std::map<std::string, TensorEntry>& tensors() const {
    return tensors_;
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return tensors_.contains(name);
  }
  // A tensor over the mapped bytes (a copy where they are not aligned for its dtype).
  // IndexError for an unknown name, IoError for a BOOL that is neither 0 nor 1.
  [[nodiscard]] at::Tensor read(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }

 private:
  class Mapping;
  std::shared_ptr<const Mapping> add_file(const std::filesystem::path& path);
  void add_index(const std::filesystem::path& path);

  std::map<std::string, TensorEntry> tensors_;
  std::map<std::string, std::shared_ptr<const Mapping>> mapping_of_;
  std::map<std::string, std::string> metadata_;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Writes one file, atomically. Tensors are stored contiguous and in the order given,
// but for alignment: first those of whole multiples of 64 bytes, which all begin at
// one, then the others, the widest elements first, each aligned for its dtype.
// ValueError for a name twice or "__metadata__", TypeError for a dtype that the format
// lacks.
void write_safetensors(
    const std::filesystem::path& path,
    const NamedTensors& tensors,
    const std::map<std::string, std::string>& metadata = {});

// Writes model.safetensors into a folder (made if missing), or shards of at most
// `max_shard_bytes` and their index when the tensors need more. A larger tensor gets a
// shard of its own. Weights of the other kind that were there before are removed last.
void write_safetensors_folder(
    const std::filesystem::path& folder,
    const NamedTensors& tensors,
    int64_t max_shard_bytes);

} // namespace omni
