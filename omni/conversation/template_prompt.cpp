// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/template_prompt.h"

#include <functional>
#include <string_view>
#include <utility>

#include "omni/conversation/role_tokens.h"
#include "omni/conversation/template_json.h"
#include "omni/core/errors.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

std::string text_of(const ComposedMessage& message) {
  std::string text;
  for (const ComposedPart& part : message.parts) {
    const auto* piece = std::get_if<std::string>(&part);
    if (piece == nullptr) {
      throw ValueError(
          "compose",
          "expected messages of text for a model with a chat template, got media.");
    }
    text += *piece;
  }
  return text;
}

// What becomes of a text that somebody wrote before a template sees it.
using Change = std::function<std::string(std::string_view)>;

TemplateValue call_of(const ToolCall& call, const Change& change) {
  TemplateValue::Entries function = {
      {"name", change(call.name)},
      {"arguments",
       template_value_of_json(
           call.arguments, "the arguments of " + call.name, change)}};
  return TemplateValue::dict(
      {{"id", change(call.id)},
       {"type", "function"},
       {"function", TemplateValue::dict(std::move(function))}});
}

TemplateValue message_of(const ComposedMessage& message, const Change& change) {
  TemplateValue::Entries entries = {
      {"role", role_name(message.role)}, {"content", change(text_of(message))}};
  if (!message.reasoning.empty()) {
    entries.emplace_back("reasoning_content", change(message.reasoning));
  }
  if (!message.tool_calls.empty()) {
    TemplateValue::Items calls;
    for (const ToolCall& call : message.tool_calls) {
      calls.push_back(call_of(call, change));
    }
    entries.emplace_back("tool_calls", TemplateValue::list(std::move(calls)));
  }
  if (!message.tool_name.empty()) {
    entries.emplace_back("name", change(message.tool_name));
  }
  if (!message.tool_call_id.empty()) {
    entries.emplace_back("tool_call_id", change(message.tool_call_id));
  }
  return TemplateValue::dict(std::move(entries));
}

TemplateValue tools_of(const std::string& json, const Change& change) {
  if (json.empty()) {
    return {};
  }
  TemplateValue tools = template_value_of_json(json, "the tools", change);
  if (tools.kind() != TemplateValue::Kind::List) {
    throw ValueError("compose", "expected tools as a JSON list, got another value.");
  }
  return tools.items().empty() ? TemplateValue() : tools;
}

// The names under which published templates ask whether to think.
void add_thinking(bool thinks, ChatTemplate::Variables& variables) {
  for (const char* name : {"enable_thinking", "thinking", "force_reasoning"}) {
    variables.emplace_back(name, thinks);
  }
  variables.emplace_back("skip_reasoning", !thinks);
  variables.emplace_back("reasoning_effort", thinks ? "high" : "minimal");
}

// All texts inside a value.
void collect(const TemplateValue& value, std::vector<std::string>& texts) {
  switch (value.kind()) {
    case TemplateValue::Kind::Text:
      texts.push_back(value.as_text());
      break;
    case TemplateValue::Kind::List:
    case TemplateValue::Kind::Tuple:
      for (const TemplateValue& item : value.items()) {
        collect(item, texts);
      }
      break;
    case TemplateValue::Kind::Dict:
      for (const auto& [key, item] : value.as_dict().entries()) {
        collect(key, texts);
        collect(item, texts);
      }
      break;
    default:
      break;
  }
}

std::vector<std::string> special_tokens_of(const TextTokenizer& tokenizer) {
  std::vector<std::string> tokens;
  for (const auto& [text, id] : tokenizer.special_tokens()) {
    tokens.push_back(text);
  }
  return tokens;
}

} // namespace

TemplatePrompt::TemplatePrompt(
    ChatTemplate chat_template,
    std::shared_ptr<const TextTokenizer> tokenizer,
    const std::vector<std::string>& marks)
    : chat_template_(std::move(chat_template)),
      tokenizer_(std::move(tokenizer)),
      role_tokens_(role_tokens(*tokenizer_, chat_template_, marks)),
      special_tokens_(special_tokens_of(*tokenizer_)) {}

WrittenPrompt TemplatePrompt::write(
    const std::vector<ComposedMessage>& messages,
    bool opens_answer,
    const PromptOptions& options) const {
  ChatTemplate::Variables variables = options.variables;
  if (options.thinks) {
    add_thinking(*options.thinks, variables);
  }
  // All that the prompt is made of; of JSON, what it says and not how it is written.
  std::vector<std::string> texts = {chat_template_.source()};
  const Change keep = [&](std::string_view text) {
    return texts.emplace_back(to_valid_utf8(text));
  };
  static_cast<void>(tools_of(options.tools, keep));
  for (const ComposedMessage& message : messages) {
    static_cast<void>(message_of(message, keep));
  }
  for (const auto& given :
       {std::cref(variables), std::cref(chat_template_.defaults())}) {
    for (const auto& [name, value] : given.get()) {
      collect(value, texts);
    }
  }
  const TypedMark mark(texts);
  const auto marking = [&](const TypedSpecialTokens& tokens) -> Change {
    return
        [&](std::string_view text) { return tokens.marked(to_valid_utf8(text), mark); };
  };
  TemplateValue::Items items;
  for (const ComposedMessage& message : messages) {
    const bool is_typed = message.role == Role::User || message.role == Role::Tool;
    items.push_back(
        message_of(message, marking(is_typed ? role_tokens_ : special_tokens_)));
  }
  const TemplateValue tools = tools_of(options.tools, marking(special_tokens_));
  auto [text, places] = mark.unmarked(chat_template_.render(
      TemplateValue::list(std::move(items)), opens_answer, tools, variables));
  std::vector<int64_t> ids = tokenizer_->encode_prompt(text, places);
  return {std::move(text), std::move(ids)};
}

} // namespace omni
