// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Segments of the speech and sound of samples, as the speech codec and the vocoder
// train on them.
#pragma once

#include "omni/train/objective.h"

namespace omni {

struct SpeechSegments : Batch {
  at::Tensor samples; // float32 [B, T * hop], at the vocoder's rate
  at::Tensor mel; // float32 [B, T, M], of these samples
  at::Tensor lengths; // int64 [B], frames that are sound and not padding
};

// One segment a sample, `seconds` long (whole frames), from a place its seed chooses.
[[nodiscard]] std::unique_ptr<SpeechSegments> load_speech_segments(
    const OmniModel& model,
    double seconds,
    const std::vector<Sample>& samples,
    const std::vector<SampleAddress>& addresses);

} // namespace omni
