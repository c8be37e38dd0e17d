// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Samples from a folder or tar shards in the WebDataset convention: files that share a
// name up to its first dot are one sample; NAME.json is the conversation. The index is
// built once; contents are read on demand. Safe to read from several threads.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "omni/train/sample.h"

namespace omni {

class Dataset {
 public:
  // A folder (searched for .tar shards and loose samples, in sorted order) or one .tar.
  // IoError when there is no sample; ValueError for a sample without JSON.
  explicit Dataset(const std::filesystem::path& path);

  [[nodiscard]] int64_t size() const {
    return static_cast<int64_t>(samples_.size());
  }
  // Throws IoError or ValueError naming shard and key.
  [[nodiscard]] Sample read(int64_t index) const;
  // The same without the contents of its media: what the JSON says.
  [[nodiscard]] Sample read_outline(int64_t index) const;
  // Leaves out the samples whose outline is not `wanted`, and says how many.
  int64_t keep_only(const std::function<bool(const Sample&)>& wanted);
  // Of the samples that are kept, in order: their names, sizes, JSON and the beginnings
  // of their media (all of them in a set below 64 MiB). Not of where the set lies.
  [[nodiscard]] std::string digest() const;

 private:
  struct File {
    int32_t archive = 0; // into archives_
    int64_t begin = 0;
    int64_t size = 0;
  };
  struct Entry {
    std::string key; // whole path and name: unique over datasets, caches rely on it
    std::map<std::string, File> files; // by extension: what follows the first dot
  };

  void add_tar(const std::filesystem::path& path);
  void add_folder(const std::filesystem::path& path);
  [[nodiscard]] const Entry& entry(int64_t index) const;
  [[nodiscard]] std::string read_front(const File& file, int64_t max_bytes) const;
  [[nodiscard]] std::string read_bytes(const File& file) const;

  std::filesystem::path root_;
  std::vector<std::filesystem::path> archives_; // tars, or single files
  std::vector<Entry> samples_;
};

} // namespace omni
