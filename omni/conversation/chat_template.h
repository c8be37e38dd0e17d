// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The chat template of a published model: messages in, the model's prompt out. Reads
// the Jinja that such templates are written in and prints what jinja2 prints as
// `transformers` sets it up, to the byte. No code runs but the template's, within
// limits, so that a template may come from anywhere. Safe to share between threads. No
// torch.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "omni/conversation/jinja/value.h"

namespace omni {

struct ChatTemplateOptions {
  int64_t max_source_bytes = int64_t{256} << 10; // published ones have up to 40 KiB
  // Blocks, expressions, macro calls and values inside each other.
  int64_t max_depth = 200;
  // Parts of expressions evaluated and values or 16 bytes of text walked through; what
  // the variables weigh is added, a hundred for each of theirs.
  int64_t max_steps = 1'000'000;
  int64_t max_text_bytes = int64_t{8} << 20; // the prompt and every text on the way
  int64_t max_items = 100'000; // of a list or a range
  // What strftime_now() reads; the clock of the machine where it is not given.
  std::optional<std::chrono::system_clock::time_point> now;
};

class ChatTemplate {
 public:
  using Variables = std::vector<std::pair<std::string, TemplateValue>>;

  // Throws ValueError "[chat_template] line 3, column 7: expected ..." for a source
  // that is no template. `defaults` are variables that render() may be given otherwise.
  explicit ChatTemplate(
      std::string source,
      ChatTemplateOptions options = {},
      Variables defaults = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // `messages` is a list of dicts with "role" and "content", `tools` a list or None;
  // variables are what else a template asks for: bos_token, enable_thinking. Throws
  // ValueError where the template fails, raises an error itself or goes over a limit.
  [[nodiscard]] std::string render(
      const TemplateValue& messages,
      bool add_generation_prompt = false,
      const TemplateValue& tools = {},
      const Variables& variables = {}) const;
  // With these variables and the defaults.
  [[nodiscard]] std::string render(const Variables& variables) const;

  [[nodiscard]] const std::string& source() const {
    return source_;
  }
  [[nodiscard]] const Variables& defaults() const {
    return defaults_;
  }

 private:
  struct Program;

  std::string source_;
  ChatTemplateOptions options_;
  Variables defaults_;
  std::unique_ptr<const Program> program_;
};

} // namespace omni
