// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/chat_template_file.h"

#include "tests/support/catch.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/temporary_folder.h"

using namespace omni;
using omni::test::TemporaryFolder;
using omni::testing::Contains;

namespace {

const char* const kSource = "{{ bos_token }}|{{ eos_token }}|{{ messages | length }}";

std::string rendered(const TemporaryFolder& folder) {
  const auto chat_template = read_chat_template(folder.path);
  REQUIRE(chat_template);
  return chat_template->render(TemplateValue::list({1, 2}));
}

} // namespace

TEST_CASE("A folder without a chat template has none") {
  const TemporaryFolder folder;
  CHECK_FALSE(read_chat_template(folder.path));
  write_file(folder.path / "tokenizer_config.json", R"({"chat_template": null})");
  CHECK_FALSE(read_chat_template(folder.path));
}

TEST_CASE("A chat template is a file of its own or lies in tokenizer_config.json") {
  const TemporaryFolder folder;
  const auto config = folder.path / "tokenizer_config.json";
  write_file(
      config,
      R"({"chat_template": "config {{ bos_token }}", "bos_token": {"content": "<s>"}})");
  CHECK(rendered(folder) == "config <s>");
  write_file(
      config,
      R"({"chat_template": [{"name": "tool_use", "template": "tools"},
                            {"name": "default", "template": "named"}]})");
  CHECK(rendered(folder) == "named");
  write_file(folder.path / "chat_template.jinja", kSource);
  write_file(config, R"({"chat_template": "config", "eos_token": "</s>"})");
  CHECK(rendered(folder) == "|</s>|2");
}

TEST_CASE("Special tokens are variables that a caller may set otherwise") {
  const TemporaryFolder folder;
  write_file(folder.path / "chat_template.jinja", kSource);
  write_file(
      folder.path / "tokenizer_config.json",
      R"({"bos_token": "<a>", "eos_token": "<b>", "additional_special_tokens": ["<x>"]})");
  write_file(folder.path / "special_tokens_map.json", R"({"eos_token": "<c>"})");
  CHECK(rendered(folder) == "<a>|<c>|2");
  write_file(
      folder.path / "tokenizer_config.json",
      R"({"bos_token": "<a>", "eos_token": "<b>", "added_tokens_decoder": {}})");
  CHECK(rendered(folder) == "<a>|<b>|2");
  const auto chat_template = read_chat_template(folder.path);
  REQUIRE(chat_template);
  CHECK(
      chat_template->render(
          TemplateValue::list(), false, {}, {{"bos_token", "mine"}}) == "mine|<b>|0");
}

TEST_CASE("What is no chat template is refused with the name of its file") {
  const TemporaryFolder folder;
  const auto config = folder.path / "tokenizer_config.json";
  const auto refuses = [&](const char* text, const char* expected) {
    INFO(text);
    write_file(config, text);
    CHECK_THROWS_WITH(
        read_chat_template(folder.path),
        Contains("tokenizer_config.json") && Contains(expected));
  };
  refuses("{", "");
  refuses("[]", "expected an object");
  refuses(R"({"chat_template": 3})", "expected `chat_template` a text, or a list");
  refuses(R"({"chat_template": [{"name": "rag", "template": "x"}]})", "\"default\"");
  refuses(R"({"chat_template": [{"name": "default", "template": 1}]})", "`template`");
  refuses(R"({"chat_template": "x", "bos_token": 1})", "expected `bos_token` a text");
  refuses(
      R"({"chat_template": "x", "additional_special_tokens": "<x>"})",
      "expected `additional_special_tokens` a list");
  write_file(config, R"({"chat_template": "{% if %}"})");
  CHECK_THROWS_WITH(read_chat_template(folder.path), Contains("line 1, column"));
}
