// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/sample.h"

#include <ATen/Functions.h>

#include <nlohmann/json.hpp>

#include "omni/core/errors.h"

namespace omni {
namespace {

using Json = nlohmann::json;

constexpr std::pair<const char*, PartKind> kKinds[] = {
    {"text", PartKind::Text},
    {"image", PartKind::Image},
    {"audio", PartKind::Audio},
    {"video", PartKind::Video},
    {"speech", PartKind::Speech}};

at::Tensor parse_grid(const Json& json) {
  const auto rows = json.get<std::vector<std::vector<int64_t>>>();
  std::vector<at::Tensor> tensors;
  if (rows.empty()) {
    throw ValueError("sample", "expected `labels` grids with rows, got an empty one.");
  }
  for (const auto& row : rows) {
    if (row.empty() || row.size() != rows.front().size()) {
      throw ValueError(
          "sample", "expected `labels` grids whose rows are equally long, got others.");
    }
    tensors.push_back(at::tensor(row, at::kLong));
  }
  return at::stack(tensors);
}

SamplePart parse_part(
    const Json& json,
    const std::function<std::string(const std::string&)>& read_file) {
  SamplePart part;
  if (json.is_string()) {
    part.text = json.get<std::string>();
    return part;
  }
  const auto type = json.at("type").get<std::string>();
  bool is_known = false;
  for (const auto& [name, kind] : kKinds) {
    if (type == name) {
      part.kind = kind;
      is_known = true;
    }
  }
  if (!is_known) {
    throw ValueError(
        "sample",
        "expected a part of type text, image, audio, video or speech, got \"" + type +
            "\".");
  }
  if (part.kind == PartKind::Text || part.kind == PartKind::Speech) {
    part.text = json.at("text").get<std::string>();
  }
  if (part.kind != PartKind::Text) {
    part.file = json.at("file").get<std::string>();
    part.bytes = read_file(part.file);
  }
  part.transcript = json.value("transcript", "");
  if (json.contains("labels")) {
    for (const auto& [name, grid] : json.at("labels").items()) {
      part.labels[name] = parse_grid(grid);
    }
  }
  if (json.contains("words")) {
    for (const Json& word : json.at("words")) {
      part.words.push_back({word.at(0).get<std::string>(), word.at(1).get<double>()});
    }
  }
  return part;
}

SampleMessage parse_message(
    const Json& json,
    const std::function<std::string(const std::string&)>& read_file) {
  SampleMessage message;
  message.role = role_from_name(json.at("role").get<std::string>());
  const Json& content = json.at("content");
  if (content.is_string()) {
    message.parts.push_back(parse_part(content, read_file));
    return message;
  }
  for (const Json& part : content) {
    message.parts.push_back(parse_part(part, read_file));
  }
  return message;
}

} // namespace

Sample parse_sample(
    const std::string& key,
    const std::string& json_text,
    const std::function<std::string(const std::string&)>& read_file) {
  Sample sample;
  sample.key = key;
  try {
    const Json json = Json::parse(json_text);
    sample.kind = json.value("kind", "conversation");
    for (const Json& message : json.at("messages")) {
      sample.messages.push_back(parse_message(message, read_file));
    }
  } catch (const Json::exception& error) {
    throw ValueError("sample", key + ": " + error.what());
  } catch (const ValueError& error) {
    throw ValueError("sample", key + ": " + error.what());
  }
  return sample;
}

} // namespace omni
