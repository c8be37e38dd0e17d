// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_session.h"

#include <unistd.h>

#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <utility>

#include "examples/chat_interrupt.h"
#include "examples/chat_transcript.h"
#include "omni/core/precision.h"

namespace fs = std::filesystem;

namespace {

constexpr const char* kHelp =
    "  /image PATH   /audio PATH   /video PATH   add a file to the next message\n"
    "                 (or drop it on this window; an empty line sends it alone)\n"
    "  /draw TEXT    answer with a picture       /speak TEXT   answer by voice\n"
    "  /receipt      what the last answer saw    /save FILE    write the conversation\n"
    "  /think on|off|auto  before answers        /result TEXT  of the tool just "
    "called\n"
    "  /undo         take back the last turn     /reset        begin anew\n"
    "  /help         this                        /quit         leave (or Ctrl-D)\n"
    "  Ctrl-C cancels an answer, or the reading of a file; if that does not stop, "
    "again\n"
    "                 a second later: it ends the program.\n";

omni::FrameSamplerOptions sampler_of(const omni::OmniModel& model) {
  return model->config.vision ? model->config.vision->frame_sampler
                              : omni::FrameSamplerOptions{};
}

} // namespace

ChatSession::ChatSession(
    omni::Chat& chat,
    const ChatCommand& command,
    std::string examples,
    TerminalGraphics graphics)
    : chat_(chat),
      command_(command),
      examples_(std::move(examples)),
      graphics_(graphics),
      is_terminal_(isatty(STDOUT_FILENO) != 0),
      shows_progress_(isatty(STDERR_FILENO) != 0) {}

bool ChatSession::handle(const std::string& line) {
  const InterruptibleWork work;
  was_cancelled_ = false;
  DroppedFiles dropped = split_dropped_files(line);
  for (const std::string& path : dropped.paths) {
    add_file(modality_of_path(path), path);
    if (was_cancelled_) {
      return is_open_;
    }
  }
  if (dropped.text.starts_with("/") && dropped.paths.empty()) {
    handle_command(dropped.text);
  } else if (!dropped.text.empty() || (dropped.paths.empty() && has_waiting_media())) {
    send(dropped.text, sampling_of(command_));
  }
  return is_open_;
}

void ChatSession::handle_command(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (name == "/image" || name == "/audio" || name == "/video") {
    add_file(omni::modality_from_name(name.substr(1)), plain_path(rest));
  } else if (name == "/draw" || name == "/speak") {
    if (rest.empty() && waiting_.empty()) {
      throw omni::ValueError("chat", "expected " + name + " TEXT, got no text.");
    }
    ChatCommand once = command_;
    once.draws = name == "/draw";
    once.speaks = name == "/speak";
    send(rest, sampling_of(once));
  } else if (name == "/think") {
    set_thinking(rest);
  } else if (name == "/result") {
    add_tool_result(rest);
  } else if (name == "/save") {
    save(plain_path(rest));
  } else if (name == "/receipt") {
    print_receipt();
  } else if (name == "/reset") {
    chat_.reset();
    tool_results_.clear();
    waiting_.clear();
    print_note("The conversation begins anew.");
  } else if (name == "/undo") {
    tool_results_.clear();
    print_note(chat_.undo() ? "The last turn is gone." : "Nothing to undo.");
  } else if (name == "/quit" || name == "/exit") {
    is_open_ = false;
  } else if (name == "/help") {
    print_help();
  } else if (name.find('/', 1) != std::string::npos) {
    throw omni::IoError("chat", plain_path(line), "no such picture, sound or video.");
  } else {
    throw omni::ValueError(
        "chat",
        "expected one of /image, /audio, /video, /draw, /speak, /think, /result, "
        "/receipt, /save, /undo, /reset, /help, /quit, got " +
            name + ".");
  }
}

bool ChatSession::read(omni::Modality modality, const std::string& path) {
  const InterruptibleWork work;
  omni::Part part = read_media(modality, path, sampler_of(chat_.model()));
  // The decoders cannot be stopped midway.
  was_cancelled_ = is_interrupted();
  if (was_cancelled_) {
    print_note("(cancelled: " + path + " is not added)");
    return false;
  }
  waiting_.push_back(std::move(part));
  return true;
}

