// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_tokenizer.h"

#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "tokenizers/text/sentencepiece_tokenizer.h"

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

std::shared_ptr<const TextTokenizer> TextTokenizer::load(const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const char* name : {"tokenizer.model", "tokenizer.json"}) {
      if (fs::exists(path / name)) {
        return load(path / name);
      }
    }
    throw IoError(
        "tokenizer", path.string(),
        "expected tokenizer.model or tokenizer.json inside, found neither.");
  }
  if (path.extension() == ".model") {
    return load_sentencepiece(path, special_tokens_beside(path));
  }
  if (path.extension() == ".json" && fs::exists(path)) {
    throw ValueError(
        "tokenizer",
        "expected a SentencePiece tokenizer.model, got " + path.string() +
            ". Byte-level BPE in tokenizer.json is not readable yet.");
  }
  throw IoError(
      "tokenizer", path.string(),
      fs::exists(path) ? "expected a file tokenizer.model or tokenizer.json."
                       : "does not exist.");
}

} // namespace omni
