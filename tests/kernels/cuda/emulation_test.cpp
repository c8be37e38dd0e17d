// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The emulation itself: it must see what it is there to see.
#include "tests/kernels/cuda/emulated_kernel.h"

#include <sanitizer/asan_interface.h>

#include "kernels/cuda/reduce.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

void run(unsigned threads, size_t shared_bytes, const std::function<void()>& kernel) {
  run_emulated({1, 1, threads, shared_bytes}, kernel);
}

TEST_CASE("Emulated threads exchange values through warps, barriers and atomics") {
  std::vector<int> sums(96), before(96);
  std::vector<unsigned> votes(96);
  int total = 0;
  for (const ThreadOrder order :
       {ThreadOrder::Forward, ThreadOrder::Reverse, ThreadOrder::Shuffled}) {
    total = 0;
    run_emulated({2, 1, 96, kWarpSize * sizeof(int), order, 3}, [&] {
      const int own = static_cast<int>(threadIdx.x);
      sums[own] = block_reduce(own, 0, Add(), shared_memory<int>());
      before[own] = warp_sum_before(own);
      votes[own] = __ballot_sync(kWholeWarp, own % 2);
      atomicAdd(&total, 1);
    });
    CHECK(sums == std::vector<int>(96, 95 * 96 / 2));
    CHECK(before[33] == 32);
    CHECK(before[63] == 31 * 32 + 31 * 30 / 2);
    CHECK(votes == std::vector<unsigned>(96, 0xaaaaaaaau));
    CHECK(total == 2 * 96);
  }
}

TEST_CASE("The emulation refuses a barrier that a thread never reaches") {
  CHECK_THROWS_WITH(
      run(64, 0,
          [] {
            if (threadIdx.x != 5) {
              __syncthreads();
            }
          }),
      Contains("from thread 0 at the barrier of emulation_test.cpp") &&
          Contains("from thread 5 returned"));
}

TEST_CASE("The emulation refuses two barriers in the place of one") {
  const auto parted = [] {
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  };
  CHECK_THROWS_AS(run(64, 0, parted), CudaEmulationError);
}

TEST_CASE("The emulation refuses a warp call that misses a lane of its mask") {
  const auto missing = [] {
    if (threadIdx.x < 31) {
      __shfl_xor_sync(kWholeWarp, 1, 1);
    }
  };
  CHECK_THROWS_WITH(run(32, 0, missing), Contains("at the warp call of"));
  const auto outside = [] { __shfl_sync(0x1u, 1, 0); };
  CHECK_THROWS_WITH(run(32, 0, outside), Contains("the calling lane in the mask"));
  const auto unasked = [] {
    if (threadIdx.x < 2) {
      __shfl_sync(0x3u, 1, 2);
    }
  };
  CHECK_THROWS_WITH(run(32, 0, unasked), Contains("a lane of the mask to read from"));
}

TEST_CASE("The emulation passes on what a thread throws and runs on") {
  const auto thrower = [] {
    if (threadIdx.x == 40) {
      throw std::runtime_error("thread 40");
    }
    __syncthreads();
  };
  CHECK_THROWS_WITH(run(64, 0, thrower), "thread 40");
  int count = 0;
  run(64, 0, [&] {
    __syncthreads();
    ++count;
  });
  CHECK(count == 64);
}

TEST_CASE("The emulation refuses launches that no device takes") {
  for (const unsigned threads : {0u, 33u, 1056u}) {
    CHECK_THROWS_AS(run(threads, 0, [] {}), CudaEmulationError);
  }
  CHECK_THROWS_AS(run(32, 300 * 1024, [] {}), CudaEmulationError);
}

TEST_CASE("Emulated shared memory starts as NaN in every block") {
  int num_nan = 0;
  run_emulated({2, 1, 32, 32 * sizeof(float)}, [&] {
    float* shared = shared_memory<float>();
    num_nan += std::isnan(shared[threadIdx.x]) ? 1 : 0;
    shared[threadIdx.x] = 1.0f;
  });
  CHECK(num_nan == 64);
}

TEST_CASE("Emulated shared memory ends where the launch says") {
  bool is_guarded = true;
  run_emulated({1, 1, 32, 44}, [&] {
    const char* shared = shared_memory<char>();
    is_guarded = is_guarded && __asan_address_is_poisoned(shared + 43) == 0 &&
        __asan_address_is_poisoned(shared + 44) == 1 &&
        __asan_address_is_poisoned(shared + 100000) == 1;
  });
  CHECK(is_guarded);
}

TEST_CASE("A buffer of the tests ends where its size says, askew or not") {
  for (const bool is_askew : {false, true}) {
    Buffer<Bf16> buffer(5, is_askew);
    CHECK(__asan_address_is_poisoned(buffer.data() + 4) == 0);
    CHECK(__asan_address_is_poisoned(buffer.data() + 5) == 1);
    CHECK(takes_packs<4>(buffer.data(), 8) == !is_askew);
  }
}

// A kernel that lacks a barrier: the order of threads shows in its result.
TEST_CASE("The orders of emulated threads tell a race") {
  const auto last_writer = [](ThreadOrder order) {
    float result = 0.0f;
    run_emulated({1, 1, 64, sizeof(float), order, 1}, [&] {
      shared_memory<float>()[0] = static_cast<float>(threadIdx.x);
      __syncthreads();
      result = shared_memory<float>()[0];
    });
    return result;
  };
  CHECK(last_writer(ThreadOrder::Forward) == 63.0f);
  CHECK(last_writer(ThreadOrder::Reverse) == 0.0f);
}

// A warp reads what a later one has yet to replace, unless it is ahead of it.
TEST_CASE("Emulated warps are held together by barriers alone") {
  const auto read_by_last = [](ThreadOrder order) {
    float read = 0.0f;
    run_emulated({1, 1, 64, sizeof(float), order, 1}, [&] {
      float* shared = shared_memory<float>();
      shared[0] = 1.0f;
      __syncthreads();
      __syncwarp();
      read = threadIdx.x == 63 ? shared[0] : read;
      __syncwarp();
      shared[0] = threadIdx.x == 0 ? 2.0f : shared[0];
    });
    return read;
  };
  CHECK(read_by_last(ThreadOrder::Forward) == 2.0f);
  CHECK(read_by_last(ThreadOrder::Reverse) == 1.0f);
}

TEST_CASE("Emulated bfloat16 rounds to nearest, ties to even") {
  const auto rounded = [](float value) {
    return __bfloat162float(__float2bfloat16_rn(value));
  };
  CHECK(rounded(1.0f + 1.0f / 256) == 1.0f);
  CHECK(rounded(1.0f + 3.0f / 256) == 1.0f + 4.0f / 256);
  CHECK(rounded(1.0f + 1.001f / 256) == 1.0f + 2.0f / 256);
  CHECK(std::isinf(rounded(3.4e38f)));
  CHECK(std::isnan(rounded(NAN)));
}

} // namespace
} // namespace omni::testing
