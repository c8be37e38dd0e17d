// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// machine_limits THREADS: what the cores of this process can do at most. Prints one
// JSON object: bytes a second that all threads read from main memory, and operations a
// second (a multiply and an add are two) of float32, bf16 and int8 products on
// registers. bf16 and int8 are float32's rate where the processor has no such
// instruction.
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace {

constexpr int kTurns = 7;
constexpr size_t kBytes = size_t{512} << 20; // of each thread: no cache holds it
constexpr int64_t kRounds = 80'000'000;
constexpr int kAccumulators = 16; // enough to hide the latency of a product

// The best of several turns: seconds that all threads together take for work(thread).
double seconds_of(int num_threads, const std::function<void(int)>& work) {
  double best = 1e30;
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < num_threads; ++i) {
      threads.emplace_back(work, i);
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    const std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, spent.count());
  }
  return best;
}

double read_rate(int num_threads) {
  std::vector<std::vector<uint64_t>> blocks(num_threads);
  for (auto& block : blocks) {
    block.assign(kBytes / sizeof(uint64_t), 1);
  }
  const double seconds = seconds_of(num_threads, [&](int thread) {
    // Four streams: the hardware prefetcher follows each.
    const auto& block = blocks[thread];
    const size_t quarter = block.size() / 4;
    uint64_t sums[4][8] = {};
    for (size_t i = 0; i < quarter; i += 8) {
      for (int stream = 0; stream < 4; ++stream) {
        for (int lane = 0; lane < 8; ++lane) {
          sums[stream][lane] += block[stream * quarter + i + lane];
        }
      }
    }
    uint64_t sum = 0;
    for (const auto& stream : sums) {
      for (const uint64_t lane : stream) {
        sum += lane;
      }
    }
    asm volatile("" : : "r"(sum)); // someone wants to know it
  });
  return static_cast<double>(kBytes) * num_threads / seconds;
}

// Operations a second of step(accumulator, factor), which does `operations` of them.
template <typename Vector, typename Factor, typename Step>
double product_rate(int num_threads, int operations, Factor factor, Step step) {
  const double seconds = seconds_of(num_threads, [=](int) {
    Factor unknown = factor;
    Vector sums[kAccumulators] = {};
    for (Vector& sum : sums) {
      asm volatile("" : "+x"(sum)); // nor see that all accumulators are equal
    }
    for (int64_t round = 0; round < kRounds / kAccumulators; ++round) {
      asm volatile("" : "+x"(unknown)); // the compiler may not do the sum beforehand
      for (Vector& sum : sums) {
        sum = step(sum, unknown);
      }
    }
    for (const Vector& sum : sums) {
      asm volatile("" : : "x"(sum));
    }
  });
  return static_cast<double>(kRounds / kAccumulators * kAccumulators) * operations *
      num_threads / seconds;
}

} // namespace

int main(int argc, char** argv) {
  const int num_threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const double read = read_rate(num_threads);
#ifdef __AVX512F__
  const double fp32 = product_rate<__m512>(
      num_threads, 32, _mm512_set1_ps(1.0f),
      [](__m512 sum, __m512 factor) { return _mm512_fmadd_ps(factor, factor, sum); });
#elif defined(__FMA__)
  const double fp32 = product_rate<__m256>(
      num_threads, 16, _mm256_set1_ps(1.0f),
      [](__m256 sum, __m256 factor) { return _mm256_fmadd_ps(factor, factor, sum); });
#else
  const double fp32 = product_rate<__m128>(
      num_threads, 8, _mm_set1_ps(1.0f), [](__m128 sum, __m128 factor) {
        return _mm_add_ps(_mm_mul_ps(sum, factor), factor);
      });
#endif
  double bf16 = fp32, int8 = fp32;
#ifdef __AVX512BF16__
  bf16 = product_rate<__m512>(
      num_threads, 64, _mm512_set1_epi16(0x3f80), [](__m512 sum, __m512i factor) {
        return _mm512_dpbf16_ps(sum, (__m512bh)factor, (__m512bh)factor);
      });
#endif
#ifdef __AVX512VNNI__
  int8 = product_rate<__m512i>(
      num_threads, 128, _mm512_set1_epi8(1), [](__m512i sum, __m512i factor) {
        return _mm512_dpbusd_epi32(sum, factor, factor);
      });
#endif
  std::printf(
      "{\"read\": %.4g, \"float32\": %.4g, \"bf16\": %.4g, \"int8\": %.4g}\n", read,
      fp32, bf16, int8);
  return 0;
}
