// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: what Python's str knows of Unicode, as ranges of code points.
#pragma once

#include <cstdint>
#include <span>

namespace omni {

// Code points from first to last in steps of `stride` that all move by `delta`.
struct CaseRun {
  uint32_t first;
  uint32_t last;
  int32_t delta;
  uint32_t stride;
};

// A character that becomes several.
struct CaseSpecial {
  uint32_t code_point;
  const char* text;
};

extern const std::span<const uint32_t> kAlphabetic;
extern const std::span<const uint32_t> kDecimal;
extern const std::span<const uint32_t> kDigit;
extern const std::span<const uint32_t> kNumeric;
extern const std::span<const uint32_t> kPrintable;
// A case that the changes of case do not show, and changes that show a wrong one.
extern const std::span<const uint32_t> kLowerAlone;
extern const std::span<const uint32_t> kUpperAlone;
extern const std::span<const uint32_t> kTitleAlone;
extern const std::span<const uint32_t> kNotLower;
extern const std::span<const uint32_t> kNotUpper;

extern const std::span<const CaseRun> kToUpper;
extern const std::span<const CaseRun> kToLower;
extern const std::span<const CaseRun> kToTitle;
extern const std::span<const CaseSpecial> kToUpperSpecial;
extern const std::span<const CaseSpecial> kToLowerSpecial;
extern const std::span<const CaseSpecial> kToTitleSpecial;

} // namespace omni
