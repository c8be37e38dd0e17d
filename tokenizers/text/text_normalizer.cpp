// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_normalizer.h"

#include <array>
#include <utility>

#include "tokenizers/text/unicode_form.h"
#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

class FormNormalizer : public TextNormalizer {
 public:
  explicit FormNormalizer(UnicodeForm form) : form_(form) {}

  AlignedText normalized(AlignedText text, PatternScratch& /*scratch*/) const override {
    return to_form(std::move(text), form_);
  }

 private:
  UnicodeForm form_;
};

class LowercaseNormalizer : public TextNormalizer {
 public:
  AlignedText normalized(AlignedText text, PatternScratch& /*scratch*/) const override {
    const std::string_view bytes = text.text();
    AlignedEdit edit(text);
    size_t copied = 0;
    for (size_t i = 0; i < bytes.size();) {
      const Utf8Character character = first_character(bytes.substr(i));
      const size_t end = i + character.num_bytes;
      const char32_t lower = to_lower(character.code_point);
      constexpr char32_t kCapitalIWithDot = 0x130;
      if (lower != character.code_point) {
        edit.copy(copied, i);
        std::string written;
        if (character.code_point == kCapitalIWithDot) {
          written = "i\u0307";
        } else {
          append_character(written, lower);
        }
        edit.insert(written, i);
        copied = end;
      }
      i = end;
    }
    if (copied == 0) {
      return text;
    }
    edit.copy(copied, bytes.size());
    return edit.take();
  }
};

class PrependNormalizer : public TextNormalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}

  AlignedText normalized(AlignedText text, PatternScratch& /*scratch*/) const override {
    if (text.text().empty() || prefix_.empty()) {
      return text;
    }
    AlignedEdit edit(text);
    edit.insert(prefix_, 0);
    edit.copy(0, text.text().size());
    return edit.take();
  }

 private:
  std::string prefix_;
};

class ReplaceNormalizer : public TextNormalizer {
 public:
  ReplaceNormalizer(TextPattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  AlignedText normalized(AlignedText text, PatternScratch& scratch) const override {
    PatternMatches matches(pattern_, text.text(), scratch);
    if (text.text().empty() || !matches.next()) {
      return text;
    }
    AlignedEdit edit(text);
    size_t copied = 0;
    do {
      edit.copy(copied, matches.begin());
      // What is new comes from the last character that it replaces.
      if (matches.end() > 0) {
        edit.insert(content_, matches.end() - 1);
      } else {
        edit.insert_at_start(content_);
      }
      copied = matches.end();
    } while (matches.next());
    edit.copy(copied, text.text().size());
    return edit.take();
  }

 private:
  TextPattern pattern_;
  std::string content_;
};

class StripNormalizer : public TextNormalizer {
 public:
  StripNormalizer(bool strips_left, bool strips_right)
      : strips_left_(strips_left), strips_right_(strips_right) {}

  AlignedText normalized(AlignedText text, PatternScratch& /*scratch*/) const override {
    const std::string_view bytes = text.text();
    size_t first = bytes.size(); // where the first character that is no space begins
    size_t last = 0; // where the last one ends
    for (size_t i = 0; i < bytes.size();) {
      const Utf8Character character = first_character(bytes.substr(i));
      if (!is_white_space(character.code_point)) {
        first = std::min(first, i);
        last = i + character.num_bytes;
      }
      i += character.num_bytes;
    }
    const size_t begin = strips_left_ ? first : 0;
    const size_t end = strips_right_ ? std::max(last, begin) : bytes.size();
    return begin == 0 && end == bytes.size() ? text : text.part(begin, end);
  }

 private:
  bool strips_left_;
  bool strips_right_;
};

class NormalizerSequence : public TextNormalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<const TextNormalizer>> parts)
      : parts_(std::move(parts)) {}

  AlignedText normalized(AlignedText text, PatternScratch& scratch) const override {
    for (const auto& part : parts_) {
      text = part->normalized(std::move(text), scratch);
    }
    return text;
  }

 private:
  std::vector<std::unique_ptr<const TextNormalizer>> parts_;
};

} // namespace

TextPattern read_pattern(const TokenizerJsonPart& part) {
  const JsonObject pattern = part.fields.object("pattern");
  if (pattern.has("String")) {
    std::string text = pattern.string("String");
    if (text.empty()) {
      part.fail("with a pattern that is not empty", "\"\"");
    }
    return TextPattern::literal(std::move(text));
  }
  return TextPattern::expression(pattern.string("Regex"), part.file);
}

std::unique_ptr<const TextNormalizer> read_normalizer(const TokenizerJsonPart& part) {
  const std::string type = part.type();
  constexpr std::array<std::pair<std::string_view, UnicodeForm>, 4> kForms = {{
      {"NFC", UnicodeForm::Nfc},
      {"NFD", UnicodeForm::Nfd},
      {"NFKC", UnicodeForm::Nfkc},
      {"NFKD", UnicodeForm::Nfkd},
  }};
  for (const auto& [name, form] : kForms) {
    if (type == name) {
      return std::make_unique<FormNormalizer>(form);
    }
  }
  if (type == "Lowercase") {
    return std::make_unique<LowercaseNormalizer>();
  }
  if (type == "Prepend") {
    return std::make_unique<PrependNormalizer>(part.fields.string("prepend"));
  }
  if (type == "Replace") {
    return std::make_unique<ReplaceNormalizer>(
        read_pattern(part), part.fields.string("content"));
  }
  if (type == "Strip") {
    return std::make_unique<StripNormalizer>(
        part.fields.boolean("strip_left"), part.fields.boolean("strip_right"));
  }
  if (type == "Sequence") {
    return std::make_unique<NormalizerSequence>(
        part.parts<std::unique_ptr<const TextNormalizer>>(
            "normalizers", read_normalizer));
  }
  part.unsupported(
      "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip or Sequence", type);
}

} // namespace omni
