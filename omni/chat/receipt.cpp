// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/chat/receipt.h"

#include <iomanip>
#include <sstream>

namespace omni {

std::string describe(const MediaReceipt& receipt) {
  std::ostringstream line;
  line << std::fixed << std::setprecision(2);
  line << modality_name(receipt.modality);
  if (!receipt.source.empty()) {
    line << " " << receipt.source;
  }
  if (receipt.width > 0) {
    line << ", " << receipt.width << "x" << receipt.height;
  }
  if (receipt.modality == Modality::Video) {
    line << ", " << receipt.num_frames << " frames at";
    for (const double time : receipt.frame_times_seconds) {
      line << " " << time;
    }
    line << " s";
  }
  if (receipt.sample_rate_hz > 0) {
    line << ", " << receipt.seconds_heard << " s heard at " << receipt.sample_rate_hz
         << " Hz";
  }
  line << ", tokens [" << receipt.token_begin << ", " << receipt.token_end << ")";
  if (receipt.was_cached) {
    line << ", already encoded";
  } else {
    line << ", encoded in " << receipt.encode_seconds * 1e3 << " ms";
  }
  if (!receipt.dropped.empty()) {
    line << "; left out: " << receipt.dropped;
  }
  return line.str();
}

MediaReceipt receipt_of(const Part& part, const ProcessedMedia& media) {
  MediaReceipt receipt;
  receipt.modality = media.modality;
  if (const auto* image = std::get_if<Image>(&part)) {
    receipt.source = image->source;
    receipt.height = image->height();
    receipt.width = image->width();
    receipt.num_frames = 1;
  } else if (const auto* waveform = std::get_if<Waveform>(&part)) {
    receipt.source = waveform->source;
    receipt.sample_rate_hz = waveform->sample_rate_hz;
  } else if (const auto* clip = std::get_if<VideoClip>(&part)) {
    receipt.source = clip->source;
    receipt.height = clip->frames.size(1);
    receipt.width = clip->frames.size(2);
    receipt.num_frames = static_cast<int64_t>(media.images.size());
    receipt.frame_times_seconds = media.frame_times_seconds;
    receipt.sample_rate_hz = clip->audio ? clip->audio->sample_rate_hz : 0;
  }
  receipt.seconds_heard = media.seconds_heard;
  receipt.dropped = media.dropped;
  return receipt;
}

} // namespace omni
