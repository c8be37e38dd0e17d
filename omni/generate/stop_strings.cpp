// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/stop_strings.h"

#include <algorithm>
#include <utility>

#include "omni/core/errors.h"
#include "omni/generate/pending_text.h"

namespace omni {

std::vector<int64_t> stop_ids(
    const std::vector<std::string>& stops,
    const TextTokenizer& tokenizer) {
  std::vector<int64_t> ids;
  if (stops.empty()) {
    return ids;
  }
  const auto special = tokenizer.special_tokens();
  for (const std::string& stop : stops) {
    const auto found = special.find(stop);
    if (found != special.end()) {
      ids.push_back(found->second);
    }
  }
  return ids;
}

StopStrings::StopStrings(
    std::vector<std::string> stops,
    const std::shared_ptr<const TextTokenizer>& tokenizer)
    : stops_(std::move(stops)) {
  if (stops_.empty()) {
    return;
  }
  if (!tokenizer) {
    throw ValueError(
        "generate",
        "expected a model with a text tokenizer for stop strings, got none.");
  }
  stop_ids_ = stop_ids(stops_, *tokenizer);
  num_text_ids_ = tokenizer->vocab_size();
  stream_ = std::make_unique<TextStream>(tokenizer);
}

bool StopStrings::push(int64_t id) {
  if (!stream_ || id >= num_text_ids_) {
    return false;
  }
  if (std::find(stop_ids_.begin(), stop_ids_.end(), id) != stop_ids_.end()) {
    return true;
  }
  tail_ += stream_->push(id);
  const bool has_stop = std::any_of(
      stops_.begin(), stops_.end(),
      [&](const std::string& stop) { return tail_.find(stop) != std::string::npos; });
  tail_.erase(0, tail_.size() - pending_bytes(tail_, stops_));
  return has_stop;
}

} // namespace omni
