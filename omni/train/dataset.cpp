// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/dataset.h"

#include <algorithm>
#include <fstream>

#include "omni/core/digest.h"
#include "omni/core/errors.h"
#include "omni/train/tar.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

// Note [What a data digest covers]
// Of each sample, in order: its name; the kind and size of each of its files; its JSON,
// whole; and the beginning of its media. Together the beginnings are read up to
// kDigestBytes, so a set of fewer bytes is covered whole, but of each medium at least
// kMinDigestBytes: of 40,000 samples these take about a second. Beyond them, an edit
// that keeps a medium's size is not seen. Dates, owners and the place of the set are
// left out: a copy on another machine is the same data.
constexpr int64_t kDigestBytes = int64_t{64} << 20;
constexpr int64_t kMinDigestBytes = 4096;

// "a/000123.0.png" → ("a/000123", "0.png").
std::pair<std::string, std::string> split_name(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t dot = name.find('.', slash == std::string::npos ? 0 : slash);
  return dot == std::string::npos
      ? std::pair(name, std::string())
      : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

} // namespace

Dataset::Dataset(const fs::path& path) : root_(path) {
  if (fs::is_directory(path)) {
    add_folder(path);
  } else if (fs::exists(path)) {
    add_tar(path);
  } else {
    throw IoError("dataset", path.string(), "does not exist");
  }
  if (samples_.empty()) {
    throw IoError(
        "dataset", path.string(),
        "expected samples (NAME.json with its media) or .tar shards, found none");
  }
  for (const Entry& sample : samples_) {
    if (!sample.files.contains("json")) {
      throw ValueError(
          "dataset",
          sample.key + ": expected a " + sample.key + ".json beside its media.");
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
        static_cast<int32_t>(archives_.size()), 0,
        static_cast<int64_t>(fs::file_size(file))};
    archives_.push_back(file);
  }
  for (auto& [key, entry] : loose) {
    if (entry.files.contains("json")) { // other files may lie in the folder too
      samples_.push_back(std::move(entry));
    }
  }
}

std::string Dataset::read_front(const File& file, int64_t max_bytes) const {
  const fs::path& path = archives_[static_cast<size_t>(file.archive)];
  const int64_t size = std::min(file.size, max_bytes);
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(static_cast<size_t>(size), '\0');
  stream.seekg(file.begin);
  if (!stream.read(bytes.data(), size) && size > 0) {
    throw IoError("dataset", path.string(), "cannot be read; did it change?");
  }
  return bytes;
}

std::string Dataset::read_bytes(const File& file) const {
  return read_front(file, file.size);
}

const Dataset::Entry& Dataset::entry(int64_t index) const {
  if (index < 0 || index >= size()) {
    throw ValueError(
        "dataset",
        "expected an index in [0, " + std::to_string(size()) + "), got " +
            std::to_string(index) + ".");
  }
  return samples_[static_cast<size_t>(index)];
}

Sample Dataset::read(int64_t index) const {
  const Entry& sample = entry(index);
  return parse_sample(
      sample.key, read_bytes(sample.files.at("json")), [&](const std::string& name) {
        const auto found = sample.files.find(name);
        if (found == sample.files.end()) {
          throw ValueError(
              "dataset",
              sample.key + ": the JSON names the file \"" + name +
                  "\", which the sample does not have.");
        }
        return read_bytes(found->second);
      });
}

Sample Dataset::read_outline(int64_t index) const {
  const Entry& sample = entry(index);
  return parse_sample(
      sample.key, read_bytes(sample.files.at("json")),
      [](const std::string&) { return std::string(); });
}

int64_t Dataset::keep_only(const std::function<bool(const Sample&)>& wanted) {
  std::vector<Entry> kept;
  for (int64_t i = 0; i < size(); ++i) {
    if (wanted(read_outline(i))) {
      kept.push_back(samples_[static_cast<size_t>(i)]);
    }
  }
  const int64_t num_left_out = size() - static_cast<int64_t>(kept.size());
  samples_ = std::move(kept);
  return num_left_out;
}

std::string Dataset::digest() const {
  int64_t num_media = 0;
  for (const Entry& sample : samples_) {
    num_media += static_cast<int64_t>(sample.files.size()) - 1;
  }
  const int64_t media_bytes =
      std::max(kMinDigestBytes, kDigestBytes / std::max<int64_t>(num_media, 1));
  std::string text;
  for (const Entry& sample : samples_) {
    text += fs::path(sample.key.substr(root_.string().size())).relative_path().string();
    for (const auto& [extension, file] : sample.files) {
      const int64_t max_bytes = extension == "json" ? file.size : media_bytes;
      text += '\n' + extension + ' ' + std::to_string(file.size) + ' ' +
          omni::digest(read_front(file, max_bytes));
    }
    text += '\n';
  }
  return omni::digest(text);
}

} // namespace omni
