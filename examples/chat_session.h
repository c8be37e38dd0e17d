// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One conversation of omni-chat, whoever types: commands, media that wait for the next
// message, and answers shown as they come. Answers go to standard output, and so do
// notes, but with --json: then they go to standard error. Progress goes there when that
// is a terminal; files go to the command's output folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "examples/chat_options.h"
#include "examples/terminal_image.h"

class ChatSession {
 public:
  // `examples`: what the model can be asked; may be empty. Both references must outlive
  // the session.
  ChatSession(
      omni::Chat& chat,
      const ChatCommand& command,
      std::string examples,
      TerminalGraphics graphics);

  // A line as typed: a command, files dropped on the terminal, or a message; an empty
  // one sends the media that wait. False when it says to leave. What is wrong with it
  // is thrown, and the session goes on.
  bool handle(const std::string& line);
  // Reads a file for the next message. False, and nothing is added, when Ctrl-C was
  // pressed meanwhile.
  bool read(omni::Modality modality, const std::string& path);
  // The same, and says so.
  void add_file(omni::Modality modality, const std::string& path);
  // Reads the files of the command line, until one is cancelled.
  void read_given_files(bool says_so);
  // Sends what waits and `text`.
  void send(const std::string& text, const omni::SamplingOptions& sampling);
  // The result of the next call of a tool; with the last one the model goes on. Media
  // that wait stay for the next message.
  void add_tool_result(const std::string& text);

  [[nodiscard]] bool has_waiting_media() const {
    return !waiting_.empty();
  }
  // Whether Ctrl-C ended the latest of what handle(), read() or send() did.
  [[nodiscard]] bool was_cancelled() const {
    return was_cancelled_;
  }
  // What the model can be asked, and a line on how to go on.
  void greet() const;

 private:
  void handle_command(const std::string& line);
  void set_thinking(const std::string& choice);
  // Says it by `speak` and shows the answer.
  void answer(const std::function<omni::Reply(const omni::EventCallback&)>& speak);
  void show(const omni::Event& event);
  void show_progress(const std::string& text);
  void write(const std::string& text); // of the answer
  void end_line(); // what comes next begins a line of its own
  void print_note(const std::string& text) const;
  void print_help() const;
  void print_receipt() const;
  void save(const std::string& path) const;

  omni::Chat& chat_;
  const ChatCommand& command_;
  std::string examples_;
  TerminalGraphics graphics_;
  bool is_terminal_; // standard output
  bool shows_progress_;
  std::vector<omni::Part> waiting_;
  std::vector<omni::ToolResult> tool_results_; // of the last answer's calls so far
  std::optional<omni::Reply> last_;
  bool is_in_reasoning_ = false; // of the answer on the screen
  bool is_in_line_ = false; // something stands on the line where it goes on
  double spoken_seconds_ = 0;
  bool was_cancelled_ = false;
  bool is_open_ = true;
};
