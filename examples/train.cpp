// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// omni-train CONFIG.json: trains what the configuration says, or goes on where it
// stopped. Ctrl-C (and SIGTERM) saves and stops; a second one ends the program at once.
// Exit codes: 0 done, 1 an error, 2 wrong usage, 130 stopped by Ctrl-C.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "examples/error_message.h"
#include "omni/train/trainer.h"

namespace {

volatile std::sig_atomic_t stop_flag = 0;

void on_interrupt(int) {
  stop_flag = 1;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

std::string clock_text(double seconds) {
  const auto total = static_cast<long>(seconds);
  char text[32];
  std::snprintf(
      text, sizeof(text), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  return text;
}

std::string figures_text(const std::map<std::string, double>& figures) {
  std::string text;
  for (const auto& [name, value] : figures) {
    char item[96];
    std::snprintf(item, sizeof(item), "  %s %.4f", name.c_str(), value);
    text += item;
  }
  return text;
}

// One line that rewrites itself on a terminal; a line every so often elsewhere.
void print(const omni::TrainEvent& event) {
  using Kind = omni::TrainEvent::Kind;
  static const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  const std::string figures = figures_text(event.losses) + figures_text(event.figures);
  switch (event.kind) {
    case Kind::LeftOut:
      std::printf(
          "%s: %ld samples without %s are left out\n", event.name.c_str(),
          event.num_left_out, event.needs.c_str());
      break;
    case Kind::Started:
      std::printf(
          "training from the beginning, %ld steps in %s\n", event.num_steps,
          event.precision.c_str());
      break;
    case Kind::Resumed:
      std::printf(
          "resuming after step %ld of %ld in %s\n", event.step, event.num_steps,
          event.precision.c_str());
      if (!event.name.empty()) {
        std::printf("%s\n", event.name.c_str());
      }
      break;
    case Kind::Step:
      std::printf(
          "%sstep %ld/%ld%s  %.0f tokens/s  %s left%s", is_terminal ? "\r\033[K" : "",
          event.step, event.num_steps, figures.c_str(), event.tokens_per_second,
          clock_text(event.seconds_left).c_str(), is_terminal ? "" : "\n");
      break;
    case Kind::Evaluated:
      std::printf(
          "%sevaluated %s at step %ld:%s\n", is_terminal ? "\n" : "",
          event.name.c_str(), event.step, figures.c_str());
      break;
    case Kind::Saved:
      if (!is_terminal) {
        std::printf("saved step %ld\n", event.step);
      }
      break;
    case Kind::Finished:
      std::printf("%sdone: %s\n", is_terminal ? "\n" : "", event.name.c_str());
      break;
    case Kind::Stopped:
      std::printf(
          "%sstopped after step %ld; run the same command to go on\n",
          is_terminal ? "\n" : "", event.step);
      break;
  }
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Train an Omni model.", "omni-train");
  std::string path;
  std::vector<std::string> overrides;
  app.add_option("config", path, "training configuration (JSON)")->required();
  app.add_option("--override", overrides, "key.path=value, may be repeated");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  try {
    const omni::TrainConfig config = omni::read_train_config(path, overrides);
    const bool is_done = omni::train(config, {print, [] { return stop_flag != 0; }});
    constexpr int kInterrupted = 130;
    return is_done ? 0 : kInterrupted;
  } catch (const std::exception& error) {
    std::cerr << "omni-train: " << message_of(error) << '\n';
  }
  return 1;
}
