// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/composer.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "omni/conversation/chat_template_file.h"
#include "omni/conversation/template_prompt.h"
#include "omni/model/published_folder.h"
#include "omni/model/sequence_builder.h"
#include "tokenizers/text/spelling.h"

namespace omni {

// Adds parts one by one and keeps is_learned as long as the sequence.
class Composer::Builder {
 public:
  explicit Builder(const Composer& composer)
      : composer_(composer),
        space_(composer.space_),
        builder_(composer.space_, composer.image_grid_size_) {}

  void control(const std::string& role, bool is_learned = false) {
    builder_.push_control(role);
    mark(is_learned);
  }

  void add(const ComposedMessage& message) {
    control(role_name(message.role));
    const bool is_answer = message.role == Role::Assistant;
    if (message.ids) {
      builder_.push(*message.ids);
      mark(is_answer);
      const std::vector<int64_t>& ends = composer_.eos_ids_;
      const bool has_end = !message.ids->empty() &&
          std::find(ends.begin(), ends.end(), message.ids->back()) != ends.end();
      if (!has_end && !ends.empty()) {
        builder_.push(ends.front());
        mark(is_answer);
      }
      return;
    }
    for (const ComposedPart& part : message.parts) {
      std::visit([&](const auto& value) { add_part(value, is_answer); }, part);
    }
    if (is_answer) {
      control("eos", true);
    }
  }

  void add_prompt(const std::vector<int64_t>& ids) {
    builder_.push(ids);
    mark(false);
  }

  Composition take() {
    return {builder_.take(), std::move(is_learned_)};
  }

 private:
  void add_part(const std::string& text, bool is_learned) {
    for (const int64_t id : composer_.tokenizer_->encode(text)) {
      builder_.push(id);
    }
    mark(is_learned);
  }

  void add_part(const MediaSlots& slots, bool) {
    const bool is_sound = slots.modality == Modality::Audio;
    const std::string name = modality_name(slots.modality);
    control(name + "_begin");
    builder_.push_media(
        slots.modality, slots.item,
        space_.control(is_sound ? "audio_slot" : "image_slot"), slots.positions);
    control(name + "_end");
  }

  void add_part(const ImageCodes& image, bool is_learned) {
    const IdRange range = space_.range(Segment::Image);
    control("draw_begin", is_learned);
    for (const int64_t code : image.codes) {
      builder_.push(checked(code, range));
    }
    mark(is_learned);
    control("draw_end", false); // always follows the last code: nothing to learn
  }

  void add_part(const SpokenWords& speech, bool is_learned) {
    const IdRange range = space_.range(Segment::Speech);
    const int64_t first_letter = space_.range(Segment::Spelling).begin;
    control("speech_begin", false);
    for (size_t word = 0; word < speech.words.size(); ++word) {
      for (const int64_t letter : speech.words[word].letters) {
        builder_.push(first_letter + letter);
      }
      mark(false);
      for (const int64_t code : speech.words[word].codes) {
        builder_.push(checked(code, range));
      }
      mark(is_learned);
      const bool is_last = word + 1 == speech.words.size();
      control(is_last ? "speech_end" : "speech_next", is_learned);
    }
  }

  void add_part(const NullPrompt&, bool) {
    control("null");
  }

  static int64_t checked(int64_t code, IdRange range) {
    TORCH_CHECK_INDEX(
        code >= 0 && code < range.size(), "[compose] expected a code in [0, ",
        range.size(), "), got ", code, ".");
    return range.begin + code;
  }

  void mark(bool is_learned) {
    is_learned_.resize(
        static_cast<size_t>(builder_.sequence().num_tokens()), is_learned ? 1 : 0);
  }

  const Composer& composer_;
  const TokenSpace& space_;
  SequenceBuilder builder_;
  std::vector<uint8_t> is_learned_;
};

Composer::Composer(const OmniModel& model)
    : space_(model->config.token_space),
      image_grid_size_(
          model->config.image_codec ? model->config.image_codec->grid_size() : 0),
      eos_ids_(model->eos_ids),
      tokenizer_(model->tokenizer),
      model_name_(model->config.name) {
  TORCH_CHECK_VALUE(
      tokenizer_, "[compose] expected a model with a text tokenizer, got \"",
      model_name_, "\" without one.");
  if (!model->published || model->tokenizer_path().empty()) {
    return;
  }
  const AnswerFormat& format = model->published->answer_format;
  reasoning_marks_ = format.reasoning_begin;
  auto chat_template = read_chat_template(model->tokenizer_path().parent_path());
  if (chat_template) {
    template_prompt_ = std::make_shared<TemplatePrompt>(
        *std::move(chat_template), tokenizer_, format.marks());
  }
}

Composition Composer::compose_by_template(
    const std::vector<ComposedMessage>& messages,
    const PromptOptions& options) const {
  const WrittenPrompt prompt = template_prompt_->write(messages, true, options);
  TORCH_CHECK_VALUE(
      !prompt.ids.empty(), "[compose] expected a prompt from the chat template of \"",
      model_name_, "\", got an empty text.");
  Builder builder(*this);
  builder.add_prompt(prompt.ids);
  Composition composition = builder.take();
  const size_t end = prompt.text.find_last_not_of(" \t\r\n");
  const std::string_view text = std::string_view(prompt.text).substr(0, end + 1);
  composition.begins_in_reasoning = std::any_of(
      reasoning_marks_.begin(), reasoning_marks_.end(),
      [&](const std::string& mark) { return text.ends_with(mark); });
  return composition;
}

Composition Composer::compose(
    const std::vector<ComposedMessage>& messages,
    bool opens_answer,
    const PromptOptions& options) const {
  if (template_prompt_) {
    TORCH_CHECK_VALUE(
        opens_answer,
        "[compose] expected a model with marks for roles to be taught, got \"",
        model_name_, "\", whose conversations a chat template writes.");
    return compose_by_template(messages, options);
  }
  TORCH_CHECK_VALUE(
      space_.has_control("user"),
      "[compose] expected a chat template beside the "
      "tokenizer of \"",
      model_name_,
      "\" (chat_template.jinja, or `chat_template` in "
      "tokenizer_config.json), got none.");
  TORCH_CHECK_VALUE(
      options.tools.empty() && !options.thinks && options.variables.empty(),
      "[compose] expected no tools, thinking or template variables for \"", model_name_,
      "\", which has no chat template.");
  Builder builder(*this);
  builder.control("bos");
  for (const ComposedMessage& message : messages) {
    builder.add(message);
  }
  if (opens_answer) {
    builder.control("assistant");
  }
  return builder.take();
}

std::vector<std::vector<int64_t>> Composer::spell_text(const std::string& text) const {
  const int64_t first_letter = space_.range(Segment::Spelling).begin;
  auto words = spell_words(text);
  for (auto& word : words) {
    for (int64_t& letter : word) {
      letter += first_letter;
    }
  }
  return words;
}

} // namespace omni
