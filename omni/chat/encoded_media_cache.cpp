// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/chat/encoded_media_cache.h"

#include <algorithm>
#include <sstream>

#include "omni/core/digest.h"

namespace omni {
namespace {

// Everything the encoders and the layout read of an item.
std::string digest_of(const ProcessedMedia& media) {
  std::ostringstream key;
  key << modality_name(media.modality);
  for (const ProcessedImage& image : media.images) {
    key << ':' << digest(image.patches) << ',' << image.grid.rows << 'x'
        << image.grid.columns;
  }
  if (media.mel.defined()) {
    key << ':' << digest(media.mel);
  }
  key << ':' << digest(media.positions);
  return key.str();
}

int64_t bytes_of(const EncodedMedia& media) {
  return static_cast<int64_t>(media.rows.nbytes() + media.positions.nbytes());
}

} // namespace

EncodedMediaCache::EncodedMediaCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

EncodedMediaCache::Found EncodedMediaCache::find_or_encode(
    OmniModel& model,
    const ProcessedMedia& media) {
  const std::string key = digest_of(media);
  const auto found = std::find_if(
      entries_.begin(), entries_.end(),
      [&](const Entry& e) { return e.digest == key; });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return {entries_.front().rows, true};
  }
  entries_.push_front({key, model->encode({media}).front()});
  size_bytes_ += bytes_of(entries_.front().rows);
  const EncodedMedia rows = entries_.front().rows;
  while (size_bytes_ > max_bytes_ && !entries_.empty()) {
    size_bytes_ -= bytes_of(entries_.back().rows);
    entries_.pop_back();
  }
  return {rows, false};
}

} // namespace omni
