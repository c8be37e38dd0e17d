// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Text (UTF-8) to ids and back. The interface of every text tokenizer, and the loader
// that picks one by file. Immutable after loading, safe to share between threads.
// Law: decode(encode(x)) == x for any valid UTF-8 x that normalisation leaves alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

// Bytes of a UTF-8 text, half-open; both ends lie between characters.
struct TextRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// The ids of a text, and the part of the text that each of them is for.
struct TextEncoding {
  std::vector<int64_t> ids;
  std::vector<TextRange> ranges;
};

// Whether one of `offsets`, which ascend, lies inside the range of `text`, or before it
// where the range is one character.
[[nodiscard]] bool
holds_any(std::string_view text, TextRange range, const std::vector<int64_t>& offsets);

// Ids that stand around those of a whole text where a model was trained so.
struct TextFrame {
  std::vector<int64_t> before;
  std::vector<int64_t> after;
};

class TextTokenizer {
 public:
  virtual ~TextTokenizer() = default;

  // A folder (tokenizer.json or tokenizer.model inside), or one of those files.
  // Throws IoError naming what is wrong with the file, ValueError for a tokenizer.json
  // of a kind that is not supported.
  [[nodiscard]] static std::shared_ptr<const TextTokenizer> load(
      const std::filesystem::path& path);

  // Ids in [0, vocab_size()). Special tokens written in `text` are ordinary text
  // unless `allow_special`. Invalid UTF-8 becomes U+FFFD.
  [[nodiscard]] virtual std::vector<int64_t> encode(
      std::string_view text,
      bool allow_special = false) const = 0;
  // Ids of a prompt, valid UTF-8: added tokens in it, special ones too, are those, but
  // for one that holds_any() of `typed` (offsets, ascending), which is ordinary text.
  // So what a user typed within a prompt stays text.
  [[nodiscard]] virtual std::vector<int64_t> encode_prompt(
      std::string_view prompt,
      const std::vector<int64_t>& typed) const = 0;
  // The same ids as encode() with the part of the text that each is for, in bytes of
  // the text after invalid UTF-8 became U+FFFD. Ids that share a character have it
  // both. Throws ValueError for a kind of tokenizer that cannot tell.
  [[nodiscard]] virtual TextEncoding encode_with_ranges(
      std::string_view text,
      bool allow_special = false) const;
  // Throws std::out_of_range (IndexError in Python) for an id outside
  // [0, vocab_size()). The result is valid UTF-8
  // (bytes that are not become U+FFFD); `skip_special` leaves special tokens out.
  [[nodiscard]] virtual std::string decode(
      const std::vector<int64_t>& ids,
      bool skip_special = false) const = 0;
  // The raw bytes that one id adds to the decoded text (a lone byte for byte
  // fallback); empty for special tokens.
  [[nodiscard]] virtual std::string bytes_of(int64_t id) const = 0;
  // The same at the beginning of a text: without the space that has_dummy_prefix()
  // speaks of.
  [[nodiscard]] virtual std::string first_bytes_of(int64_t id) const;
  [[nodiscard]] virtual int64_t vocab_size() const = 0;
  // Whether encode() puts a space before a text, which decode() takes away again. The
  // bytes_of() of a text's ids then begin with that space; TextStream drops it.
  [[nodiscard]] virtual bool has_dummy_prefix() const {
    return false;
  }
  // Ids that only `allow_special` makes from text, by how they are written.
  [[nodiscard]] virtual std::map<std::string, int64_t> special_tokens() const {
    return {};
  }
  // Ids that are looked for in a text before all else, the special ones among them, by
  // how they are written: text that spells another than a special one becomes it.
  [[nodiscard]] virtual std::map<std::string, int64_t> added_tokens() const {
    return special_tokens();
  }
  // What the file puts around a text (its post-processor). encode() does not add it.
  [[nodiscard]] virtual TextFrame frame() const {
    return {};
  }
};

} // namespace omni
