// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/file_io.h"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <vector>

#include "omni/core/errors.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using omni::testing::Contains;

size_t num_files(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST_CASE("a file is read as it was written") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "bytes";
  for (const std::string& bytes :
       {std::string(), std::string("a\0b\r\n\xFF", 6), std::string(300'000, 'x')}) {
    write_file(path, bytes);
    CHECK(read_file(path) == bytes);
    CHECK(num_files(folder.path) == 1);
  }
}

TEST_CASE("reading says what is wrong") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_file(folder.path / "none"), Contains("none: does not exist."));
  CHECK_THROWS_WITH(read_file(folder.path), Contains("is not a file."));
  write_file(folder.path / "five", "12345");
  CHECK(read_file(folder.path / "five", 5) == "12345");
  CHECK_THROWS_WITH(
      read_file(folder.path / "five", 4), Contains("expected at most 4 bytes, got 5."));
  CHECK_THROWS_AS(read_file("/dev/zero"), IoError);
}

TEST_CASE("a write that fails leaves the old file and nothing else") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "kept";
  write_file(path, "old");
  CHECK_THROWS_AS(
      write_file_atomically(
          path,
          [&](int descriptor) {
            write_all(descriptor, "half of the n", path);
            CHECK(read_file(path) == "old");
            throw std::runtime_error("interrupted");
          }),
      std::runtime_error);
  CHECK(read_file(path) == "old");
  CHECK(num_files(folder.path) == 1);
  CHECK_THROWS_AS(write_all(-1, "x", path), IoError);
}

TEST_CASE("writing where it cannot be says so") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(write_file(folder.path / "no" / "such" / "folder", "x"), IoError);
  fs::create_directories(folder.path / "folder" / "full");
  CHECK_THROWS_WITH(write_file(folder.path / "folder", "x"), Contains("[write]"));
  CHECK(num_files(folder.path) == 1);
}

TEST_CASE("writers at the same time leave one whole file") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "shared";
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c) {
    writers.emplace_back([&, c] { write_file(path, std::string(100'000, c)); });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const std::string bytes = read_file(path);
  CHECK(bytes.size() == 100'000);
  CHECK(std::ranges::count(bytes, bytes.front()) == 100'000);
  CHECK(num_files(folder.path) == 1);
}

} // namespace
} // namespace omni
