// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <c10/util/Exception.h>

#include <algorithm>
#include <vector>

#include "encoders/media/audio_io.h"
#include "encoders/media/av/handles.h"
#include "encoders/media/av/tensors.h"

namespace omni {

namespace {

constexpr int64_t kMaxRateHz = 1'000'000;
constexpr int64_t kBlock = 1 << 16; // samples converted at once

} // namespace

Waveform resample(const Waveform& waveform, int64_t rate_hz) {
  check_waveform(waveform, "resample");
  TORCH_CHECK_VALUE(
      rate_hz >= 1 && rate_hz <= kMaxRateHz && waveform.sample_rate_hz <= kMaxRateHz,
      "[resample] expected rates of 1 to 1000000 Hz, got ", waveform.sample_rate_hz,
      " and ", rate_hz, ".");
  if (rate_hz == waveform.sample_rate_hz) {
    return waveform;
  }
  AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO; // FFmpeg 5 takes no const here
  SwrContext* raw = nullptr;
  int error = swr_alloc_set_opts2(
      &raw, &mono, AV_SAMPLE_FMT_FLTP, static_cast<int>(rate_hz), &mono,
      AV_SAMPLE_FMT_FLTP, static_cast<int>(waveform.sample_rate_hz), 0, nullptr);
  const av::Handle<SwrContext> resampler(raw);
  if (error >= 0) {
    error = swr_init(raw);
  }
  TORCH_CHECK_VALUE(
      error >= 0, "[resample] expected rates that swresample can join, got ",
      waveform.sample_rate_hz, " and ", rate_hz, " Hz ('", av::error_text(error),
      "').");

  const at::Tensor samples = waveform.samples.detach().cpu().contiguous();
  const auto* data = reinterpret_cast<const uint8_t*>(samples.const_data_ptr<float>());
  const int64_t count = samples.size(0);
  std::vector<float> resampled;
  resampled.reserve(static_cast<size_t>(
      static_cast<double>(count) * static_cast<double>(rate_hz) /
          static_cast<double>(waveform.sample_rate_hz) +
      64));
  std::vector<float> block;
  // Null input drains what the filter holds back.
  const auto convert = [&](const uint8_t** input, int num_input) {
    const int room = swr_get_out_samples(raw, num_input);
    block.resize(static_cast<size_t>(std::max(room, 1)));
    auto* output = reinterpret_cast<uint8_t*>(block.data());
    const int got =
        swr_convert(raw, &output, static_cast<int>(block.size()), input, num_input);
    TORCH_INTERNAL_ASSERT(got >= 0, "swresample failed: ", av::error_text(got));
    resampled.insert(resampled.end(), block.begin(), block.begin() + got);
    return got;
  };
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const uint8_t* input = data + begin * static_cast<int64_t>(sizeof(float));
    convert(&input, static_cast<int>(std::min(kBlock, count - begin)));
  }
  while (convert(nullptr, 0) > 0) {
  }
  if (resampled.empty()) { // fewer input samples than one output sample spans
    resampled.push_back(samples[0].item<float>());
  }
  return {av::to_tensor(std::move(resampled)), rate_hz, waveform.source};
}

} // namespace omni
