// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include <algorithm>

#include "tokenizers/vocoder.h"

namespace omni {

// Note [Windows of a stream]
// A mel frame is final once `decode_context_codes` codes follow its own; a frame's
// samples are final once `context_frames` final mel frames follow. So each call decodes
// the smallest window that holds every code those samples depend on. Inside the window
// the result equals the whole decode; what lies nearer to a cut than the context is
// dropped.

SpeechStream::SpeechStream(SpeechCodec codec, Vocoder vocoder, VocoderOptions options)
    : codec_(std::move(codec)), vocoder_(std::move(vocoder)), options_(options) {
  TORCH_CHECK_VALUE(
      !codec_.is_empty(), "[speech_stream] expected a speech codec, got an empty one.");
  TORCH_CHECK_VALUE(
      codec_->options.num_mels == options_.num_mels,
      "[speech_stream] expected codec and vocoder of equal num_mels, got ",
      codec_->options.num_mels, " and ", options_.num_mels, ".");
  TORCH_CHECK_VALUE(
      vocoder_.is_empty() ||
          (vocoder_->options.num_mels == options_.num_mels &&
           vocoder_->options.hop == options_.hop),
      "[speech_stream] expected options equal to the vocoder's, got another num_mels "
      "or "
      "hop.");
}

at::Tensor SpeechStream::push(const std::vector<int64_t>& codes) {
  const int64_t num_codes = codec_->options.num_codes();
  for (const int64_t code : codes) {
    TORCH_CHECK_INDEX(
        code >= 0 && code < num_codes, "[speech_stream] expected codes in [0, ",
        num_codes, "), got ", code, ".");
  }
  codes_.insert(codes_.end(), codes.begin(), codes.end());
  return take_final(/*is_last=*/false);
}

at::Tensor SpeechStream::finish() {
  at::Tensor samples = take_final(/*is_last=*/true);
  codes_.clear();
  num_samples_given_ = 0;
  return samples;
}

at::Tensor SpeechStream::take_final(bool is_last) {
  const torch::NoGradGuard no_grad;
  const int64_t group = codec_->options.frames_per_code;
  const int64_t code_context = codec_->options.decode_context_codes();
  const int64_t frame_context = vocoder_.is_empty() ? 0 : vocoder_->context_frames();
  const int64_t num_codes = static_cast<int64_t>(codes_.size());

  const int64_t mel_end = (is_last ? num_codes : num_codes - code_context) * group;
  const int64_t frame_end = is_last ? mel_end : mel_end - frame_context;
  const int64_t frame_begin = num_samples_given_ / options_.hop;
  if (frame_end <= frame_begin || (vocoder_.is_empty() && !is_last)) {
    return at::zeros({0}, at::kFloat);
  }
  const int64_t mel_begin = std::max<int64_t>(0, frame_begin - frame_context);
  const int64_t code_begin = std::max<int64_t>(0, mel_begin / group - code_context);
  const at::Device device = codec_->parameters().front().device();
  const at::Tensor codes =
      torch::tensor(c10::ArrayRef<int64_t>(codes_).slice(code_begin), at::kLong)
          .to(device);
  const at::Tensor mel =
      codec_->decode(codes.unsqueeze(0))
          .slice(1, mel_begin - code_begin * group, mel_end - code_begin * group);
  const at::Tensor samples = vocoder_.is_empty() ? griffin_lim(mel.squeeze(0), options_)
                                                 : vocoder_(mel).squeeze(0);
  num_samples_given_ = frame_end * options_.hop;
  return samples
      .slice(
          0, (frame_begin - mel_begin) * options_.hop,
          (frame_end - mel_begin) * options_.hop)
      .cpu();
}

} // namespace omni
