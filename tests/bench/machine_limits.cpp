// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/bench/machine_limits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace omni::bench {
namespace {

constexpr int kTurns = 7;
constexpr size_t kMemoryBytes = size_t{128} << 20; // of each thread: no cache holds it
constexpr size_t kHugePage = size_t{2} << 20;
constexpr int64_t kRounds = 20'000'000;
constexpr int kAccumulators = 16; // enough to hide the latency of a product

using Bytes = std::unique_ptr<std::byte, decltype(&std::free)>;
using Words = uint64_t __attribute__((vector_size(64)));

// Of all ones, in pages so large that looking them up takes no time.
Bytes huge_block(size_t num_bytes) {
  const size_t size = (num_bytes + kHugePage - 1) / kHugePage * kHugePage;
  Bytes block(static_cast<std::byte*>(std::aligned_alloc(kHugePage, size)), std::free);
  if (!block) {
    throw std::bad_alloc();
  }
  madvise(block.get(), size, MADV_HUGEPAGE);
  std::memset(block.get(), 1, size);
  return block;
}

// That all threads together take for work(thread).
double seconds_once(int num_threads, const std::function<void(int)>& work) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 1; i < num_threads; ++i) {
    threads.emplace_back(work, i);
  }
  work(0);
  for (std::thread& thread : threads) {
    thread.join();
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return spent.count();
}

// The best of several turns.
double seconds_of(int num_threads, const std::function<void(int)>& work) {
  double best = 1e30;
  for (int turn = 0; turn < kTurns; ++turn) {
    best = std::min(best, seconds_once(num_threads, work));
  }
  return best;
}

// Someone may want to know the value, or have changed it: nothing is left out.
template <typename Vector>
void hide(Vector& value) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+m"(value));
#endif
}

// In so many streams, which the hardware's prefetcher follows each, or is told of.
template <int kStreams, bool kIsAsked>
void read_through(const std::byte* block, size_t num_bytes) {
  constexpr size_t kAhead = 1024;
  const size_t length = num_bytes / kStreams / sizeof(Words) * sizeof(Words);
  Words sums[kStreams] = {};
  for (size_t i = 0; i < length; i += sizeof(Words)) {
    for (int stream = 0; stream < kStreams; ++stream) {
      const std::byte* place = block + stream * length + i;
      if constexpr (kIsAsked) {
        __builtin_prefetch(place + kAhead);
      }
      sums[stream] += *reinterpret_cast<const Words*>(place);
    }
  }
  Words sum = sums[0];
  for (int stream = 1; stream < kStreams; ++stream) {
    sum += sums[stream];
  }
  uint64_t folded = sum[0] + sum[7];
  asm volatile("" : "+r"(folded));
}

// Operations a second of step(accumulator, factor), which does `operations` of them.
template <typename Vector, typename Factor, typename Step>
double product_rate(int num_threads, int operations, Factor factor, Step step) {
  const double seconds = seconds_of(num_threads, [=](int) {
    Factor unknown = factor;
    Vector sums[kAccumulators] = {};
    for (Vector& sum : sums) {
      hide(sum); // the compiler may not see that all accumulators are equal
    }
    for (int64_t round = 0; round < kRounds / kAccumulators; ++round) {
      hide(unknown); // nor do the sum beforehand
      for (Vector& sum : sums) {
        sum = step(sum, unknown);
      }
    }
    for (Vector& sum : sums) {
      hide(sum);
    }
  });
  return static_cast<double>(kRounds / kAccumulators * kAccumulators) * operations *
      num_threads / seconds;
}

double float32_rate(int num_threads) {
#if defined(__AVX512F__)
  return product_rate<__m512>(
      num_threads, 32, _mm512_set1_ps(1.0f),
      [](__m512 sum, __m512 factor) { return _mm512_fmadd_ps(factor, factor, sum); });
#elif defined(__FMA__)
  return product_rate<__m256>(
      num_threads, 16, _mm256_set1_ps(1.0f),
      [](__m256 sum, __m256 factor) { return _mm256_fmadd_ps(factor, factor, sum); });
#else
  using Floats = float __attribute__((vector_size(16)));
  return product_rate<Floats>(
      num_threads, 8, Floats{1.0f, 1.0f, 1.0f, 1.0f},
      [](Floats sum, Floats factor) { return sum * factor + factor; });
#endif
}

} // namespace

