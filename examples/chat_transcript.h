// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What /save of omni-chat writes: a conversation for people to read.
#pragma once

#include <omni/omni.h>

#include <string>

// A line a message: who said it, then its text, with the kind and the file of media.
// What an answer thought and called are lines of their own: `assistant (thinks): ...`,
// `assistant (calls call00000): name{arguments}`; a result names its call: `tool
// (call00000): ...`.
std::string conversation_to_text(const omni::Conversation& conversation);
