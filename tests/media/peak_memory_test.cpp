// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// What bad files are measured with sees each large allocation, touched or not.
#include "tests/media/peak_memory.h"

#include <opencv2/core.hpp>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>

#include "encoders/media/av/handles.h"
#include "tests/support/catch.h"

#ifdef __GLIBC__ // elsewhere nothing is measured

using omni::test::PeakMemory;

namespace {

constexpr size_t kBytes = 200 << 20;
// Of each library that media pass through; a pointer that the compiler cannot follow.
void* volatile seen = nullptr;

} // namespace

TEST_CASE("memory counts that is asked for and never touched") {
  struct Way {
    std::string name;
    std::function<void()> allocate;
  };
  const std::vector<Way> ways = {
      {"malloc",
       [] {
         void* block = std::malloc(kBytes);
         seen = block;
         std::free(block);
       }},
      {"calloc",
       [] {
         void* block = std::calloc(kBytes, 1);
         seen = block;
         std::free(block);
       }},
      {"realloc",
       [] {
         void* block = std::realloc(std::malloc(10), kBytes);
         seen = block;
         std::free(block);
       }},
      {"new",
       [] {
         char* block = new char[kBytes];
         seen = block;
         delete[] block;
       }},
      {"torch", [] { seen = at::empty({int64_t{kBytes}}, at::kByte).data_ptr(); }},
      {"OpenCV", [] { seen = cv::Mat(1, int{kBytes}, CV_8UC1).data; }},
      {"FFmpeg",
       [] {
         void* block = av_malloc(kBytes);
         seen = block;
         av_free(block);
       }},
  };
  for (const Way& way : ways) {
    CAPTURE(way.name);
    const PeakMemory memory;
    way.allocate();
    CHECK(memory.grown_bytes() >= int64_t{kBytes});
    CHECK(memory.grown_bytes() < int64_t{kBytes} + (8 << 20));
    const PeakMemory later; // it was given back
    CHECK(later.grown_bytes() < 1 << 20);
  }
}

#endif
