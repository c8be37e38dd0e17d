// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_transcript.h"

#include <sstream>

namespace {

std::string name_and_source(const char* name, const std::string& source) {
  std::string text = "[";
  text.append(name);
  if (!source.empty()) {
    text.append(" ").append(source);
  }
  return text.append("]");
}

std::string part_to_text(const omni::Part& part) {
  if (const auto* text = std::get_if<std::string>(&part)) {
    return *text;
  }
  if (const auto* image = std::get_if<omni::Image>(&part)) {
    return name_and_source("image", image->source);
  }
  if (const auto* sound = std::get_if<omni::Waveform>(&part)) {
    return name_and_source("audio", sound->source);
  }
  return name_and_source("video", std::get<omni::VideoClip>(part).source);
}

std::string parts_to_text(const omni::Message& message) {
  std::string text;
  for (const omni::Part& part : message.parts) {
    text.append(" ").append(part_to_text(part));
  }
  return text;
}

} // namespace

std::string conversation_to_text(const omni::Conversation& conversation) {
  std::ostringstream text;
  for (const omni::Message& message : conversation.messages) {
    const char* role = omni::role_name(message.role);
    if (!message.reasoning.empty()) {
      text << role << " (thinks): " << message.reasoning << '\n';
    }
    if (!message.parts.empty() || message.tool_calls.empty()) {
      text << role;
      if (!message.tool_call_id.empty()) {
        text << " (" << message.tool_call_id << ')';
      }
      text << ':' << parts_to_text(message) << '\n';
    }
    for (const omni::ToolCall& call : message.tool_calls) {
      text << role << " (calls " << call.id << "): " << call.name << call.arguments
           << '\n';
    }
  }
  return text.str();
}
