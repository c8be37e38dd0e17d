// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/chat_template_file.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/json.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

constexpr const char* kComponent = "chat_template";

// What `transformers` hands to every template of a tokenizer that has them.
constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token",
                                          "sep_token", "pad_token", "cls_token",
                                          "mask_token"};

[[noreturn]] void
fail(const fs::path& path, const std::string& key, const char* expected) {
  throw ValueError(
      kComponent, path.string() + ": expected `" + key + "` " + expected + ".");
}

// An object, or null where there is no such file.
Json read_object(const fs::path& path) {
  if (!fs::exists(path)) {
    return {};
  }
  // Tens of thousands of added tokens, each described, are the most published.
  constexpr int64_t kMaxBytes = int64_t{32} << 20;
  Json document = parse_json(
      read_file(path, kMaxBytes), kComponent, path.string(), {.max_values = 1'000'000});
  if (!document.is_object()) {
    throw ValueError(kComponent, path.string() + ": expected an object.");
  }
  return document;
}

// A text, or an added token with its flags.
std::string
token_text(const Json& token, const fs::path& path, const std::string& key) {
  if (token.is_object()) {
    const auto content = token.find("content");
    if (content != token.end() && content->is_string()) {
      return content->get<std::string>();
    }
  }
  if (!token.is_string()) {
    fail(path, key, "a text, or an object with the text `content`");
  }
  return token.get<std::string>();
}

void add_special_tokens(
    const Json& document,
    const fs::path& path,
    ChatTemplate::Variables& variables) {
  if (!document.is_object()) {
    return;
  }
  const auto set = [&](const std::string& key, TemplateValue value) {
    for (auto& [name, before] : variables) {
      if (name == key) {
        before = std::move(value);
        return;
      }
    }
    variables.emplace_back(key, std::move(value));
  };
  for (const char* key : kSpecialTokens) {
    const auto found = document.find(key);
    if (found != document.end() && !found->is_null()) {
      set(key, token_text(*found, path, key));
    }
  }
  const char* more = "additional_special_tokens";
  const auto found = document.find(more);
  if (found != document.end() && !found->is_null()) {
    if (!found->is_array()) {
      fail(path, more, "a list");
    }
    TemplateValue::Items tokens;
    for (const Json& token : *found) {
      tokens.emplace_back(token_text(token, path, more));
    }
    set(more, TemplateValue::list(std::move(tokens)));
  }
}

// `chat_template` of tokenizer_config.json.
std::string named_source(const Json& value, const fs::path& path) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  const char* expected =
      "a text, or a list of objects with `name` and `template`, one of them "
      "\"default\"";
  if (!value.is_array()) {
    fail(path, "chat_template", expected);
  }
  for (const Json& item : value) {
    if (!item.is_object() || !item.contains("name") || !item.contains("template") ||
        !item["template"].is_string()) {
      fail(path, "chat_template", expected);
    }
    if (item["name"] == "default") {
      return item["template"].get<std::string>();
    }
  }
  fail(path, "chat_template", expected);
}

} // namespace

std::optional<ChatTemplate> read_chat_template(const fs::path& folder) {
  const fs::path jinja_path = folder / "chat_template.jinja";
  const fs::path config_path = folder / "tokenizer_config.json";
  const Json config = read_object(config_path);
  const bool is_in_config = config.is_object() && config.contains("chat_template") &&
      !config["chat_template"].is_null();
  const bool has_file = fs::exists(jinja_path);
  if (!has_file && !is_in_config) {
    return std::nullopt;
  }
  ChatTemplate::Variables variables;
  add_special_tokens(config, config_path, variables);
  // Files of before `added_tokens_decoder` had their last word here.
  if (!config.is_object() || !config.contains("added_tokens_decoder")) {
    const fs::path map_path = folder / "special_tokens_map.json";
    add_special_tokens(read_object(map_path), map_path, variables);
  }
  const ChatTemplateOptions options;
  std::string source = has_file ? read_file(jinja_path, options.max_source_bytes)
                                : named_source(config["chat_template"], config_path);
  try {
    return ChatTemplate(std::move(source), options, std::move(variables));
  } catch (const ValueError& error) {
    constexpr std::string_view kPrefix = "[chat_template] ";
    std::string_view message = error.what();
    message.remove_prefix(message.starts_with(kPrefix) ? kPrefix.size() : 0);
    const fs::path& file = has_file ? jinja_path : config_path;
    throw ValueError(kComponent, file.string() + ": " + std::string(message));
  }
}

} // namespace omni
