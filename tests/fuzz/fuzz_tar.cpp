// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/train/tar.h"
#include "tests/fuzz/fuzz.h"
#include "tests/train/tar_bytes.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  using test::pax_record;
  using test::tar_end;
  using test::tar_member;
  const std::string name(130, 'n');
  return {
      tar_member({"s0.json", "{}"}) + tar_member({"s0.0.png", std::string(600, 'p')}) +
          tar_end(),
      tar_member({"folder/", "", '5'}) + tar_member({"././@LongLink", name, 'L'}) +
          tar_member({"folder/a", "a"}) + tar_end(),
      tar_member({"x", pax_record("mtime", "1.5") + pax_record("path", name), 'x'}) +
          tar_member({"b", "b"}) +
          tar_member({"c", "", '0', "\x80" + std::string(11, '\0')})};
}

} // namespace omni::fuzz

namespace {

// A file in memory, which list_tar() opens by its path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes)
      : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0) {
      std::abort();
    }
    omni::write_all(descriptor_, bytes, path());
  }
  ~MemoryFile() {
    close(descriptor_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::filesystem::path path() const {
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

void check(std::string_view bytes) {
  const MemoryFile file(bytes);
  try {
    int64_t end = 0; // of the file before
    for (const omni::TarEntry& entry : omni::list_tar(file.path())) {
      const bool is_inside = entry.begin >= end + 512 && entry.begin % 512 == 0 &&
          entry.size >= 0 &&
          entry.size <= static_cast<int64_t>(bytes.size()) - entry.begin;
      if (!is_inside || entry.name.starts_with("/") || entry.name.starts_with("../") ||
          entry.name.find("/../") != std::string::npos) {
        std::abort();
      }
      end = entry.begin + entry.size;
    }
  } catch (const omni::IoError&) {
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = omni::fuzz::as_bytes(data, size);
  check(bytes);
  // Few changed headers have the right checksum by chance.
  check(omni::test::with_tar_checksums(std::string(bytes)));
  return 0;
}
