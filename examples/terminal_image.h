// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A picture as characters for a terminal: sixel graphics where the terminal says it has
// them, else half blocks in 24-bit colour (one character is two pixels).
#pragma once

#include <omni/omni.h>

#include <string>

enum class TerminalGraphics { None, HalfBlocks, Sixel };

// What the terminal on standard output can show: nothing when TERM is dumb, sixel when
// it says so (asked through standard input; the bytes of a reply must come within a
// quarter of a second of each other).
TerminalGraphics detect_terminal_graphics();

std::string to_half_blocks(const omni::Image& image, int64_t max_columns);
std::string to_sixel(const omni::Image& image, int64_t scale);
