// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Where omni-chat's lines come from: a person at a terminal, with line editing, history
// and file names completed by Tab; or a file or pipe, a line a turn.
#pragma once

#include "examples/chat_session.h"

// A person types until Ctrl-D; mistakes are shown and the conversation goes on. Returns
// the process's exit code.
int talk(ChatSession& session);
// Lines of standard input, shown as `> line` (not for JSON) before their answers. Media
// that wait at the end are sent without text. Throws at the first line that fails.
int read_script(ChatSession& session, const ChatCommand& command);
