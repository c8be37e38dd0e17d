// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/template_prompt.h"

#include <utility>

#include "omni/conversation/template_json.h"
#include "omni/conversation/typed_special_tokens.h"
#include "omni/core/errors.h"

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

// The value of a JSON text whose special tokens are marked where they were typed.
TemplateValue marked_value(
    const std::string& json,
    const std::string& subject,
    const TypedSpecialTokens& typed) {
  return template_value_of_json(
      json, subject, [&](std::string_view text) { return typed.marked(text); });
}

TemplateValue call_of(const ToolCall& call, const TypedSpecialTokens& typed) {
  TemplateValue::Entries function = {
      {"name", typed.marked(call.name)},
      {"arguments",
       marked_value(call.arguments, "the arguments of " + call.name, typed)}};
  return TemplateValue::dict(
      {{"id", typed.marked(call.id)},
       {"type", "function"},
       {"function", TemplateValue::dict(std::move(function))}});
}

TemplateValue message_of(
    const ComposedMessage& message,
    const TypedSpecialTokens& typed) {
  TemplateValue::Entries entries = {
      {"role", role_name(message.role)}, {"content", typed.marked(text_of(message))}};
  if (!message.reasoning.empty()) {
    entries.emplace_back("reasoning_content", typed.marked(message.reasoning));
  }
  if (!message.tool_calls.empty()) {
    TemplateValue::Items calls;
    for (const ToolCall& call : message.tool_calls) {
      calls.push_back(call_of(call, typed));
    }
    entries.emplace_back("tool_calls", TemplateValue::list(std::move(calls)));
  }
  if (!message.tool_name.empty()) {
    entries.emplace_back("name", typed.marked(message.tool_name));
  }
  if (!message.tool_call_id.empty()) {
    entries.emplace_back("tool_call_id", typed.marked(message.tool_call_id));
  }
  return TemplateValue::dict(std::move(entries));
}

TemplateValue tools_of(const std::string& json, const TypedSpecialTokens& typed) {
  if (json.empty()) {
    return {};
  }
  TemplateValue tools = marked_value(json, "the tools", typed);
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

} // namespace

TemplatePrompt::TemplatePrompt(
    ChatTemplate chat_template,
    std::shared_ptr<const TextTokenizer> tokenizer)
    : chat_template_(std::move(chat_template)), tokenizer_(std::move(tokenizer)) {
  for (const auto& [text, id] : tokenizer_->special_tokens()) {
    special_tokens_.push_back(text);
  }
}

WrittenPrompt TemplatePrompt::write(
    const std::vector<ComposedMessage>& messages,
    bool opens_answer,
    const PromptOptions& options) const {
  std::vector<std::string_view> texts = {options.tools};
  for (const ComposedMessage& message : messages) {
    texts.insert(
        texts.end(), {message.reasoning, message.tool_name, message.tool_call_id});
    for (const ComposedPart& part : message.parts) {
      if (const auto* text = std::get_if<std::string>(&part)) {
        texts.emplace_back(*text);
      }
    }
    for (const ToolCall& call : message.tool_calls) {
      texts.insert(texts.end(), {call.name, call.arguments, call.id});
    }
  }
  const TypedSpecialTokens typed(special_tokens_, texts);
  TemplateValue::Items items;
  for (const ComposedMessage& message : messages) {
    items.push_back(message_of(message, typed));
  }
  ChatTemplate::Variables variables = options.variables;
  if (options.thinks) {
    add_thinking(*options.thinks, variables);
  }
  auto [text, places] = typed.unmarked(chat_template_.render(
      TemplateValue::list(std::move(items)), opens_answer,
      tools_of(options.tools, typed), variables));
  std::vector<int64_t> ids = tokenizer_->encode_prompt(text, places);
  return {std::move(text), std::move(ids)};
}

} // namespace omni
