// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What omni-chat was asked for on the command line, and what every way of using it
// shares: reading media by path, writing what an answer made to files.
#pragma once

#include <omni/omni.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct ChatCommand {
  std::filesystem::path model; // folder
  std::string dtype; // empty: what suits this CPU
  std::string weight_format; // to quantize it to; empty: as it is
  std::string system; // text of the system message
  std::optional<bool> thinks; // before it answers; none: as the model has it
  std::filesystem::path tools; // JSON file of functions it may call; empty: none
  std::vector<std::pair<omni::Modality, std::string>> media; // in the order given
  std::string question;
  std::filesystem::path output = "."; // where pictures and sounds go
  bool speaks = false;
  bool draws = false;
  bool prints_json = false;
  bool shows_receipt = false;
  omni::SamplingOptions sampling;
};

// Files written for one answer.
struct SavedAnswer {
  std::vector<std::string> images;
  std::string speech; // empty: none
};

// Reads a file of that kind; IoError names what is wrong with it. Of a long clip no
// more frames are held than a model that samples by `sampler` has use for.
omni::Part read_media(
    omni::Modality modality,
    const std::filesystem::path& path,
    const omni::FrameSamplerOptions& sampler);
// The kind of a media file by its extension; Text when it is none.
omni::Modality modality_of_path(const std::filesystem::path& path);
// Writes pictures and speech as `answer-N.png`, `answer-N.wav` under names not yet
// taken.
SavedAnswer save_answer(const omni::Reply& reply, const std::filesystem::path& folder);
// {"text", "images", "speech", "receipt", "usage", "seconds", "reasoning",
// "tool_calls"} on one line; "usage" says why the answer ended ("stop_reason":
// "end_of_turn", "length" when it was cut, "stop_string", "cancelled").
std::string reply_to_json(const omni::Reply& reply, const SavedAnswer& saved);
// One line: tokens and seconds of an answer.
std::string describe_usage(const omni::Reply& reply);
// Sampling with the modalities that --speak and --draw ask for.
omni::SamplingOptions sampling_of(const ChatCommand& command);
// Text without control characters other than line breaks and tabs, so that no model
// and no file can steer the terminal.
std::string printable(const std::string& text);

// A line as typed or pasted: media files at its begin (terminals paste the path of a
// file dropped on them: quoted, escaped, file://), and the text after them.
struct DroppedFiles {
  std::vector<std::string> paths; // of existing files with a media extension
  std::string text;
};
DroppedFiles split_dropped_files(const std::string& line);
// The path in an argument as a terminal would paste it; `~/` is the home folder.
std::string plain_path(const std::string& argument);
