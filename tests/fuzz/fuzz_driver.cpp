// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
//   fuzz_x RUNS [FILE...]    RUNS mutations of the seeds and of the files
// With RUNS 0 the inputs run as they are, to look at one that was found. The input that
// is about to run is kept in fuzz_x.input beside the program, for when it crashes.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/fuzz.h"

namespace {

using Random = std::mt19937_64;

size_t below(Random& random, size_t end) {
  return end == 0 ? 0 : static_cast<size_t>(random() % end);
}

// Numbers at which checks of lengths tend to go wrong.
void write_number(std::string& bytes, size_t at, Random& random) {
  constexpr uint64_t kNumbers[] = {
      0,
      1,
      0x7F,
      0x80,
      0xFF,
      0x7FFF,
      0x8000,
      0xFFFF,
      0x7FFFFFFF,
      0x80000000,
      0xFFFFFFFF,
      0xFFFFFFFE,
      0x7FFFFFFFFFFFFFFF,
      0x8000000000000000,
      ~uint64_t{0}};
  const uint64_t number = kNumbers[below(random, std::size(kNumbers))];
  const size_t width = size_t{1} << below(random, 4);
  const bool is_big_endian = below(random, 2) == 1;
  for (size_t i = 0; i < width && at + i < bytes.size(); ++i) {
    const size_t shift = 8 * (is_big_endian ? width - 1 - i : i);
    bytes[at + i] = static_cast<char>(number >> shift & 0xFF);
  }
}

std::string
mutate(std::string bytes, const std::vector<std::string>& inputs, Random& random) {
  for (size_t change = 1 + below(random, 4); change > 0; --change) {
    const size_t at = below(random, bytes.size());
    const size_t length = 1 + below(random, 16);
    switch (below(random, 9)) {
      case 0:
        if (!bytes.empty()) {
          bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(random, 8));
        }
        break;
      case 1:
        if (!bytes.empty()) {
          bytes[at] = static_cast<char>(random());
        }
        break;
      case 2:
        write_number(bytes, at, random);
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 5:
        bytes.insert(at, length, static_cast<char>(random()));
        break;
      case 6:
        bytes.resize(at);
        break;
      case 7:
        if (!bytes.empty()) {
          bytes[at] = "0123456789-+.eE\"{}[],:\\<>"[below(random, 25)];
        }
        break;
      default: {
        const std::string& other = inputs[below(random, inputs.size())];
        bytes = bytes.substr(0, at) + other.substr(below(random, other.size()));
      }
    }
  }
  return bytes;
}

void run(const std::string& bytes, const std::string& kept) {
  std::ofstream(kept, std::ios::binary) << bytes;
  // A copy of exactly this size, so that reading past it is noticed.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

} // namespace

int main(int argc, char** argv) {
  const long num_runs = argc > 1 ? std::atol(argv[1]) : 1000;
  const std::string kept = std::string(argv[0]) + ".input";
  std::vector<std::string> inputs = omni::fuzz::seeds();
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    inputs.emplace_back(
        std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  try {
    for (const std::string& input : inputs) {
      run(input, kept);
    }
    Random random(1);
    for (long i = 0; i < num_runs; ++i) {
      run(mutate(inputs[below(random, inputs.size())], inputs, random), kept);
    }
  } catch (const std::exception& error) {
    std::printf("%s\nThe input is %s\n", error.what(), kept.c_str());
    return 1;
  }
  std::remove(kept.c_str());
  std::printf("%ld runs from %zu inputs\n", num_runs, inputs.size());
  return 0;
}
