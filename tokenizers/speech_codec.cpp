// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/speech_codec.h"

#include <torch/torch.h>

#include <algorithm>

#include "omni/core/ceil_divide.h"
#include "omni/core/shapes.h"
#include "tokenizers/fsq.h"

namespace omni {
namespace {

constexpr std::string_view kComponent = "speech_codec";
// Weight of the delta loss beside the mel loss: sharp onsets, where consonants are.
constexpr double kDeltaWeight = 0.5;

ConvNextOptions block_options(const SpeechCodecOptions& options, int64_t num_blocks) {
  return {
      .width = options.width,
      .inner_width = options.inner_width,
      .kernel_size = options.kernel_size,
      .branch_scale = 1.0 / static_cast<double>(std::max<int64_t>(1, num_blocks))};
}

// mel [B, T, M] with the frames from lengths[b] on replaced by frame lengths[b] - 1.
at::Tensor repeat_last_frame(const at::Tensor& mel, const at::Tensor& lengths) {
  const at::Tensor frames = at::arange(mel.size(1), lengths.options()).unsqueeze(0);
  const at::Tensor source = at::minimum(frames, (lengths - 1).unsqueeze(1));
  return mel.gather(1, source.unsqueeze(2).expand_as(mel));
}

// float32 [B, T, 1]: 1 before each length, 0 from there on.
at::Tensor mask_before(const at::Tensor& lengths, int64_t num_frames) {
  const at::Tensor frames = at::arange(num_frames, lengths.options()).unsqueeze(0);
  return (frames < lengths.unsqueeze(1)).to(at::kFloat).unsqueeze(2);
}

// Mean of values [B, T, M] over the frames where mask [B, T, 1] is 1.
at::Tensor masked_mean(const at::Tensor& values, const at::Tensor& mask) {
  const at::Tensor count = mask.sum() * values.size(2);
  return (values * mask).sum() / count.clamp_min(1.0);
}

} // namespace

int64_t SpeechCodecOptions::num_codes() const {
  return num_fsq_codes(levels, kComponent);
}

int64_t SpeechCodecOptions::decode_context_codes() const {
  const int64_t half = kernel_size / 2;
  return num_decoder_blocks * half +
      ceil_divide(num_frame_blocks * half, frames_per_code);
}

SpeechCodecImpl::SpeechCodecImpl(SpeechCodecOptions options_in)
    : options(std::move(options_in)) {
  const auto& o = options;
  TORCH_CHECK_VALUE(
      o.num_mels > 0 && o.frames_per_code > 0 && o.width > 0 && o.inner_width > 0 &&
          o.mel_std > 0,
      "[speech_codec] expected positive num_mels, frames_per_code, widths and mel_std, "
      "got ",
      o.num_mels, ", ", o.frames_per_code, ", ", o.width, " and ", o.inner_width, ", ",
      o.mel_std, ".");
  const int64_t patch = o.frames_per_code * o.num_mels;
  const int64_t num_dims = static_cast<int64_t>(o.levels.size());
  (void)o.num_codes();
  encoder_input = register_module("encoder_input", torch::nn::Linear(patch, o.width));
  encoder_blocks = register_module(
      "encoder_blocks",
      make_convnext_blocks(
          o.num_encoder_blocks, block_options(o, o.num_encoder_blocks)));
  encoder_norm = register_module("encoder_norm", channel_norm(o.width));
  to_latent = register_module("to_latent", torch::nn::Linear(o.width, num_dims));
  from_latent = register_module("from_latent", torch::nn::Linear(num_dims, o.width));
  const int64_t num_output_blocks = o.num_decoder_blocks + o.num_frame_blocks;
  decoder_blocks = register_module(
      "decoder_blocks",
      make_convnext_blocks(o.num_decoder_blocks, block_options(o, num_output_blocks)));
  to_frames = register_module(
      "to_frames", torch::nn::Linear(o.width, o.frames_per_code * o.width));
  frame_blocks = register_module(
      "frame_blocks",
      make_convnext_blocks(o.num_frame_blocks, block_options(o, num_output_blocks)));
  output_norm = register_module("output_norm", channel_norm(o.width));
  to_mel = register_module("to_mel", torch::nn::Linear(o.width, o.num_mels));
  reset_parameters();
}

void SpeechCodecImpl::reset_parameters() {
  for (auto* linear : {&encoder_input, &to_latent, &from_latent, &to_frames, &to_mel}) {
    reset_linear(*linear);
  }
  encoder_norm->reset_parameters();
  output_norm->reset_parameters();
  for (auto* blocks : {&encoder_blocks, &decoder_blocks, &frame_blocks}) {
    for (const auto& block : **blocks) {
      block->as<ConvNext>()->reset_parameters();
    }
  }
}

at::Tensor SpeechCodecImpl::encode_latent(
    const at::Tensor& mel_BTM,
    const std::optional<at::Tensor>& mask) {
  const at::Tensor normalised =
      (mel_BTM.to(at::kFloat) - options.mel_mean) / options.mel_std;
  const at::Tensor patches = normalised.reshape(
      {mel_BTM.size(0), -1, options.frames_per_code * options.num_mels});
  const at::Tensor hidden =
      run_blocks(encoder_blocks, float_linear(encoder_input, patches), mask);
  return float_linear(to_latent, float_norm(encoder_norm, hidden));
}

at::Tensor SpeechCodecImpl::decode_latent(
    const at::Tensor& latent,
    const std::optional<at::Tensor>& mask) {
  const int64_t batch = latent.size(0);
  at::Tensor hidden =
      run_blocks(decoder_blocks, float_linear(from_latent, latent), mask);
  hidden = float_linear(to_frames, hidden).reshape({batch, -1, options.width});
  std::optional<at::Tensor> frame_mask;
  if (mask) {
    frame_mask = mask->repeat_interleave(options.frames_per_code, 1);
  }
  hidden = run_blocks(frame_blocks, hidden, frame_mask);
  const at::Tensor normalised = float_linear(to_mel, float_norm(output_norm, hidden));
  return normalised * options.mel_std + options.mel_mean;
}

at::Tensor SpeechCodecImpl::encode(const at::Tensor& mel) {
  check_shape(mel, {-1, -1, options.num_mels}, kComponent, "mel");
  const torch::NoGradGuard no_grad;
  const int64_t num_frames = mel.size(1);
  const int64_t num_codes = ceil_divide(num_frames, options.frames_per_code);
  if (mel.size(0) == 0 || num_codes == 0) {
    return at::empty({mel.size(0), num_codes}, mel.options().dtype(at::kLong));
  }
  const int64_t num_missing = num_codes * options.frames_per_code - num_frames;
  const at::Tensor last = mel.narrow(1, num_frames - 1, 1);
  const at::Tensor whole =
      at::cat({mel, last.expand({-1, num_missing, -1})}, 1).to(at::kFloat);
  return fsq_latent_to_codes(encode_latent(whole, std::nullopt), options.levels);
}

at::Tensor SpeechCodecImpl::decode(const at::Tensor& codes) {
  check_shape(codes, {-1, -1}, kComponent, "codes");
  const torch::NoGradGuard no_grad;
  const at::Tensor latent = fsq_codes_to_latent(codes, options.levels, kComponent);
  if (codes.numel() == 0) {
    return at::empty(
        {codes.size(0), codes.size(1) * options.frames_per_code, options.num_mels},
        latent.options());
  }
  return decode_latent(latent, std::nullopt);
}

CodecLosses SpeechCodecImpl::losses(const at::Tensor& mel, const at::Tensor& lengths) {
  check_shape(mel, {-1, -1, options.num_mels}, kComponent, "mel");
  check_shape(lengths, {mel.size(0)}, kComponent, "lengths");
  const int64_t num_frames = mel.size(1);
  const int64_t shortest = lengths.min().item<int64_t>();
  TORCH_CHECK_VALUE(
      shortest >= 1 && lengths.max().item<int64_t>() <= num_frames,
      "[speech_codec] expected lengths in [1, ", num_frames, "], got values from ",
      shortest, " to ", lengths.max().item<int64_t>(), ".");

  const int64_t group = options.frames_per_code;
  const int64_t num_codes = ceil_divide(num_frames, group);
  at::Tensor target = mel.to(at::kFloat);
  const at::Tensor frame_mask = mask_before(lengths, num_frames);
  std::optional<at::Tensor> code_mask;
  at::Tensor input = target;
  if (shortest < num_codes * group) {
    const at::Tensor tail = at::zeros(
        {mel.size(0), num_codes * group - num_frames, mel.size(2)}, target.options());
    input = repeat_last_frame(at::cat({target, tail}, 1), lengths);
    code_mask = mask_before((lengths + group - 1).div(group, "floor"), num_codes);
  }
  const at::Tensor latent = encode_latent(input, code_mask);
  const at::Tensor output =
      decode_latent(fsq_quantize_latent(latent, options.levels), code_mask)
          .narrow(1, 0, num_frames);

  const at::Tensor difference = output - target;
  const at::Tensor mel_l1 = masked_mean(difference.abs(), frame_mask);
  const at::Tensor delta_l1 =
      masked_mean(difference.diff(1, 1).abs(), frame_mask.slice(1, 1));
  const at::Tensor valid_latent = code_mask
      ? latent.reshape({-1, latent.size(2)}).index({code_mask->flatten().to(at::kBool)})
      : latent;
  return {
      .terms =
          {{"mel_l1", mel_l1},
           {"mel_delta_l1", kDeltaWeight * delta_l1},
           {"latent", kFsqLatentWeight * fsq_latent_loss(valid_latent)}},
      .figures = {
          {"mel_l1", mel_l1.detach()},
          {"codes_used", fsq_share_used(valid_latent, options.levels)}}};
}

} // namespace omni
