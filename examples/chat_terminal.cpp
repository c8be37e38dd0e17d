// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_terminal.h"

#include <editline/readline.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "examples/terminal_image.h"

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t cancel_flag = 0;

void on_interrupt(int) {
  cancel_flag = 1;
}

constexpr const char* kDim = "\033[2m";
constexpr const char* kPlain = "\033[0m";

constexpr const char* kHelp =
    "  /image PATH   /audio PATH   /video PATH   add to the next message (or drop a file"
    " here)\n"
    "  /draw TEXT    draw a picture     /speak TEXT   answer by voice\n"
    "  /save FILE    write the conversation     /receipt   what the last answer saw\n"
    "  /reset        begin anew         /undo     take back the last turn\n"
    "  /help         this               /quit     leave (also Ctrl-D)\n"
    "  Ctrl-C cancels an answer.\n";

// A path as terminals paste it when a file is dropped: quoted, escaped, file://.
std::string plain_path(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) {
    text.pop_back();
  }
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
      text.back() == text.front()) {
    return text.substr(1, text.size() - 2);
  }
  if (text.starts_with("file://")) {
    text.erase(0, 7);
  }
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
    }
    plain += text[i];
  }
  return plain;
}

class Terminal {
 public:
  Terminal(omni::Chat& chat, const ChatCommand& command)
      : chat_(chat), command_(command), graphics_(detect_terminal_graphics()) {
    for (const auto& [modality, path] : command.media) {
      add(modality, path);
    }
  }

  int run() {
    const char* home = std::getenv("HOME");
    const std::string history =
        home == nullptr ? "" : std::string(home) + "/.omni_history";
    using_history();
    if (!history.empty()) {
      read_history(history.c_str());
    }
    std::cout << what_to_ask(chat_.model()) << kHelp;
    while (is_open_) {
      cancel_flag = 0;
      char* line = readline(pending_.empty() ? "> " : "+ ");
      if (line == nullptr) {
        break;
      }
      const std::string text = line;
      std::free(line);
      if (!text.empty()) {
        add_history(text.c_str());
        handle(text);
      }
    }
    if (!history.empty()) {
      write_history(history.c_str());
    }
    std::cout << '\n';
    return 0;
  }

 private:
  void handle(const std::string& text) {
    try {
      if (text.front() == '/' && !fs::exists(plain_path(text))) {
        handle_command(text);
      } else if (const std::string path = plain_path(text);
                 modality_of_path(path) != omni::Modality::Text && fs::exists(path)) {
        add(modality_of_path(path), path);
      } else {
        send(text, command_.sampling);
      }
    } catch (const std::exception& error) {
      std::cout << message_of(error) << '\n';
    }
  }

  void handle_command(const std::string& text) {
    const size_t space = text.find(' ');
    const std::string name = text.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : text.substr(space + 1);
    if (name == "/image" || name == "/audio" || name == "/video") {
      add(omni::modality_from_name(name.substr(1)), plain_path(rest));
    } else if (name == "/draw" || name == "/speak") {
      ChatCommand once = command_;
      once.draws = name == "/draw";
      once.speaks = name == "/speak";
      send(rest, sampling_of(once));
    } else if (name == "/save") {
      save(plain_path(rest));
    } else if (name == "/receipt") {
      print_receipt();
    } else if (name == "/reset") {
      chat_.reset();
      pending_.clear();
      std::cout << "The conversation begins anew.\n";
    } else if (name == "/undo") {
      std::cout << (chat_.undo() ? "The last turn is gone.\n" : "Nothing to undo.\n");
    } else if (name == "/quit" || name == "/exit") {
      is_open_ = false;
    } else if (name == "/help") {
      std::cout << what_to_ask(chat_.model()) << kHelp;
    } else {
      std::cout << "No command " << name << ". Commands:\n" << kHelp;
    }
  }

  void add(omni::Modality modality, const fs::path& path) {
    pending_.push_back(read_media(modality, path));
    std::cout << kDim << "added " << omni::modality_name(modality) << " "
              << path.string() << kPlain << '\n';
  }

  void send(const std::string& text, const omni::SamplingOptions& sampling) {
    std::vector<omni::Part> parts = pending_;
    if (!text.empty()) {
      parts.emplace_back(text);
    }
    allow_cancel();
    last_ = chat_.send(std::move(parts), sampling, [&](const omni::Event& event) {
      show(event);
      return !answer_is_cancelled();
    });
    pending_.clear();
    std::signal(SIGINT, SIG_DFL);
    std::cout << '\n';
    const SavedAnswer saved = save_answer(*last_, command_.output);
    for (const std::string& path : saved.images) {
      std::cout << kDim << "picture saved as " << path << kPlain << '\n';
    }
    if (!saved.speech.empty()) {
      std::cout << kDim << "speech saved as " << saved.speech << kPlain << '\n';
    }
    if (last_->stop_reason == omni::StopReason::Cancelled) {
      std::cout << kDim << "(cancelled)" << kPlain << '\n';
    }
    if (command_.shows_receipt) {
      print_receipt();
    }
  }

