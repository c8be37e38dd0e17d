// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "omni/core/errors.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

std::string cause() {
  return std::generic_category().message(errno);
}

// A file under another name until commit() gives it its own; removed without.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& path) : path_(path) {
    static std::atomic<uint64_t> next_number = 0; // threads may write the same path
    name_ = path.string() + ".tmp" + std::to_string(::getpid()) + "." +
        std::to_string(next_number++);
    constexpr int kMode = 0644;
    descriptor_ = ::open(
        name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kMode);
    check(descriptor_ >= 0);
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
    if (!is_committed_) {
      ::unlink(name_.c_str());
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void commit() {
    check(::fsync(descriptor_) == 0);
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    check(closed == 0);
    check(::rename(name_.c_str(), path_.c_str()) == 0);
    is_committed_ = true;
  }
  [[nodiscard]] int descriptor() const {
    return descriptor_;
  }

 private:
  void check(bool has_worked) const {
    if (!has_worked) {
      throw IoError("write", path_.string(), cause() + ".");
    }
  }

  fs::path path_;
  std::string name_;
  int descriptor_ = -1;
  bool is_committed_ = false;
};

} // namespace

std::string read_file(const fs::path& path, int64_t max_bytes) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    throw IoError(
        "read", path.string(),
        fs::exists(path, error) ? "is not a file." : "does not exist.");
  }
  const auto size = static_cast<int64_t>(fs::file_size(path, error));
  if (error || size > max_bytes) {
    throw IoError(
        "read", path.string(),
        "expected at most " + std::to_string(max_bytes) + " bytes, got " +
            std::to_string(size) + ".");
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), size) && size > 0) {
    throw IoError("read", path.string(), "cannot be read: " + cause() + ".");
  }
  return bytes;
}

void write_all(int descriptor, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      throw IoError("write", path.string(), cause() + ".");
    }
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
}

void write_file_atomically(
    const fs::path& path,
    const std::function<void(int descriptor)>& fill) {
  TemporaryFile file(path);
  fill(file.descriptor());
  file.commit();
  sync_folder(path.parent_path());
}

void write_file(const fs::path& path, std::string_view bytes) {
  write_file_atomically(
      path, [&](int descriptor) { write_all(descriptor, bytes, path); });
}

void sync_folder(const fs::path& folder) {
  const int descriptor =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

} // namespace omni
