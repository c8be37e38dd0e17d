// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The products of packed_product.h with AVX2, FMA and F16C. A tile is R rows of x by
// one panel, whose 16 rows are two vectors. Bytes are multiplied by maddubs, which adds
// two neighbours in 16 bits: whole groups of 4-bit codes stay below 2^15. Products of
// 8-bit codes would only with the signs moved to x, in as many instructions as x of 16
// bits takes (SmolLM2 on two Zen 3 cores: a prompt at 721 ids a second and 655, new ids
// at 102 in both; perplexity 0.54 and 0.20 % above that of bf16).
#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/packed_product_tiles.h"

namespace omni::kernels::cpu {
namespace {

constexpr int kHalves = 2; // of a panel, 8 rows each

struct HalfSums {
  __m256 of[kHalves];
};

template <int R>
[[gnu::target("avx2"), gnu::always_inline]] inline void
store_sums(const HalfSums (&sums)[R], float* out, int64_t out_stride) {
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(out + r * out_stride, sums[r].of[0]);
    _mm256_storeu_ps(out + r * out_stride + 8, sums[r].of[1]);
  }
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i load_bytes(
    const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Four codes of 8 bits, or two of 16 bits or bfloat16, in all lanes.
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i in_all_lanes(
    const void* from) {
  int32_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return _mm256_set1_epi32(word);
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256 first_of_pairs(
    __m256i pairs) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256 second_of_pairs(
    __m256i pairs) {
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000)));
}

template <int R>
[[gnu::target("avx2,fma")]] void bfloat16_tile_avx2(const Tile& tile) {
  HalfSums sums[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r] = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
  }
  const int64_t padded = padded_columns(tile.num_columns);
  for (int64_t k = 0; k < tile.num_columns; k += 2) { // beyond, all are zeros
    const std::byte* at = tile.panel + k * kPanelRows * 2;
    const __m256i low = load_bytes(at), high = load_bytes(at + 32);
    const __m256 first[kHalves] = {first_of_pairs(low), first_of_pairs(high)};
    const __m256 second[kHalves] = {second_of_pairs(low), second_of_pairs(high)};
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256i pair = in_all_lanes(tile.x.values + r * padded + k);
      const __m256 x = first_of_pairs(pair), y = second_of_pairs(pair);
      sums[r].of[0] = _mm256_fmadd_ps(first[0], x, sums[r].of[0]);
      sums[r].of[1] = _mm256_fmadd_ps(first[1], x, sums[r].of[1]);
      sums[r].of[0] = _mm256_fmadd_ps(second[0], y, sums[r].of[0]);
      sums[r].of[1] = _mm256_fmadd_ps(second[1], y, sums[r].of[1]);
    }
  }
  store_sums<R>(sums, tile.out, tile.out_stride);
}

// Note [Many rows of bfloat16]
// For one row memory is what counts, and every entry is used as it is converted. Of
// many rows the same entries are used again and again: a part of some panels is
// converted first, so that nothing but products is left.
// The parts follow each other in the sums, which so have the order, and the bits, of
// one row's.
// 24 KiB of three panels: in the first-level cache.
constexpr int64_t kPartColumns = 128;
constexpr int64_t kPartPanels = 3;
constexpr int kPartRows = 6; // 12 sums of 16 registers

struct Part {
  alignas(64) float weights[kPartPanels][kPartColumns * kPanelRows];
  alignas(64) float x[kPartRows][kPartColumns];
};

[[gnu::target("avx2")]] void
set_weights(const std::byte* panel, int64_t num_columns, float* weights) {
  for (int64_t k = 0; k < num_columns; k += 2, weights += 2 * kPanelRows) {
    for (int h = 0; h < kHalves; ++h) {
      const __m256i pairs = load_bytes(panel + k * kPanelRows * 2 + h * 32);
      _mm256_store_ps(weights + h * 8, first_of_pairs(pairs));
      _mm256_store_ps(weights + kPanelRows + h * 8, second_of_pairs(pairs));
    }
  }
}

// A multiple of 8 columns.
[[gnu::target("avx2")]] void
set_x(const uint16_t* values, int64_t num_columns, float* x) {
  for (int64_t k = 0; k < num_columns; k += 8) {
    const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values + k));
    _mm256_store_ps(
        x + k,
        _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16)));
  }
}

