// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_options.h"

#include <algorithm>
#include <cctype>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fs = std::filesystem;

omni::Part read_media(omni::Modality modality, const fs::path& path) {
  switch (modality) {
    case omni::Modality::Image:
      return omni::read_image(path);
    case omni::Modality::Audio:
      return omni::read_audio(path);
    case omni::Modality::Video:
      return omni::read_video(path);
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
      extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
      });
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
        {"total", reply.seconds.total}}}};
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

std::string message_of(const std::exception& error) {
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) {
    return torch_error->what_without_backtrace();
  }
  return error.what();
}

omni::SamplingOptions sampling_of(const ChatCommand& command) {
  omni::SamplingOptions sampling = command.sampling;
  if (command.draws && command.speaks) {
    sampling.modalities = {omni::Modality::Image, omni::Modality::Speech};
  } else if (command.draws) {
    sampling.modalities = {omni::Modality::Image};
  } else if (command.speaks) {
    sampling.modalities = {omni::Modality::Speech};
  }
  return sampling;
}

std::string what_to_ask(const omni::OmniModel& model) {
  if (model->config.name != "omni-nano") {
    return "";
  }
  return
      "omni-nano은 작은 세계만 압니다 / knows only its small world:\n"
      "  그림 /image : 무슨 색이에요? 몇 개예요? 어디에 있어요? 뭐라고 적혀 있어요?\n"
      "  소리 /audio : 뭐라고 말했어요? 몇 번 울렸어요? (espeak-ng 같은 목소리)\n"
      "  영상 /video : 어디로 움직여요? 어떤 소리가 났어요?\n"
      "  그리기 /draw 빨간 원을 그려 줘    말하기 /speak 안녕하세요\n"
      "  pictures: what colour, what shape, how many, where, what is written\n"
      "  sounds: what was said, how many beeps, which came first\n"
      "  video: which way it moves, what sound it made\n"
      "  draw: a red circle in the centre    speak: push the small box\n";
}
