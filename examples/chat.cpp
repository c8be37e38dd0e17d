// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// omni-chat: talk to one model in text, pictures, sound and video.
// Exit codes: 0 answered, 1 an error (one sentence on standard error), 2 wrong usage,
// 130 cancelled.
#include <omni/omni.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "examples/chat_options.h"
#include "examples/chat_terminal.h"

namespace {

void add_options(CLI::App& app, ChatCommand& command) {
  app.add_option("--model", command.model, "checkpoint folder (default: omni-nano)");
  const std::pair<const char*, omni::Modality> kinds[] = {
      {"--image", omni::Modality::Image},
      {"--audio", omni::Modality::Audio},
      {"--video", omni::Modality::Video}};
  for (const auto& [name, modality] : kinds) {
    app.add_option_function<std::vector<std::string>>(
           name,
           [&command, modality = modality](const std::vector<std::string>& paths) {
             for (const std::string& path : paths) {
               command.media.emplace_back(modality, path);
             }
           },
           "a file to send with the question; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  app.add_option("question", command.question, "ask this once and leave");
  app.add_flag("--draw", command.draws, "answer with a picture");
  app.add_flag("--speak", command.speaks, "answer by voice");
  app.add_option("--out", command.output, "folder for pictures and sounds");
  app.add_flag("--json", command.prints_json, "print one JSON object an answer");
  app.add_flag("--receipt", command.shows_receipt, "show what the model saw");
  app.add_option("--seed", command.sampling.seed, "same seed, same answer");
  app.add_option("--temperature", command.sampling.temperature, "0: most likely");
  app.add_option("--top-k", command.sampling.top_k);
  app.add_option("--top-p", command.sampling.top_p);
  app.add_option("--min-p", command.sampling.min_p);
  app.add_option("--max-tokens", command.sampling.max_text_tokens);
  app.add_option("--guidance", command.sampling.image_guidance_scale);
  app.add_option("--stop", command.sampling.stop, "text ends before this");
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Talk to one model in text, pictures, sound and video.", "omni-chat");
  ChatCommand command;
  add_options(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    omni::Chat chat(command.model.empty() ? omni::load() : omni::load(command.model));
    const bool is_one_shot = !command.question.empty() || command.prints_json ||
        (!command.media.empty() && !isatty(STDIN_FILENO));
    return is_one_shot ? answer_once(chat, command) : talk(chat, command);
  } catch (const std::exception& error) {
    std::cerr << "omni-chat: " << message_of(error) << '\n';
    return 1;
  }
}
