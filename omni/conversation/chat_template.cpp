// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/chat_template.h"

#include "omni/conversation/jinja/interpreter.h"
#include "omni/conversation/jinja/lexer.h"
#include "omni/conversation/jinja/parser.h"
#include "omni/conversation/jinja/scopes.h"
#include "omni/core/errors.h"

namespace omni {

struct ChatTemplate::Program {
  std::string text; // normalized
  TemplateSyntax syntax;
};

ChatTemplate::ChatTemplate(
    std::string source,
    ChatTemplateOptions options,
    Variables defaults)
    : source_(std::move(source)), options_(options), defaults_(std::move(defaults)) {
  const auto size = static_cast<int64_t>(source_.size());
  if (size > options_.max_source_bytes) {
    throw ValueError(
        "chat_template",
        "expected a template up to " + std::to_string(options_.max_source_bytes) +
            " bytes (max_source_bytes), got " + std::to_string(size) + ".");
  }
  auto program = std::make_unique<Program>();
  program->text = normalized_template_source(TemplateValue(source_).as_text());
  try {
    TemplateParser parser(program->text, options_.max_depth);
    program->syntax = resolved_template(parser.parse(), program->text);
  } catch (const TemplateFault& fault) {
    throw ValueError("chat_template", std::string(fault.what()) + ".");
  }
  program_ = std::move(program);
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const Variables& variables) const {
  Variables all = variables; // of equal names the first counts
  all.insert(all.end(), defaults_.begin(), defaults_.end());
  TemplateInterpreter interpreter(program_->syntax, program_->text, options_, all);
  return interpreter.render();
}

std::string ChatTemplate::render(
    const TemplateValue& messages,
    bool add_generation_prompt,
    const TemplateValue& tools,
    const Variables& variables) const {
  Variables all = {
      {"messages", messages},
      {"tools", tools},
      {"add_generation_prompt", TemplateValue(add_generation_prompt)}};
  all.insert(all.end(), variables.begin(), variables.end());
  return render(all);
}

} // namespace omni
