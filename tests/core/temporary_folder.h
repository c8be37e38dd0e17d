// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// A folder that is gone with the test.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace omni::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int next_number = 0;
    path = std::filesystem::temp_directory_path() /
        ("omni-core-test-" + std::to_string(::getpid()) + "-" +
         std::to_string(next_number++));
    std::filesystem::create_directories(path);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path path;
};

}  // namespace omni::test
