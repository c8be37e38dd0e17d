// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_frame.h"

#include <algorithm>

#include "tokenizers/text/tokenizer_json_file.h"
#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

constexpr char32_t kByteLevelSpace = 0x120;

void read_template(const TokenizerJsonPart& part, PostProcessor& processor) {
  std::vector<int64_t>* side = &processor.frame.before;
  for (const JsonObject& piece : part.fields.objects("single")) {
    if (piece.has("Sequence")) {
      if (side == &processor.frame.after ||
          piece.object("Sequence").string("id") != "A") {
        part.unsupported("with one sequence A in its single template", "another");
      }
      side = &processor.frame.after;
      continue;
    }
    const std::string name = piece.object("SpecialToken").string("id");
    const JsonObject tokens = part.fields.object("special_tokens");
    if (!tokens.has(name)) {
      part.fail("with the special tokens of its template", "none named " + name);
    }
    for (const int64_t id : tokens.object(name).integers("ids")) {
      if (id < 0 || id > kMaxTokenId) {
        part.fail(
            "with ids from 0 to " + std::to_string(kMaxTokenId), std::to_string(id));
      }
      side->push_back(id);
    }
  }
  if (side != &processor.frame.after) {
    part.unsupported("with one sequence A in its single template", "none");
  }
}

void read_into(const TokenizerJsonPart& part, PostProcessor& processor) {
  const std::string type = part.type();
  if (type == "ByteLevel") {
    if (part.fields.boolean_or("trim_offsets", true)) {
      processor.trims_ranges = true;
      processor.keeps_first_space = part.fields.boolean_or("add_prefix_space", true);
    }
  } else if (type == "TemplateProcessing") {
    if (!processor.frame.before.empty() || !processor.frame.after.empty()) {
      part.unsupported("with one TemplateProcessing", "two");
    }
    read_template(part, processor);
  } else if (type == "Sequence") {
    for (const JsonObject& inner : part.fields.objects("processors")) {
      read_into({inner, part.name, part.file}, processor);
    }
  } else {
    part.unsupported("ByteLevel, TemplateProcessing or Sequence", type);
  }
}

} // namespace

PostProcessor read_post_processor(const TokenizerJsonPart& part) {
  PostProcessor processor;
  read_into(part, processor);
  return processor;
}

TextRange trimmed(
    TextRange range,
    std::string_view token,
    std::string_view text,
    const TrimOptions& options) {
  int64_t num_leading = 0;
  int64_t num_trailing = 0;
  bool is_leading = true;
  while (!token.empty()) {
    const Utf8Character character = first_character(token);
    const bool is_space =
        character.code_point == kByteLevelSpace || is_white_space(character.code_point);
    is_leading = is_leading && is_space;
    num_leading += is_leading ? 1 : 0;
    num_trailing = is_space ? num_trailing + 1 : 0;
    token.remove_prefix(character.num_bytes);
  }
  const bool was_added =
      options.is_first && options.keeps_first_space && num_leading == 1;
  for (int64_t i = was_added ? num_leading : 0; i < num_leading; ++i) {
    range.begin = std::min(
        range.begin +
            static_cast<int64_t>(
                first_character(text.substr(static_cast<size_t>(range.begin)))
                    .num_bytes),
        range.end);
  }
  int64_t end = range.end;
  for (int64_t i = 0; i < num_trailing; ++i) {
    if (end == 0) {
      return range; // more white space than text
    }
    do {
      --end;
    } while (continues_character(text[static_cast<size_t>(end)]));
  }
  range.end = std::max(end, range.begin);
  return range;
}

} // namespace omni