// out [R, 16] (+)= x weights.
template <int R>
[[gnu::target("avx2,fma")]] void part_tile(
    const float* weights,
    const float (*x)[kPartColumns],
    int64_t num_columns,
    bool is_first,
    float* out,
    int64_t out_stride) {
  HalfSums sums[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    const float* from = out + r * out_stride;
    sums[r].of[0] = is_first ? _mm256_setzero_ps() : _mm256_loadu_ps(from);
    sums[r].of[1] = is_first ? _mm256_setzero_ps() : _mm256_loadu_ps(from + 8);
  }
  for (int64_t k = 0; k < num_columns; ++k) {
    const __m256 low = _mm256_load_ps(weights + k * kPanelRows);
    const __m256 high = _mm256_load_ps(weights + k * kPanelRows + 8);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m256 one = _mm256_broadcast_ss(x[r] + k);
      sums[r].of[0] = _mm256_fmadd_ps(low, one, sums[r].of[0]);
      sums[r].of[1] = _mm256_fmadd_ps(high, one, sums[r].of[1]);
    }
  }
  store_sums<R>(sums, out, out_stride);
}

template <int R = kPartRows>
void run_part_rows(
    const Part& part,
    int64_t panel,
    int64_t rows,
    int64_t num_columns,
    bool is_first,
    float* out,
    int64_t out_stride) {
  if (rows == R) {
    part_tile<R>(part.weights[panel], part.x, num_columns, is_first, out, out_stride);
  } else if constexpr (R > 1) {
    run_part_rows<R - 1>(part, panel, rows, num_columns, is_first, out, out_stride);
  }
}

// As PackedProduct.
void bfloat16_rows_avx2(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  const int64_t step = step_of(weight), padded = padded_columns(weight.num_columns);
  Part part;
  for (int64_t p = range.panel_begin; p < range.panel_end; p += kPartPanels) {
    const int64_t panels = std::min(kPartPanels, range.panel_end - p);
    for (int64_t k = 0; k < weight.num_columns; k += kPartColumns) {
      // Beyond the last column, up to padded_columns(), x is zero.
      const int64_t columns = std::min(kPartColumns, padded - k);
      const int64_t used = std::min(columns, round_up(weight.num_columns - k, 2));
      for (int64_t i = 0; i < panels; ++i) {
        const std::byte* panel = weight.panels + (p + i) * step;
        set_weights(panel + k * kPanelRows * 2, used, part.weights[i]);
      }
      for (int64_t m = 0; m < range.num_rows; m += kPartRows) {
        const int64_t rows = std::min<int64_t>(kPartRows, range.num_rows - m);
        for (int64_t r = 0; r < rows; ++r) {
          set_x(x.values + (m + r) * padded + k, columns, part.x[r]);
        }
        for (int64_t i = 0; i < panels; ++i) {
          float* to = out + m * out_stride + (p - range.panel_begin + i) * kPanelRows;
          run_part_rows(part, i, rows, used, k == 0, to, out_stride);
        }
      }
    }
  }
}

// The products of two neighbours each in 32 bits.
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i join_neighbours(
    __m256i products) {
  return _mm256_madd_epi16(products, _mm256_set1_epi16(1));
}

template <int R>
[[gnu::target("avx2,fma")]] void int8_tile_avx2(const Tile& tile) {
  HalfSums sums[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r] = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
  }
  const int64_t padded = padded_columns(tile.num_columns);
  const int64_t groups = num_groups(tile.num_columns);
  for (int64_t g = 0; g < groups; ++g) {
    const std::byte* group = tile.panel + g * kInt8Group;
    __m256i dots[R][kHalves];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) { // codes are 128 more than what they stand for
      dots[r][0] = dots[r][1] = _mm256_set1_epi32(-128 * tile.x.sums[r * groups + g]);
    }
    for (int64_t i = 0; i < kGroupColumns; i += 4) {
      const int16_t* codes = tile.x.wide_codes + g * kGroupColumns + i;
      __m256i even[kHalves], odd[kHalves];
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        const __m256i weights =
            load_bytes(group + kInt8Codes + i * kPanelRows + h * 32);
        even[h] = _mm256_and_si256(weights, _mm256_set1_epi16(255));
        odd[h] = _mm256_srli_epi16(weights, 8);
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const __m256i x02 = in_all_lanes(codes + r * padded);
        const __m256i x13 = in_all_lanes(codes + r * padded + 2);
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) {
          dots[r][h] = _mm256_add_epi32(dots[r][h], _mm256_madd_epi16(even[h], x02));
          dots[r][h] = _mm256_add_epi32(dots[r][h], _mm256_madd_epi16(odd[h], x13));
        }
      }
    }
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const __m256 scales = _mm256_castsi256_ps(_mm256_slli_epi32(
          _mm256_cvtepu16_epi32(
              _mm_loadu_si128(reinterpret_cast<const __m128i*>(group + h * 16))),
          16));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const __m256 scale =
            _mm256_mul_ps(scales, _mm256_set1_ps(tile.x.scales[r * groups + g]));
        sums[r].of[h] =
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r][h]), scale, sums[r].of[h]);
      }
    }
  }
  store_sums<R>(sums, tile.out, tile.out_stride);
}

