// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <utility>

#include "omni/core/errors.h"
#include "tokenizers/text/pattern_translation.h"
#include "tokenizers/text/tokenizer_json_part.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

// Steps of backtracking that any text may take, and those for each of its bytes.
constexpr uint64_t kMatchLimit = 1'000'000;
constexpr uint64_t kMatchLimitPerByte = 8;
constexpr uint32_t kHeapLimitKib = 65536;
constexpr size_t kStackBytes = 32768;
constexpr size_t kMaxStackBytes = size_t{4} << 20;

std::string message_of(int error) {
  constexpr size_t kMaxMessage = 256;
  PCRE2_UCHAR8 text[kMaxMessage] = {};
  pcre2_get_error_message_8(error, text, kMaxMessage);
  return reinterpret_cast<const char*>(text);
}

} // namespace

struct PatternScratch::State {
  std::unique_ptr<pcre2_match_data_8, Release<pcre2_match_data_free_8>> match{
      pcre2_match_data_create_8(1, nullptr)};
  std::unique_ptr<pcre2_jit_stack_8, Release<pcre2_jit_stack_free_8>> stack{
      pcre2_jit_stack_create_8(kStackBytes, kMaxStackBytes, nullptr)};
  std::unique_ptr<pcre2_match_context_8, Release<pcre2_match_context_free_8>> context{
      pcre2_match_context_create_8(nullptr)};

  State() {
    if (!match || !stack || !context) {
      throw std::bad_alloc();
    }
    pcre2_jit_stack_assign_8(context.get(), nullptr, stack.get());
    pcre2_set_heap_limit_8(context.get(), kHeapLimitKib);
  }

  void prepare_for(size_t num_bytes) {
    const uint64_t limit = kMatchLimit + kMatchLimitPerByte * num_bytes;
    pcre2_set_match_limit_8(
        context.get(),
        static_cast<uint32_t>(std::min<uint64_t>(limit, uint64_t{4'000'000'000})));
  }
};

PatternScratch::PatternScratch() : state_(std::make_unique<State>()) {}
PatternScratch::~PatternScratch() = default;
PatternScratch::PatternScratch(PatternScratch&&) noexcept = default;
PatternScratch& PatternScratch::operator=(PatternScratch&&) noexcept = default;

struct TextPattern::Compiled {
  std::string pattern; // as the file has it
  std::string file;
  std::unique_ptr<pcre2_code_8, Release<pcre2_code_free_8>> code;
  bool is_machine_code = false;
};

TextPattern TextPattern::literal(std::string text) {
  TextPattern pattern;
  pattern.literal_ = std::move(text);
  return pattern;
}

TextPattern TextPattern::expression(std::string_view pattern, const std::string& file) {
  std::string translated;
  try {
    translated = to_pcre2(pattern);
  } catch (const PatternError& error) {
    throw UnsupportedTokenizer(
        file,
        std::string("expected a regular expression of a supported kind, got ") +
            error.what() + " in " + std::string(pattern.substr(0, 200)));
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->pattern = pattern;
  compiled->file = file;
  std::unique_ptr<pcre2_compile_context_8, Release<pcre2_compile_context_free_8>>
      context{pcre2_compile_context_create_8(nullptr)};
  if (!context) {
    throw std::bad_alloc();
  }
  pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_bsr_8(context.get(), PCRE2_BSR_UNICODE);
  int error = 0;
  size_t position = 0;
  compiled->code.reset(pcre2_compile_8(
      reinterpret_cast<PCRE2_SPTR8>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NO_AUTO_CAPTURE |
          PCRE2_NEVER_BACKSLASH_C,
      &error, &position, context.get()));
  if (!compiled->code) {
    throw IoError(
        "tokenizer", file,
        "expected a sound regular expression, got one that is not (" +
            message_of(error) + "): " + std::string(pattern.substr(0, 200)));
  }
  compiled->is_machine_code =
      pcre2_jit_compile_8(compiled->code.get(), PCRE2_JIT_COMPLETE) == 0;
  TextPattern result;
  result.compiled_ = std::move(compiled);
  return result;
}

PatternMatches::PatternMatches(
    const TextPattern& pattern,
    std::string_view text,
    PatternScratch& scratch)
    : pattern_(pattern), text_(text), state_(*scratch.state_) {
  state_.prepare_for(text.size());
}

bool PatternMatches::next() {
  while (from_ <= text_.size()) {
    const size_t last_end = end_;
    if (!search()) {
      from_ = text_.size() + 1;
      return false;
    }
    if (begin_ != end_ || !has_match_ || end_ != last_end) {
      has_match_ = true;
      from_ = end_;
      return true;
    }
    // An empty match right after the last match does not count.
    from_ += std::max<size_t>(first_character(text_.substr(from_)).num_bytes, 1);
  }
  return false;
}

bool PatternMatches::search() {
  if (!pattern_.compiled_) {
    begin_ = text_.find(pattern_.literal_, from_);
    end_ = begin_ + pattern_.literal_.size();
    return begin_ != text_.npos;
  }
  const TextPattern::Compiled& compiled = *pattern_.compiled_;
  const auto* subject = reinterpret_cast<PCRE2_SPTR8>(text_.data());
  const auto run = compiled.is_machine_code ? pcre2_jit_match_8 : pcre2_match_8;
  const int count =
      run(compiled.code.get(), subject, text_.size(), from_, PCRE2_NO_UTF_CHECK,
          state_.match.get(), state_.context.get());
  if (count == PCRE2_ERROR_NOMATCH) {
    return false;
  }
  if (count < 0) {
    throw IoError(
        "tokenizer", compiled.file,
        "expected a regular expression that is quick to match, got one that gave up (" +
            message_of(count) + ") on a text of " + std::to_string(text_.size()) +
            " bytes: " + compiled.pattern.substr(0, 200));
  }
  const size_t* found = pcre2_get_ovector_pointer_8(state_.match.get());
  begin_ = found[0];
  end_ = found[1];
  return true;
}

} // namespace omni
