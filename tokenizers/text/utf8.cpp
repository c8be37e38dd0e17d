// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// What Table 3-7 of Unicode says about a first byte: how many bytes the character has
// and which second bytes are well-formed. Later bytes are 80..BF.
struct Lead {
  size_t num_bytes;
  unsigned second_begin;
  unsigned second_end;
};

Lead lead_of(unsigned byte) {
  if (byte < 0x80) {
    return {1, 0, 0};
  }
  if (byte < 0xC2 || byte > 0xF4) {
    return {0, 0, 0};
  }
  if (byte < 0xE0) {
    return {2, 0x80, 0xC0};
  }
  if (byte < 0xF0) {
    return {3, byte == 0xE0 ? 0xA0U : 0x80U, byte == 0xED ? 0xA0U : 0xC0U};
  }
  return {4, byte == 0xF0 ? 0x90U : 0x80U, byte == 0xF4 ? 0x90U : 0xC0U};
}

} // namespace

Utf8Character first_character(std::string_view text) {
  constexpr char32_t kReplacement = 0xFFFD;
  if (text.empty()) {
    return {};
  }
  const unsigned first = static_cast<unsigned char>(text[0]);
  const Lead lead = lead_of(first);
  if (lead.num_bytes == 0) {
    return {kReplacement, 1, false, false};
  }
  if (lead.num_bytes == 1) {
    return {first, 1, true, false};
  }
  char32_t code_point = first & (0x7FU >> lead.num_bytes);
  for (size_t i = 1; i < lead.num_bytes; ++i) {
    if (i == text.size()) {
      return {kReplacement, i, false, true};
    }
    const unsigned byte = static_cast<unsigned char>(text[i]);
    const unsigned begin = i == 1 ? lead.second_begin : 0x80U;
    const unsigned end = i == 1 ? lead.second_end : 0xC0U;
    if (byte < begin || byte >= end) {
      return {kReplacement, i, false, false};
    }
    code_point = code_point << 6 | (byte & 0x3FU);
  }
  return {code_point, lead.num_bytes, true, false};
}

void append_character(std::string& text, char32_t code_point) {
  const auto tail = [&](int shift) {
    text += static_cast<char>(0x80U | (code_point >> shift & 0x3FU));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0U | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xE0U | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

} // namespace omni
