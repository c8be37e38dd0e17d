// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// omni-chat's two modes. Both return the process's exit code.
#pragma once

#include "examples/chat_options.h"

// Cancels the answer under way; set by Ctrl-C.
bool answer_is_cancelled();
void allow_cancel(); // installs the handler and clears the flag

// One question, one answer: text streams to standard output (or one JSON object).
int answer_once(omni::Chat& chat, const ChatCommand& command);
// Line editing, history, commands, until end of input.
int talk(omni::Chat& chat, const ChatCommand& command);
