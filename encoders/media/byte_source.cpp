// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace omni {

namespace {

std::string error_text(int error) {
  return std::generic_category().message(error);
}

void check_size(int64_t size, const MediaBudget& budget, const MediaName& name) {
  if (size > budget.max_bytes) {
    name.fail_expected(
        "at most " + std::to_string(budget.max_bytes) + " bytes", std::to_string(size),
        "Raise MediaBudget::max_bytes to read it.");
  }
}

class BufferSource final : public ByteSource {
 public:
  explicit BufferSource(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] int64_t size() const override {
    return static_cast<int64_t>(bytes_.size());
  }
  int64_t read_at(int64_t offset, char* out, int64_t count) override {
    if (offset < 0 || offset >= size() || count <= 0) {
      return 0;
    }
    const int64_t available = std::min(count, size() - offset);
    std::memcpy(out, bytes_.data() + offset, static_cast<size_t>(available));
    return available;
  }

 private:
  std::string_view bytes_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(
      const std::filesystem::path& path,
      const MediaBudget& budget,
      const MediaName& name) {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) {
      const int error = errno;
      name.fail_expected("a file that can be opened", "'" + error_text(error) + "'");
    }
    struct stat status {};
    const bool is_known = ::fstat(descriptor_, &status) == 0;
    const mode_t mode = status.st_mode;
    if (!is_known || !S_ISREG(mode)) {
      ::close(descriptor_);
      name.fail_expected(
          "a file", S_ISDIR(mode) ? "a directory" : "a device, pipe or socket");
    }
    size_ = status.st_size;
    if (size_ > budget.max_bytes) {
      ::close(descriptor_);
      check_size(size_, budget, name);
    }
  }
  ~FileSource() override {
    ::close(descriptor_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  [[nodiscard]] int64_t size() const override {
    return size_;
  }
  int64_t read_at(int64_t offset, char* out, int64_t count) override {
    int64_t total = 0;
    while (offset >= 0 && total < count) {
      const ssize_t got = ::pread(
          descriptor_, out + total, static_cast<size_t>(count - total), offset + total);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        break;
      }
      total += got;
    }
    return total;
  }

 private:
  int descriptor_ = -1;
  int64_t size_ = 0;
};

} // namespace

std::string ByteSource::read_range(int64_t offset, int64_t count) {
  const int64_t available = std::max<int64_t>(0, std::min(count, size() - offset));
  std::string bytes(static_cast<size_t>(available), '\0');
  bytes.resize(static_cast<size_t>(read_at(offset, bytes.data(), available)));
  return bytes;
}

std::unique_ptr<ByteSource> make_byte_source(
    std::string_view bytes,
    const MediaBudget& budget,
    const MediaName& name) {
  check_size(static_cast<int64_t>(bytes.size()), budget, name);
  return std::make_unique<BufferSource>(bytes);
}

std::unique_ptr<ByteSource> open_byte_source(
    const std::filesystem::path& path,
    const MediaBudget& budget,
    const MediaName& name) {
  return std::make_unique<FileSource>(path, budget, name);
}

std::string read_media_file(
    const std::filesystem::path& path,
    const MediaBudget& budget,
    const MediaName& name) {
  const auto source = open_byte_source(path, budget, name);
  return source->read_range(0, source->size());
}

void write_media_file(
    const std::filesystem::path& path,
    std::string_view bytes,
    const MediaName& name) {
  std::filesystem::path partial = path;
  partial += ".partial-" + std::to_string(::getpid());
  const auto fail = [&](int error) {
    ::unlink(partial.c_str());
    name.fail_expected("a file that can be written", "'" + error_text(error) + "'");
  };
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  if (file == nullptr) {
    fail(errno);
  }
  errno = 0;
  const bool is_written =
      std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int write_error = errno;
  if (std::fclose(file) != 0 || !is_written) {
    fail(is_written ? errno : write_error);
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) {
    fail(errno);
  }
}

} // namespace omni
