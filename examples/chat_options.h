// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What omni-chat was asked for on the command line, and what both of its modes share:
// reading media by path, writing what an answer made to files.
#pragma once

#include <omni/omni.h>

#include <filesystem>
#include <string>
#include <vector>

struct ChatCommand {
  std::string model; // folder; empty: the embedded omni-nano
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

// Reads a file of that kind; IoError names what is wrong with it.
omni::Part read_media(omni::Modality modality, const std::filesystem::path& path);
// The kind of a media file by its extension; Text when it is none.
omni::Modality modality_of_path(const std::filesystem::path& path);
// Writes pictures and speech as `answer-N.png`, `answer-N.wav` under names not yet taken.
SavedAnswer save_answer(
    const omni::Reply& reply, const std::filesystem::path& folder);
// {"text", "images", "speech", "receipt", "usage", "seconds"} on one line.
std::string reply_to_json(const omni::Reply& reply, const SavedAnswer& saved);
// One line: tokens and seconds of an answer.
std::string describe_usage(const omni::Reply& reply);
// The text of an error without a C++ backtrace.
std::string message_of(const std::exception& error);
// Sampling with the modalities that --speak and --draw ask for.
omni::SamplingOptions sampling_of(const ChatCommand& command);
// What the model can be asked, in both of its languages; empty for other models.
std::string what_to_ask(const omni::OmniModel& model);