struct MemoryProbe::Blocks {
  std::vector<Bytes> sources, targets;
};

MemoryProbe::MemoryProbe(int num_threads) : blocks_(std::make_unique<Blocks>()) {
  for (int i = 0; i < num_threads; ++i) {
    blocks_->sources.push_back(huge_block(kMemoryBytes));
    blocks_->targets.push_back(huge_block(kMemoryBytes));
  }
}

MemoryProbe::~MemoryProbe() = default;

void MemoryProbe::turn() {
  const int num_threads = static_cast<int>(blocks_->sources.size());
  const double num_bytes = static_cast<double>(kMemoryBytes) * num_threads;
  const auto source = [&](int thread) { return blocks_->sources[thread].get(); };
  // Which form of reading is the fastest depends on the machine.
  for (const auto form :
       {read_through<1, false>, read_through<1, true>, read_through<4, false>,
        read_through<8, true>}) {
    const double seconds = seconds_once(
        num_threads, [&](int thread) { form(source(thread), kMemoryBytes); });
    read_ = std::max(read_, num_bytes / seconds);
  }
  const double seconds = seconds_once(num_threads, [&](int thread) {
    std::byte* target = blocks_->targets[thread].get();
    std::memcpy(target, source(thread), kMemoryBytes);
    asm volatile("" : : "r"(target) : "memory"); // someone may read it
  });
  copy_ = std::max(copy_, 2.0 * num_bytes / seconds);
}

void MemoryProbe::forget() {
  read_ = copy_ = 0.0;
}

double MemoryProbe::read() const {
  return read_;
}

double MemoryProbe::copy() const {
  return copy_;
}

MachineLimits measure_limits(int num_threads) {
  MemoryProbe memory(num_threads);
  for (int turn = 0; turn < kTurns; ++turn) {
    memory.turn();
  }
  MachineLimits limits{.read = memory.read(), .copy = memory.copy()};
  limits.float32 = limits.bf16 = limits.int8 = float32_rate(num_threads);
#if defined(__AVX512BF16__)
  limits.bf16 = product_rate<__m512>(
      num_threads, 64, _mm512_set1_epi16(0x3f80), [](__m512 sum, __m512i factor) {
        return _mm512_dpbf16_ps(sum, (__m512bh)factor, (__m512bh)factor);
      });
#endif
#if defined(__AVX512VNNI__)
  limits.int8 = product_rate<__m512i>(
      num_threads, 128, _mm512_set1_epi8(1), [](__m512i sum, __m512i factor) {
        return _mm512_dpbusd_epi32(sum, factor, factor);
      });
#elif defined(__AVX2__)
  // Products of bytes in 16 bits, their sums in 32.
  const double of_bytes = product_rate<__m256i>(
      num_threads, 64, _mm256_set1_epi8(1), [](__m256i sum, __m256i factor) {
        __m256i pairs = _mm256_maddubs_epi16(factor, factor);
        hide(pairs); // not computed once for all sums
        __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
        hide(fours);
        return _mm256_add_epi32(sum, fours);
      });
  limits.int8 = std::max(limits.float32, of_bytes);
#endif
  return limits;
}

double read_again_rate(int num_threads, size_t num_bytes) {
  constexpr size_t kLeast = size_t{32} << 10, kInAll = size_t{64} << 20;
  const size_t share =
      std::clamp(num_bytes / static_cast<size_t>(num_threads), kLeast, kMemoryBytes);
  const size_t repeats = std::max<size_t>(kInAll / share, 1);
  std::vector<Bytes> blocks;
  for (int i = 0; i < num_threads; ++i) {
    blocks.push_back(huge_block(share));
  }
  const double seconds = seconds_of(num_threads, [&](int thread) {
    for (size_t i = 0; i < repeats; ++i) {
      read_through<4, false>(blocks[thread].get(), share);
    }
  });
  return static_cast<double>(share * repeats) * num_threads / seconds;
}

} // namespace omni::bench