void ChatSession::add_file(omni::Modality modality, const std::string& path) {
  const char* name = omni::modality_name(modality);
  if (path.empty()) {
    throw omni::ValueError(
        "chat", std::string("expected /") + name + " PATH, got no path.");
  }
  if (read(modality, path) && !command_.prints_json) {
    print_note(std::string("added ") + name + " " + path);
  }
}

void ChatSession::read_given_files(bool says_so) {
  const InterruptibleWork work;
  for (const auto& [modality, path] : command_.media) {
    if (says_so) {
      add_file(modality, path);
    } else {
      read(modality, path);
    }
    if (was_cancelled_) {
      return;
    }
  }
}

void ChatSession::send(const std::string& text, const omni::SamplingOptions& sampling) {
  const InterruptibleWork work;
  std::vector<omni::Part> parts = waiting_;
  if (!text.empty()) {
    parts.emplace_back(text);
  }
  answer([&](const omni::EventCallback& listener) {
    omni::Reply reply = chat_.send(std::move(parts), sampling, listener);
    waiting_.clear();
    return reply;
  });
}

void ChatSession::add_tool_result(const std::string& text) {
  const InterruptibleWork work;
  const std::vector<omni::Message>& messages = chat_.conversation().messages;
  const std::vector<omni::ToolCall> calls =
      messages.empty() ? std::vector<omni::ToolCall>() : messages.back().tool_calls;
  const size_t num_calls = calls.size();
  if (num_calls == 0) {
    throw omni::ValueError("chat", "expected a call to give the result of, got none.");
  }
  const omni::ToolCall& call = calls[tool_results_.size()];
  tool_results_.push_back({text, call.name, call.id});
  if (tool_results_.size() < num_calls) {
    print_note("/result is now for " + calls[tool_results_.size()].name);
    return;
  }
  const std::vector<omni::ToolResult> results = std::exchange(tool_results_, {});
  answer([&](const omni::EventCallback& listener) {
    return chat_.send_tool_results(results, sampling_of(command_), listener);
  });
}

void ChatSession::set_thinking(const std::string& choice) {
  const std::map<std::string, std::optional<bool>> choices = {
      {"on", true}, {"off", false}, {"auto", std::nullopt}};
  const auto found = choices.find(choice);
  if (found == choices.end()) {
    throw omni::ValueError(
        "chat", "expected /think on, off or auto, got \"" + choice + "\".");
  }
  chat_.prompt_options().thinks = found->second;
}

void ChatSession::answer(
    const std::function<omni::Reply(const omni::EventCallback&)>& speak) {
  is_in_reasoning_ = false;
  is_in_line_ = false;
  tool_results_.clear();
  last_ = speak([&](const omni::Event& event) {
    show(event);
    return !is_interrupted();
  });
  was_cancelled_ = last_->stop_reason == omni::StopReason::Cancelled;
  show_progress("");
  const SavedAnswer saved = save_answer(*last_, command_.output);
  if (command_.prints_json) {
    std::cout << reply_to_json(*last_, saved) << std::endl;
    return;
  }
  const bool is_empty = last_->text.empty() && last_->images.empty() &&
      !last_->speech && last_->tool_calls.empty();
  if (is_empty && !is_in_line_) {
    std::cout << '\n';
  }
  end_line();
  for (const std::string& path : saved.images) {
    print_note("picture: " + path);
  }
  if (!saved.speech.empty()) {
    print_note("speech: " + saved.speech);
  }
  if (was_cancelled_) {
    print_note("(cancelled)");
    if (last_->usage.answer_tokens == 0) {
      print_note("The answer had not begun: the message is taken back.");
    }
  }
  if (!last_->speech && last_->stop_reason == omni::StopReason::Length) {
    const int64_t limit = chat_.model()->config.transformer->max_positions;
    const omni::Usage& usage = last_->usage;
    const bool is_full = usage.prompt_tokens + usage.answer_tokens + 1 >= limit;
    const std::string text = is_full
        ? "(cut: the model's context of " + std::to_string(limit) +
            " tokens is full; /undo or /reset make room)"
        : "(cut: --max-tokens sets how long an answer may be)";
    if (is_terminal_) {
      print_note(text);
    } else { // the answer alone is wanted where it goes
      std::cerr << "omni-chat: " << text << std::endl;
    }
  }
  if (command_.shows_receipt) {
    print_receipt();
  }
  std::cout.flush();
}

