// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// omni-chat: talk to one model in text, pictures, sound and video.
//   omni-chat                      a conversation at the terminal
//   omni-chat QUESTION             one answer
//   omni-chat < SCRIPT             a turn a line
// Exit codes: 0 answered, 1 an error (one sentence on standard error), 2 wrong usage,
// 130 cancelled. Ctrl-C: chat_interrupt.h.
#include <omni/omni.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "examples/chat_interrupt.h"
#include "examples/chat_terminal.h"
#include "examples/error_message.h"
#include "omni/core/file_io.h"
#include "omni/core/precision.h"

namespace {

void add_media_options(CLI::App& app, ChatCommand& command) {
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
        ->type_name("PATH")
        ->expected(1)
        ->allow_extra_args(false) // what follows the path is the question
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->trigger_on_parse(); // so that different kinds keep their order
  }
}

void add_options(CLI::App& app, ChatCommand& command, std::vector<std::string>& words) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--model", command.model, "model folder (default: omni-nano)")
      ->envname("OMNI_MODEL")
      ->type_name("DIR");
  app.add_option("--dtype", command.dtype, "float32 or bfloat16 (default: by the CPU)");
  app.add_option(
      "--quantize", command.weight_format,
      "int8 or int4: its large weights in few bits");
  app.add_option("--system", command.system, "text of the system message");
  const auto add_choice = [&](const char* name, bool thinks, const char* help) {
    return app.add_flag_callback(
        name, [&command, thinks] { command.thinks = thinks; }, help);
  };
  CLI::Option* think = add_choice("--think", true, "it thinks before it answers");
  add_choice("--no-think", false, "it does not (default: as the model has it)")
      ->excludes(think);
  app.add_option("--tools", command.tools, "JSON file of functions it may call")
      ->type_name("FILE");
  add_media_options(app, command);
  app.add_option("question", words, "ask this once and leave")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  CLI::Option* draw = app.add_flag("--draw", command.draws, "answer with a picture");
  app.add_flag("--speak", command.speaks, "answer by voice")->excludes(draw);
  app.add_option("--out", command.output, "folder for pictures and sounds")
      ->type_name("DIR");
  app.add_flag("--json", command.prints_json, "print one JSON object an answer");
  app.add_flag("--receipt", command.shows_receipt, "show what the model saw");
  app.add_option("--seed", command.sampling.seed, "same seed, same answer");
  app.add_option("--temperature", command.sampling.temperature, "0: most likely");
  app.add_option("--top-k", command.sampling.top_k, "draw from the k most likely");
  app.add_option("--top-p", command.sampling.top_p, "draw from this much probability");
  app.add_option("--min-p", command.sampling.min_p, "share of the most likely");
  app.add_option(
      "--repetition-penalty", command.sampling.repetition_penalty,
      "of what was said or asked; 1: none");
  app.add_option(
      "--presence-penalty", command.sampling.presence_penalty,
      "of text that is there; 0: none");
  app.add_option(
      "--frequency-penalty", command.sampling.frequency_penalty,
      "of text, each time that it is there; 0: none");
  app.add_option("--max-tokens", command.sampling.max_text_tokens, "of text");
  app.add_option("--guidance", command.sampling.image_guidance_scale, "of drawings");
  app.add_option(
      "--image-temperature", command.sampling.image_temperature, "of drawings");
  app.add_option(
      "--speech-temperature", command.sampling.speech_temperature, "of speech");
  app.add_option("--stop", command.sampling.stop, "text ends before this")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.footer(
      "Without a question it is a conversation: /help there lists the commands.");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text.append(text.empty() ? "" : " ").append(word);
  }
  return text;
}

// The functions of --tools; an empty file would pass for none.
std::string read_tools(const std::filesystem::path& path) {
  std::string tools = omni::read_file(path);
  if (tools.empty()) {
    throw omni::IoError(
        "chat", path.string(), "expected a JSON list of functions, got an empty file.");
  }
  return tools;
}

int run(ChatCommand& command) {
  const bool is_person = isatty(STDIN_FILENO) != 0;
  const bool is_one_shot =
      !command.question.empty() || (is_person && command.prints_json);
  const bool is_talk = !is_one_shot && is_person;
  if (is_one_shot && command.question.empty() && command.media.empty()) {
    std::cerr << "omni-chat: [chat] expected a question with --json, got none.\n";
    return 2;
  }
  if (command.model.empty()) {
    command.model = omni::embedded_model_folder();
  }
  omni::LoadOptions load_options;
  if (!command.dtype.empty()) {
    load_options.dtype = omni::dtype_from_name(command.dtype);
  }
  omni::ChatOptions options{.system = command.system, .wants_cancel = is_interrupted};
  options.prompt.thinks = command.thinks;
  if (!command.tools.empty()) {
    options.prompt.tools = read_tools(command.tools);
  }
  omni::OmniModel model = omni::load(command.model, load_options);
  if (!command.weight_format.empty()) {
    model = omni::quantize(model, omni::weight_format_from_name(command.weight_format));
  }
  omni::Chat chat(std::move(model), std::move(options));
  ChatSession session(
      chat, command, omni::read_examples(command.model), detect_terminal_graphics());
  if (is_talk) {
    return talk(session);
  }
  session.read_given_files(/*says_so=*/false);
  if (session.was_cancelled()) {
    return kInterruptedExitCode;
  }
  if (is_one_shot) {
    session.send(command.question, sampling_of(command));
    return session.was_cancelled() ? kInterruptedExitCode : 0;
  }
  return read_script(session, command);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Talk to one model in text, pictures, sound and video.", "omni-chat");
  ChatCommand command;
  std::vector<std::string> words;
  add_options(app, command, words);
  try {
    app.parse(argc, argv);
    command.question = joined(words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    omni::check_sampling_options(command.sampling);
    if (!command.dtype.empty()) {
      static_cast<void>(omni::dtype_from_name(command.dtype));
    }
    if (!command.weight_format.empty()) {
      static_cast<void>(omni::weight_format_from_name(command.weight_format));
    }
  } catch (const std::exception& error) {
    std::cerr << "omni-chat: " << message_of(error) << '\n';
    return 2;
  }
  try {
    handle_interrupts();
    return run(command);
  } catch (const std::exception& error) {
    std::cerr << "omni-chat: " << message_of(error) << '\n';
    return 1;
  }
}
