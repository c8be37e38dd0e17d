// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/token_decoder.h"

#include <algorithm>
#include <utility>

#include "tokenizers/text/byte_level.h"
#include "tokenizers/text/metaspace.h"
#include "tokenizers/text/text_normalizer.h"

namespace omni {
namespace {

// <0xNN> as a byte.
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char c : token.substr(3, 2)) {
    const size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    value = value * 16 + static_cast<unsigned>(digit % 16);
  }
  return static_cast<char>(value);
}

std::string replaced(
    std::string_view text,
    const TextPattern& pattern,
    std::string_view content,
    PatternScratch& scratch) {
  PatternMatches matches(pattern, text, scratch);
  std::string result;
  size_t copied = 0;
  while (matches.next()) {
    (result += text.substr(copied, matches.begin() - copied)) += content;
    copied = matches.end();
  }
  return result += text.substr(copied);
}

} // namespace

TokenDecoder::TokenDecoder(const TokenizerJsonPart& part) : has_decoder_(true) {
  read(part);
}

void TokenDecoder::read(const TokenizerJsonPart& part) {
  const std::string type = part.type();
  if (type == "Sequence") {
    for (const JsonObject& inner : part.fields.objects("decoders")) {
      read({inner, part.name, part.file});
    }
    return;
  }
  if (type == "Fuse") {
    is_fused_ = true;
    return;
  }
  if (type == "Strip") {
    read_strip(part);
    return;
  }
  if (is_fused_) {
    part.unsupported("Fuse with nothing but Strip after it", type);
  }
  const bool makes_bytes = std::ranges::any_of(
      steps_, [](const Step& step) { return step.kind == Kind::ByteLevel; });
  if (makes_bytes) {
    part.unsupported("ByteLevel with nothing but Fuse and Strip after it", type);
  }
  if (type == "ByteLevel") {
    steps_.push_back({.kind = Kind::ByteLevel});
  } else if (type == "ByteFallback") {
    steps_.push_back({.kind = Kind::ByteFallback});
  } else if (type == "Metaspace") {
    const MetaspaceOptions options = read_metaspace_options(part);
    steps_.push_back(
        {.kind = Kind::Metaspace,
         .to = " ",
         .pattern = TextPattern::literal(options.replacement),
         .drops_first = options.prepend != PrependScheme::Never});
  } else if (type == "Replace") {
    steps_.push_back(
        {.kind = Kind::Replace,
         .to = part.fields.string("content"),
         .pattern = read_pattern(part)});
  } else {
    part.unsupported(
        "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip or Sequence", type);
  }
}

void TokenDecoder::read_strip(const TokenizerJsonPart& part) {
  const int64_t start = part.fields.integer("start", 0);
  const int64_t stop = part.fields.integer("stop", 0);
  if (start == 0 && stop == 0) {
    return;
  }
  if (!is_fused_ || start != 1 || stop != 0 || part.fields.string("content") != " ") {
    part.unsupported(
        "Strip of one space at the start, after Fuse",
        "start " + std::to_string(start) + ", stop " + std::to_string(stop) +
            ", content \"" + part.fields.string("content") + "\"" +
            (is_fused_ ? "" : " before it"));
  }
  strips_first_space_ = true;
}

bool TokenDecoder::drops_first_space() const {
  return strips_first_space_ || std::ranges::any_of(steps_, &Step::drops_first);
}

std::string TokenDecoder::bytes_of(
    std::string_view token,
    bool is_first,
    PatternScratch& scratch) const {
  if (!has_decoder_) {
    return (is_first ? "" : " ") + std::string(token);
  }
  std::string text(token);
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::ByteLevel:
        if (auto bytes = bytes_of_characters(text)) {
          text = std::move(*bytes);
        }
        break;
      case Kind::ByteFallback:
        if (const auto byte = byte_of(text)) {
          return std::string(1, *byte);
        }
        break;
      case Kind::Metaspace:
      case Kind::Replace:
        text = replaced(
            text, *step.pattern, step.drops_first && is_first ? "" : step.to, scratch);
    }
  }
  return text;
}

} // namespace omni
