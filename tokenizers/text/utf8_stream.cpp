// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/utf8_stream.h"

#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// Moves what is complete out of `pending`; what is cut short stays.
std::string take_complete(std::string& pending) {
  std::string complete;
  std::string_view rest = pending;
  while (!rest.empty()) {
    const Utf8Character character = first_character(rest);
    if (character.is_cut_short) {
      break;
    }
    complete += character.is_valid ? rest.substr(0, character.num_bytes)
                                   : kReplacementCharacter;
    rest.remove_prefix(character.num_bytes);
  }
  pending.erase(0, pending.size() - rest.size());
  return complete;
}

} // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  return take_complete(pending_);
}

std::string Utf8Stream::finish() {
  std::string last(pending_.empty() ? std::string_view() : kReplacementCharacter);
  pending_.clear();
  return last;
}

std::string to_valid_utf8(std::string_view text) {
  Utf8Stream stream;
  std::string valid = stream.push(text);
  valid += stream.finish();
  return valid;
}

} // namespace omni