void ChatSession::show(const omni::Event& event) {
  if (command_.prints_json) {
    return;
  }
  switch (event.kind) {
    case omni::Event::Kind::Reasoning:
      is_in_reasoning_ = true;
      if (is_terminal_) { // elsewhere the answer alone is wanted
        std::cout << "\033[2m";
        write(printable(event.text));
        std::cout << "\033[0m" << std::flush;
      }
      break;
    case omni::Event::Kind::ToolCall:
      end_line();
      is_in_reasoning_ = false;
      print_note("calls " + printable(event.call.name + event.call.arguments));
      break;
    case omni::Event::Kind::Text:
      if (std::exchange(is_in_reasoning_, false) && is_terminal_) {
        end_line();
        std::cout << '\n';
      }
      write(is_terminal_ ? printable(event.text) : event.text);
      break;
    case omni::Event::Kind::Drawing:
      show_progress(
          "drawing " + std::to_string(event.num_done) + "/" +
          std::to_string(event.num_total));
      break;
    case omni::Event::Kind::Image:
      show_progress("");
      if (graphics_ != TerminalGraphics::None) {
        end_line();
        std::cout
            << (graphics_ == TerminalGraphics::Sixel ? to_sixel(event.image, 4)
                                                     : to_half_blocks(event.image, 64));
      }
      break;
    case omni::Event::Kind::Speech: {
      spoken_seconds_ += event.speech.duration_seconds();
      std::ostringstream text;
      text << "speaking " << std::fixed << std::setprecision(1) << spoken_seconds_
           << " s";
      show_progress(text.str());
      break;
    }
    case omni::Event::Kind::Done:
      spoken_seconds_ = 0;
      break;
  }
}

// The cursor waits where text goes on: progress is written behind it and the cursor put
// back.
void ChatSession::show_progress(const std::string& text) {
  if (!shows_progress_) {
    return;
  }
  std::cout.flush();
  std::cerr << "\0337\033[K"; // save the cursor, clear behind it
  if (!text.empty()) {
    std::cerr << " \033[2m" << text << "\033[0m";
  }
  std::cerr << "\0338" << std::flush;
}

void ChatSession::write(const std::string& text) {
  std::cout << text << std::flush;
  is_in_line_ = text.empty() ? is_in_line_ : text.back() != '\n';
}

void ChatSession::end_line() {
  if (is_in_line_) {
    write("\n");
  }
}

void ChatSession::print_note(const std::string& text) const {
  if (command_.prints_json) {
    std::cerr << text << std::endl;
    return;
  }
  std::cout << (is_terminal_ ? "\033[2m" : "") << text
            << (is_terminal_ ? "\033[0m" : "") << std::endl;
}

void ChatSession::greet() const {
  const omni::OmniModel& model = chat_.model();
  const auto& format = model->config.weight_format;
  std::ostringstream title;
  title << model->config.name << ", " << std::fixed << std::setprecision(1)
        << static_cast<double>(model->num_parameters()) / 1e6 << " million parameters"
        << (format ? " in " + omni::weight_format_name(*format) : "")
        << ", computing in " << omni::dtype_name(model->dtype()) << '.';
  print_note(printable(title.str()));
  std::cout << printable(examples_);
  print_note("/help lists the commands, Ctrl-D leaves.");
}

void ChatSession::print_help() const {
  std::cout << printable(examples_) << kHelp << std::flush;
}

void ChatSession::print_receipt() const {
  if (!last_) {
    print_note("No answer yet.");
    return;
  }
  for (const omni::MediaReceipt& receipt : last_->receipt) {
    print_note("receipt: " + omni::describe(receipt));
  }
  print_note("timing: " + describe_usage(*last_));
}

void ChatSession::save(const std::string& path) const {
  if (path.empty()) {
    throw omni::ValueError("chat", "expected /save FILE, got no file name.");
  }
  std::ofstream file(path);
  if (!(file << conversation_to_text(chat_.conversation())).flush()) {
    throw omni::IoError("chat", path, "cannot be written.");
  }
  print_note("saved as " + path);
}
