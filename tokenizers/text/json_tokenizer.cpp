// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/json_tokenizer.h"

#include <utility>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tokenizers/text/json_vocabulary.h"
#include "tokenizers/text/scratch_pool.h"
#include "tokenizers/text/text_encoder.h"
#include "tokenizers/text/token_decoder.h"
#include "tokenizers/text/tokenizer_input.h"
#include "tokenizers/text/tokenizer_json_file.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;

class JsonTokenizer : public TextTokenizer {
 public:
  explicit JsonTokenizer(const TokenizerJsonFile& file)
      : vocabulary_(file),
        decoder_(read_decoder(file)),
        encoder_(file, vocabulary_),
        is_special_(vocabulary_.size()) {
    for (const uint32_t id : vocabulary_.special()) {
      is_special_[id] = true;
    }
    PatternScratch scratch;
    for (size_t id = 0; id < vocabulary_.size(); ++id) {
      const std::string& text = encoder_.form_of(id);
      bytes_.push_back(
          is_special_[id] || text.empty() ? ""
                                          : decoder_.bytes_of(text, false, scratch));
    }
  }

  std::vector<int64_t> encode(std::string_view text, bool allow_special)
      const override {
    return encoder_
        .encode(checked_text(text, kMaxTextBytes), {.allow_special = allow_special})
        .ids;
  }

  std::vector<int64_t> encode_prompt(
      std::string_view prompt,
      const std::vector<int64_t>& typed) const override {
    return encoder_
        .encode(
            checked_text(prompt, kMaxTextBytes),
            {.allow_special = true, .typed = typed.empty() ? nullptr : &typed})
        .ids;
  }

  TextEncoding encode_with_ranges(std::string_view text, bool allow_special)
      const override {
    return encoder_.encode(
        checked_text(text, kMaxTextBytes),
        {.allow_special = allow_special, .wants_ranges = true});
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special)
      const override {
    std::string bytes;
    bool is_first = true;
    for (const int64_t id : ids) {
      check_id(id, vocab_size());
      const bool is_special = is_special_[static_cast<size_t>(id)];
      if (text_of(id).empty() || (is_special && skip_special)) {
        continue;
      }
      bytes += is_first || is_special ? decoded(id, is_first)
                                      : bytes_[static_cast<size_t>(id)];
      is_first = false;
    }
    return to_valid_utf8(without_first_space(bytes));
  }

  std::string bytes_of(int64_t id) const override {
    check_id(id, vocab_size());
    return bytes_[static_cast<size_t>(id)];
  }

  std::string first_bytes_of(int64_t id) const override {
    check_id(id, vocab_size());
    if (is_special_[static_cast<size_t>(id)] || text_of(id).empty()) {
      return "";
    }
    return std::string(without_first_space(decoded(id, true)));
  }

  int64_t vocab_size() const override {
    return static_cast<int64_t>(vocabulary_.size());
  }

  bool has_dummy_prefix() const override {
    return decoder_.drops_first_space();
  }

  std::map<std::string, int64_t> special_tokens() const override {
    return vocabulary_.special_tokens();
  }

  std::map<std::string, int64_t> added_tokens() const override {
    return vocabulary_.added_tokens();
  }

  TextFrame frame() const override {
    return encoder_.frame();
  }

 private:
  static TokenDecoder read_decoder(const TokenizerJsonFile& file) {
    const JsonObject document(file.document, "tokenizer");
    if (!document.has("decoder")) {
      return {};
    }
    const JsonObject fields = document.object("decoder");
    return TokenDecoder(TokenizerJsonPart{fields, "decoder", file.name});
  }

  // As decoding begins from it; empty where no token has the id.
  [[nodiscard]] const std::string& text_of(int64_t id) const {
    return encoder_.form_of(static_cast<size_t>(id));
  }

  [[nodiscard]] std::string decoded(int64_t id, bool is_first) const {
    const auto scratch = scratch_.take();
    return decoder_.bytes_of(text_of(id), is_first, *scratch);
  }

  // Bytes from the beginning of a text, without the space that stands there.
  [[nodiscard]] std::string_view without_first_space(std::string_view bytes) const {
    const bool has_space = decoder_.strips_first_space() && bytes.starts_with(' ');
    return bytes.substr(has_space ? 1 : 0);
  }

  JsonVocabulary vocabulary_;
  TokenDecoder decoder_;
  TextEncoder encoder_;
  std::vector<bool> is_special_; // by id
  std::vector<std::string> bytes_; // by id
  mutable ScratchPool<PatternScratch> scratch_;
};

} // namespace

std::shared_ptr<const TextTokenizer> tokenizer_from_json(
    std::string_view bytes,
    const std::string& name) {
  const TokenizerJsonFile file = parse_tokenizer_json(bytes, name);
  try {
    return std::make_shared<JsonTokenizer>(file);
  } catch (const UnsupportedTokenizer&) {
    throw;
  } catch (const ValueError& error) {
    // A field that is missing or of another type: the file's fault.
    constexpr std::string_view kPrefix = "[tokenizer] ";
    std::string_view message = error.what();
    message.remove_prefix(message.starts_with(kPrefix) ? kPrefix.size() : 0);
    throw IoError("tokenizer", name, std::string(message));
  }
}

std::shared_ptr<const TextTokenizer> load_tokenizer_json(
    const std::filesystem::path& path) {
  constexpr int64_t kMaxFileBytes = int64_t{128} << 20;
  return tokenizer_from_json(read_file(path, kMaxFileBytes), path.string());
}

} // namespace omni