  void show(const omni::Event& event) {
    switch (event.kind) {
      case omni::Event::Kind::Text:
        std::cout << event.text << std::flush;
        break;
      case omni::Event::Kind::Drawing:
        std::cout << "\r" << kDim << "drawing " << event.num_done << "/"
                  << event.num_total << kPlain << std::flush;
        break;
      case omni::Event::Kind::Image:
        std::cout << "\r\033[K";
        if (graphics_ == TerminalGraphics::Sixel) {
          std::cout << to_sixel(event.image, 4);
        } else if (graphics_ == TerminalGraphics::HalfBlocks) {
          std::cout << to_half_blocks(event.image, 64);
        }
        break;
      case omni::Event::Kind::Speech:
        spoken_seconds_ += event.speech.duration_seconds();
        std::cout << "\n\033[A\033[s\n" << kDim << "speaking " << std::fixed
                  << std::setprecision(1) << spoken_seconds_ << " s" << kPlain
                  << "\033[u" << std::flush;
        break;
      case omni::Event::Kind::Done:
        if (spoken_seconds_ > 0) {
          std::cout << "\n\033[K";
        }
        spoken_seconds_ = 0;
        break;
    }
  }

  void print_receipt() const {
    if (!last_) {
      std::cout << "No answer yet.\n";
      return;
    }
    for (const omni::MediaReceipt& receipt : last_->receipt) {
      std::cout << kDim << omni::describe(receipt) << kPlain << '\n';
    }
    std::cout << kDim << describe_usage(*last_) << kPlain << '\n';
  }

  void save(const fs::path& path) const {
    std::ostringstream text;
    for (const omni::Message& message : chat_.conversation().messages) {
      text << omni::role_name(message.role) << ":";
      for (const omni::Part& part : message.parts) {
        if (const auto* words = std::get_if<std::string>(&part)) {
          text << ' ' << *words;
        } else {
          text << " [media]";
        }
      }
      text << '\n';
    }
    std::ofstream file(path);
    if (!(file << text.str())) {
      throw omni::IoError("save", path.string(), "cannot be written");
    }
    std::cout << "saved as " << path.string() << '\n';
  }

  omni::Chat& chat_;
  const ChatCommand& command_;
  TerminalGraphics graphics_;
  std::vector<omni::Part> pending_;
  std::optional<omni::Reply> last_;
  double spoken_seconds_ = 0;
  bool is_open_ = true;
};

} // namespace

bool answer_is_cancelled() {
  return cancel_flag != 0;
}

void allow_cancel() {
  cancel_flag = 0;
  std::signal(SIGINT, on_interrupt);
}

int answer_once(omni::Chat& chat, const ChatCommand& command) {
  std::vector<omni::Part> parts;
  for (const auto& [modality, path] : command.media) {
    parts.push_back(read_media(modality, path));
  }
  if (!command.question.empty()) {
    parts.emplace_back(command.question);
  }
  allow_cancel();
  const omni::Reply reply =
      chat.send(parts, sampling_of(command), [&](const omni::Event& event) {
        if (!command.prints_json && event.kind == omni::Event::Kind::Text) {
          std::cout << event.text << std::flush;
        }
        return !answer_is_cancelled();
      });
  const SavedAnswer saved = save_answer(reply, command.output);
  constexpr int kInterrupted = 130;
  const int code = reply.stop_reason == omni::StopReason::Cancelled ? kInterrupted : 0;
  if (command.prints_json) {
    std::cout << reply_to_json(reply, saved) << '\n';
    return code;
  }
  std::cout << '\n';
  for (const std::string& path : saved.images) {
    std::cout << "picture: " << path << '\n';
  }
  if (!saved.speech.empty()) {
    std::cout << "speech: " << saved.speech << '\n';
  }
  if (command.shows_receipt) {
    for (const omni::MediaReceipt& receipt : reply.receipt) {
      std::cout << "receipt: " << omni::describe(receipt) << '\n';
    }
    std::cout << "timing: " << describe_usage(reply) << '\n';
  }
  return code;
}

int talk(omni::Chat& chat, const ChatCommand& command) {
  return Terminal(chat, command).run();
}
