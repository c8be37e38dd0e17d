// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_tokenizer.h"

#include <algorithm>

#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "tokenizers/text/json_tokenizer.h"
#include "tokenizers/text/sentencepiece_tokenizer.h"
#include "tokenizers/text/tokenizer_input.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

// tokenizer_config.json says which tokens of a published model are special:
// {"added_tokens_decoder": {"<id>": {"content": "<start_of_turn>", "special": true}}}
std::vector<std::string> special_tokens_beside(const fs::path& model) {
  const fs::path path = model.parent_path() / "tokenizer_config.json";
  std::vector<std::string> special;
  if (!fs::exists(path)) {
    return special;
  }
  const Json config = read_json(path, "tokenizer");
  const auto added = config.find("added_tokens_decoder");
  if (!config.is_object() || added == config.end() || !added->is_object()) {
    return special;
  }
  for (const Json& token : *added) {
    if (token.is_object() && token.value("special", Json()) == Json(true) &&
        token.value("content", Json()).is_string()) {
      special.push_back(token["content"].get<std::string>());
    }
  }
  return special;
}

} // namespace

bool holds_any(
    std::string_view text,
    TextRange range,
    const std::vector<int64_t>& offsets) {
  const Utf8Character first = first_character(text.substr(range.begin));
  const bool is_character =
      range.begin + static_cast<int64_t>(first.num_bytes) == range.end;
  const auto next = std::lower_bound(
      offsets.begin(), offsets.end(), range.begin + (is_character ? 0 : 1));
  return next != offsets.end() && *next < range.end;
}

std::shared_ptr<const TextTokenizer> TextTokenizer::load(const fs::path& path) {
  if (fs::is_directory(path)) {
    const fs::path file = find_tokenizer_file(path);
    if (!file.empty()) {
      return load(file);
    }
    throw IoError(
        "tokenizer", path.string(),
        "expected tokenizer.json or tokenizer.model inside, found neither.");
  }
  if (path.extension() == ".model") {
    return load_sentencepiece(path, special_tokens_beside(path));
  }
  if (path.extension() == ".json" && fs::exists(path)) {
    return load_tokenizer_json(path);
  }
  throw IoError(
      "tokenizer", path.string(),
      fs::exists(path) ? "expected a file tokenizer.json or tokenizer.model."
                       : "does not exist.");
}

TextEncoding TextTokenizer::encode_with_ranges(
    std::string_view /*text*/,
    bool /*allow_special*/) const {
  throw ValueError(
      "tokenizer",
      "expected a tokenizer that knows which part of a text an id is for (that of a "
      "tokenizer.json does), got another.");
}

std::string TextTokenizer::first_bytes_of(int64_t id) const {
  std::string bytes = bytes_of(id);
  return has_dummy_prefix() && bytes.starts_with(' ') ? bytes.substr(1) : bytes;
}

} // namespace omni
