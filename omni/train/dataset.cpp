// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/dataset.h"

#include <algorithm>
#include <fstream>

#include "omni/core/errors.h"
#include "omni/train/tar.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

// "a/000123.0.png" → ("a/000123", "0.png").
std::pair<std::string, std::string> split_name(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t dot = name.find('.', slash == std::string::npos ? 0 : slash);
  return dot == std::string::npos
      ? std::pair(name, std::string())
      : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

} // namespace

Dataset::Dataset(const fs::path& path) {
  if (fs::is_directory(path)) {
    add_folder(path);
  } else if (fs::exists(path)) {
    add_tar(path);
  } else {
    throw IoError("dataset", path.string(), "does not exist");
  }
  if (samples_.empty()) {
    throw IoError(
        "dataset",
        path.string(),
        "expected samples (NAME.json with its media) or .tar shards, found none");
  }
  for (const Entry& sample : samples_) {
    if (!sample.files.contains("json")) {
      throw ValueError(
          "dataset", sample.key + ": expected a " + sample.key + ".json beside its media.");
    }
  }
}

void Dataset::add_tar(const fs::path& path) {
  const auto archive = static_cast<int32_t>(archives_.size());
  archives_.push_back(path);
  std::string open_key;
  for (const TarEntry& entry : list_tar(path)) {
    const auto [key, extension] = split_name(entry.name);
    if (samples_.empty() || key != open_key) {
      samples_.push_back({path.string() + ":" + key, {}});
      open_key = key;
    }
    samples_.back().files[extension] = {archive, entry.begin, entry.size};
  }
}

void Dataset::add_folder(const fs::path& path) {
  std::vector<fs::path> files;
  for (const auto& item : fs::recursive_directory_iterator(path)) {
    if (item.is_regular_file()) {
      files.push_back(item.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::map<std::string, Entry> loose;
  for (const fs::path& file : files) {
    if (file.extension() == ".tar") {
      add_tar(file);
      continue;
    }
    const auto [key, extension] = split_name(fs::relative(file, path).string());
    Entry& entry = loose[key];
    entry.key = (path / key).string();
    entry.files[extension] = {
        static_cast<int32_t>(archives_.size()),
        0,
        static_cast<int64_t>(fs::file_size(file))};
    archives_.push_back(file);
  }
  for (auto& [key, entry] : loose) {
    if (entry.files.contains("json")) { // other files may lie in the folder too
      samples_.push_back(std::move(entry));
    }
  }
}

std::string Dataset::read_bytes(const File& file) const {
  const fs::path& path = archives_[static_cast<size_t>(file.archive)];
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(static_cast<size_t>(file.size), '\0');
  stream.seekg(file.begin);
  if (!stream.read(bytes.data(), file.size) && file.size > 0) {
    throw IoError("dataset", path.string(), "cannot be read; did it change?");
  }
  return bytes;
}

Sample Dataset::read(int64_t index) const {
  if (index < 0 || index >= size()) {
    throw ValueError(
        "dataset",
        "expected an index in [0, " + std::to_string(size()) + "), got " +
            std::to_string(index) + ".");
  }
  const Entry& entry = samples_[static_cast<size_t>(index)];
  return parse_sample(
      entry.key, read_bytes(entry.files.at("json")), [&](const std::string& name) {
        const auto found = entry.files.find(name);
        if (found == entry.files.end()) {
          throw ValueError(
              "dataset",
              entry.key + ": the JSON names the file \"" + name +
                  "\", which the sample does not have.");
        }
        return read_bytes(found->second);
      });
}

} // namespace omni
