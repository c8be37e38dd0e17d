// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_terminal.h"

#include <histedit.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "examples/chat_interrupt.h"
#include "examples/error_message.h"

namespace {

// Reads lines from a terminal. Ctrl-C gives up the line, not the program.
class LineEditor {
 public:
  explicit LineEditor(std::string history_path)
      : history_path_(std::move(history_path)),
        history_(history_init()),
        editor_(el_init("omni-chat", stdin, stdout, stderr)) {
    // Letters of more than one byte are edited as one only in a UTF-8 locale.
    if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
      std::setlocale(LC_CTYPE, "C.UTF-8");
    }
    constexpr int kLines = 1000;
    history(history_, &event_, H_SETSIZE, kLines);
    history(history_, &event_, H_SETUNIQUE, 1);
    if (!history_path_.empty()) {
      history(history_, &event_, H_LOAD, history_path_.c_str());
    }
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 1); // window size, going on after a stop
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_ADDFN, "omni-complete", "Complete a path", _el_fn_complete);
    el_set(editor_, EL_BIND, "^I", "omni-complete", nullptr);
    // At the prompt Ctrl-C is a key like any other. Elsewhere it interrupts, but what
    // was written and not yet shown stays: a terminal throws that away by default.
    el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(editor_, EL_SETTY, "-x", "+noflsh", nullptr); // last: it is in force at once
    el_set(editor_, EL_ADDFN, "omni-give-up", "Give up the line", &give_up);
    el_set(editor_, EL_BIND, "^C", "omni-give-up", nullptr);
    el_set(editor_, EL_ADDFN, "omni-suspend", "Back to the shell", &suspend);
    el_set(editor_, EL_BIND, "^Z", "omni-suspend", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }
  ~LineEditor() {
    if (!history_path_.empty()) {
      history(history_, &event_, H_SAVE, history_path_.c_str());
    }
    el_end(editor_);
    history_end(history_);
  }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // The line without its end; nothing at the end of input.
  std::optional<std::string> read(const char* prompt_text) {
    prompt_text_ = prompt_text;
    while (true) {
      gave_up_ = false;
      int length = 0;
      errno = 0;
      // Before libedit's own handler stands: it would leave the prompt with the modes
      // of a terminal that is not edited.
      el_set(editor_, EL_PREP_TERM, 1);
      const char* line = el_gets(editor_, &length);
      if (gave_up_) {
        std::cout << "^C\n";
        continue;
      }
      if (line == nullptr && errno == EINTR) {
        continue; // a signal, not the end
      }
      if (line == nullptr || length <= 0) {
        return std::nullopt;
      }
      std::string text(line, static_cast<size_t>(length));
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.pop_back();
      }
      if (text.find_first_not_of(' ') != std::string::npos) {
        history(history_, &event_, H_ENTER, text.c_str());
      }
      return text;
    }
  }

 private:
  static LineEditor& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<LineEditor*>(self);
  }
  static char* prompt(EditLine* editor) {
    return const_cast<char*>(of(editor).prompt_text_); // libedit only reads it
  }
  static unsigned char suspend(EditLine*, int) {
    std::raise(SIGTSTP);
    return CC_REDISPLAY;
  }
  static unsigned char give_up(EditLine* editor, int) {
    of(editor).gave_up_ = true;
    return CC_NEWLINE;
  }

  std::string history_path_;
  History* history_;
  HistEvent event_{};
  EditLine* editor_;
  const char* prompt_text_ = "";
  bool gave_up_ = false;
};

} // namespace

int talk(ChatSession& session) {
  const char* home = std::getenv("HOME");
  LineEditor editor(home == nullptr ? "" : std::string(home) + "/.omni_history");
  set_idle_interrupt(IdleInterrupt::IsIgnored); // at the prompt it is a key
  session.read_given_files(/*says_so=*/true);
  session.greet();
  bool is_open = true;
  while (is_open) {
    const auto line = editor.read(session.has_waiting_media() ? "+ " : "> ");
    if (!line) {
      std::cout << '\n';
      break;
    }
    try {
      is_open = session.handle(*line);
    } catch (const std::exception& error) {
      std::cout << printable(message_of(error)) << std::endl;
    }
  }
  return 0;
}

int read_script(ChatSession& session, const ChatCommand& command) {
  std::string line;
  while (std::getline(std::cin, line)) {
    const bool is_empty = line.find_first_not_of(" \t\r") == std::string::npos;
    if (is_empty && !session.has_waiting_media()) {
      continue;
    }
    if (!command.prints_json) {
      std::cout << "\n> " << line << std::endl;
    }
    if (!session.handle(line)) {
      return 0;
    }
    if (session.was_cancelled()) {
      return kInterruptedExitCode;
    }
  }
  if (session.has_waiting_media()) {
    session.send("", sampling_of(command));
  }
  return session.was_cancelled() ? kInterruptedExitCode : 0;
}