template <int R>
[[gnu::target("avx2,fma,f16c")]] void int4_tile_avx2(const Tile& tile) {
  HalfSums sums[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r] = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
  }
  const int64_t padded = padded_columns(tile.num_columns);
  const int64_t groups = num_groups(tile.num_columns);
  const __m256i low_half = _mm256_set1_epi8(15);
  for (int64_t g = 0; g < groups; ++g) {
    const std::byte* group = tile.panel + g * kInt4Group;
    __m256i dots[R][kHalves]; // 16 bits: at most 16 products of 15 by 127
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      dots[r][0] = dots[r][1] = _mm256_setzero_si256();
    }
#pragma GCC unroll 4
    for (int64_t i = 0; i < kGroupColumns; i += 8) {
      const int8_t* codes = tile.x.codes + g * kGroupColumns + i;
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        const __m256i both = load_bytes(group + kInt4Codes + i * 8 + h * 32);
        const __m256i low = _mm256_and_si256(both, low_half);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_half);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          const __m256i products = _mm256_add_epi16(
              _mm256_maddubs_epi16(low, in_all_lanes(codes + r * padded)),
              _mm256_maddubs_epi16(high, in_all_lanes(codes + r * padded + 4)));
          dots[r][h] = _mm256_add_epi16(dots[r][h], products);
        }
      }
    }
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const __m128i grids =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(group + h * 16));
      const __m256 scales = _mm256_cvtph_ps(
          _mm_and_si128(_mm_srli_epi16(grids, 1), _mm_set1_epi16(kInt4ScaleBits)));
      const __m256 zeros = _mm256_cvtepi32_ps(
          _mm256_cvtepu16_epi32(_mm_and_si128(grids, _mm_set1_epi16(kInt4ZeroBits))));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const __m256 quarter =
            _mm256_set1_ps(static_cast<float>(tile.x.sums[r * groups + g]) * 0.25f);
        const __m256 scale =
            _mm256_mul_ps(scales, _mm256_set1_ps(tile.x.scales[r * groups + g]));
        const __m256 dot = _mm256_fnmadd_ps(
            zeros, quarter, _mm256_cvtepi32_ps(join_neighbours(dots[r][h])));
        sums[r].of[h] = _mm256_fmadd_ps(dot, scale, sums[r].of[h]);
      }
    }
  }
  store_sums<R>(sums, tile.out, tile.out_stride);
}

struct TilesAvx2 {
  static constexpr int kRows = 4; // 8 sums of 16 registers
  static constexpr int kPanels = 1;
};

struct Bfloat16TilesAvx2 : TilesAvx2 {
  template <int R, int P>
  static void run(const Tile& tile) {
    bfloat16_tile_avx2<R>(tile);
  }
};

void bfloat16_product_avx2(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  const bool are_many = range.num_rows > TilesAvx2::kRows;
  (are_many ? &bfloat16_rows_avx2
            : &product_by_tiles<Bfloat16TilesAvx2>)(weight, x, range, out, out_stride);
}

struct Int8TilesAvx2 : TilesAvx2 {
  template <int R, int P>
  static void run(const Tile& tile) {
    int8_tile_avx2<R>(tile);
  }
};

struct Int4TilesAvx2 : TilesAvx2 {
  template <int R, int P>
  static void run(const Tile& tile) {
    int4_tile_avx2<R>(tile);
  }
};

} // namespace

const PackedProducts* avx2_products() {
  static const PackedProducts products = {
      "avx2", RowForm::Codes16, &bfloat16_product_avx2,
      &product_by_tiles<Int8TilesAvx2>, &product_by_tiles<Int4TilesAvx2>};
  static const bool has_them = __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return has_them ? &products : nullptr;
}

} // namespace omni::kernels::cpu
