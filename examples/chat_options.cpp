// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_options.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fs = std::filesystem;

omni::Part read_media(
    omni::Modality modality,
    const fs::path& path,
    const omni::FrameSamplerOptions& sampler) {
  switch (modality) {
    case omni::Modality::Image:
      return omni::read_image(path);
    case omni::Modality::Audio:
      return omni::read_audio(path);
    case omni::Modality::Video: {
      // The model takes the frames nearest to its own instants: a few times as many
      // as it takes are enough to find them.
      constexpr int64_t kFramesPerSample = 8;
      omni::VideoOptions options;
      options.max_frames = sampler.max_frames * kFramesPerSample;
      return omni::read_video(path, options);
    }
    default:
      return path.string();
  }
}

omni::Modality modality_of_path(const fs::path& path) {
  static const std::map<std::string, omni::Modality> kinds = {
      {".png", omni::Modality::Image},  {".jpg", omni::Modality::Image},
      {".jpeg", omni::Modality::Image}, {".webp", omni::Modality::Image},
      {".bmp", omni::Modality::Image},  {".wav", omni::Modality::Audio},
      {".flac", omni::Modality::Audio}, {".mp3", omni::Modality::Audio},
      {".ogg", omni::Modality::Audio},  {".opus", omni::Modality::Audio},
      {".m4a", omni::Modality::Audio},  {".aac", omni::Modality::Audio},
      {".mp4", omni::Modality::Video},  {".mov", omni::Modality::Video},
      {".mkv", omni::Modality::Video},  {".webm", omni::Modality::Video},
      {".avi", omni::Modality::Video}};
  std::string extension = path.extension().string();
  std::transform(
      extension.begin(), extension.end(), extension.begin(),
      [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = kinds.find(extension);
  return found == kinds.end() ? omni::Modality::Text : found->second;
}

SavedAnswer save_answer(const omni::Reply& reply, const fs::path& folder) {
  SavedAnswer saved;
  if (reply.images.empty() && !reply.speech) {
    return saved;
  }
  fs::create_directories(folder);
  const auto new_path = [&](const std::string& extension) {
    for (int64_t number = 1;; ++number) {
      fs::path path = folder / ("answer-" + std::to_string(number) + extension);
      if (!fs::exists(path)) {
        return path;
      }
    }
  };
  for (const omni::Image& image : reply.images) {
    const fs::path path = new_path(".png");
    omni::write_image(image, path);
    saved.images.push_back(path.string());
  }
  if (reply.speech) {
    const fs::path path = new_path(".wav");
    omni::write_audio(*reply.speech, path);
    saved.speech = path.string();
  }
  return saved;
}

std::string reply_to_json(const omni::Reply& reply, const SavedAnswer& saved) {
  using Json = nlohmann::ordered_json;
  Json receipts = Json::array();
  for (const omni::MediaReceipt& r : reply.receipt) {
    receipts.push_back(
        {{"modality", omni::modality_name(r.modality)},
         {"source", r.source},
         {"height", r.height},
         {"width", r.width},
         {"num_frames", r.num_frames},
         {"frame_times_seconds", r.frame_times_seconds},
         {"sample_rate_hz", r.sample_rate_hz},
         {"seconds_heard", r.seconds_heard},
         {"tokens", {r.token_begin, r.token_end}},
         {"encode_seconds", r.encode_seconds},
         {"was_cached", r.was_cached},
         {"dropped", r.dropped}});
  }
  Json calls = Json::array();
  for (const omni::ToolCall& call : reply.tool_calls) {
    calls.push_back(
        {{"id", call.id},
         {"name", call.name},
         {"arguments", Json::parse(call.arguments)}});
  }
  const Json answer = {
      {"text", reply.text},
      {"images", saved.images},
      {"speech", saved.speech.empty() ? Json(nullptr) : Json(saved.speech)},
      {"receipt", receipts},
      {"usage",
       {{"prompt_tokens", reply.usage.prompt_tokens},
        {"prefilled_tokens", reply.usage.prefilled_tokens},
        {"answer_tokens", reply.usage.answer_tokens},
        {"stop_reason", omni::stop_reason_name(reply.stop_reason)}}},
      {"seconds",
       {{"encode", reply.seconds.encode},
        {"prefill", reply.seconds.prefill},
        {"generate", reply.seconds.generate},
        {"total", reply.seconds.total}}},
      {"reasoning", reply.reasoning},
      {"tool_calls", calls}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string describe_usage(const omni::Reply& reply) {
  std::ostringstream line;
  line << reply.usage.prompt_tokens << " prompt tokens ("
       << reply.usage.prefilled_tokens << " computed), " << reply.usage.answer_tokens
       << " answered; " << std::fixed << std::setprecision(3) << reply.seconds.encode
       << " s encode, " << reply.seconds.prefill << " s prefill, "
       << reply.seconds.generate << " s generate, " << reply.seconds.total
       << " s in all";
  return line.str();
}

omni::SamplingOptions sampling_of(const ChatCommand& command) {
  omni::SamplingOptions sampling = command.sampling;
  if (command.draws) {
    sampling.modalities = {omni::Modality::Image};
  } else if (command.speaks) {
    sampling.modalities = {omni::Modality::Speech};
  }
  return sampling;
}

std::string printable(const std::string& text) {
  std::string clean;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
      ++i; // U+0080 to U+009F: control characters of two bytes
    } else if ((byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t') {
      clean += text[i];
    }
  }
  return clean;
}

namespace {

// `%20` and the like.
std::string percent_decoded(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_hex = [&](size_t at) {
      return std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && i + 2 < text.size() && is_hex(i + 1) && is_hex(i + 2)) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The word that begins at `begin` with its quotes and backslashes taken away; `begin`
// is moved behind it.
std::string next_word(const std::string& line, size_t& begin) {
  std::string word;
  char quote = 0;
  for (; begin < line.size(); ++begin) {
    const char c = line[begin];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if ((c == '\'' || c == '"') && word.empty()) {
      quote = c;
    } else if (c == '\\' && begin + 1 < line.size()) {
      word += line[++begin];
    } else if (c == ' ') {
      break;
    } else {
      word += c;
    }
  }
  if (word.starts_with("file://")) {
    return percent_decoded(word.substr(7));
  }
  const char* home = std::getenv("HOME");
  return word.starts_with("~/") && home != nullptr ? home + word.substr(1) : word;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos
      ? ""
      : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

} // namespace

DroppedFiles split_dropped_files(const std::string& line) {
  DroppedFiles dropped;
  dropped.text = trimmed(line);
  while (!dropped.text.empty()) {
    size_t end = 0;
    const std::string path = next_word(dropped.text, end);
    if (modality_of_path(path) == omni::Modality::Text || !fs::is_regular_file(path)) {
      break;
    }
    dropped.paths.push_back(path);
    dropped.text = trimmed(dropped.text.substr(end));
  }
  return dropped;
}

std::string plain_path(const std::string& argument) {
  const std::string text = trimmed(argument);
  size_t end = 0;
  const std::string word = next_word(text, end);
  // A path typed without quotes may hold spaces and quotes of its own.
  return end == text.size() && !fs::exists(text) ? word : text;
}
