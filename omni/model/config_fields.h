// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The fields of every options struct, listed once: `describe(archive, struct)` calls
// archive("key", field) for each. ConfigReader and ConfigWriter (config_archive.h) are
// the archives, so that reading, writing and checking of unknown keys never disagree.
#pragma once

#include "omni/model/omni_config.h"
#include "omni/model/weight_formats.h"

namespace omni {

template <class Archive>
void describe(Archive& archive, ImageProcessorOptions& o) {
  archive.choice(
      "rule", o.rule,
      {{"stretch", ResizeRule::Stretch}, {"budget", ResizeRule::Budget}});
  archive("height", o.height);
  archive("width", o.width);
  archive("min_pixels", o.min_pixels);
  archive("max_pixels", o.max_pixels);
  archive.choice(
      "interpolation", o.interpolation,
      {{"nearest", Interpolation::Nearest},
       {"bilinear", Interpolation::Bilinear},
       {"bicubic", Interpolation::Bicubic}});
  archive("patch_size", o.patch_size);
  archive("merge", o.merge);
  archive("mean", o.mean);
  archive("std", o.std);
}

template <class Archive>
void describe(Archive& archive, VitOptions& o) {
  archive("patch_size", o.patch_size);
  archive("width", o.width);
  archive("num_layers", o.num_layers);
  archive("num_heads", o.num_heads);
  archive("feed_forward_width", o.feed_forward_width);
  archive("merge", o.merge);
  archive("rotary_theta", o.rotary_theta);
  archive("position_grid", o.position_grid);
  archive("norm_eps", o.norm_eps);
}

template <class Archive>
void describe(Archive& archive, ProjectorOptions& o) {
  archive("input_width", o.input_width);
  archive("output_width", o.output_width);
  archive("merge", o.merge);
  archive("hidden_width", o.hidden_width);
  archive("has_norm", o.has_norm);
  archive("has_output_norm", o.has_output_norm);
}

template <class Archive>
void describe(Archive& archive, FrameSamplerOptions& o) {
  archive("frames_per_second", o.frames_per_second);
  archive("min_frames", o.min_frames);
  archive("max_frames", o.max_frames);
}

template <class Archive>
void describe(Archive& archive, DenseLabel& o) {
  archive("name", o.name);
  archive("num_classes", o.num_classes);
  archive("grid_rows", o.grid_rows);
  archive("grid_columns", o.grid_columns);
}

template <class Archive>
void describe(Archive& archive, DenseHeadOptions& o) {
  archive("input_width", o.input_width);
  archive.list("labels", o.labels);
}

template <class Archive>
void describe(Archive& archive, VisionConfig& o) {
  archive("processor", o.processor);
  archive("encoder", o.encoder);
  archive("projector", o.projector);
  archive("frame_sampler", o.frame_sampler);
  archive("dense_head", o.dense_head);
}

template <class Archive>
void describe(Archive& archive, AudioProcessorOptions& o) {
  archive("sample_rate_hz", o.sample_rate_hz);
  archive("fft_size", o.fft_size);
  archive("hop", o.hop);
  archive("num_mels", o.num_mels);
  archive("min_hz", o.min_hz);
  archive("max_hz", o.max_hz);
  archive.choice(
      "mel_scale", o.mel_scale, {{"slaney", MelScale::Slaney}, {"htk", MelScale::Htk}});
  archive.choice(
      "log_scale", o.log_scale,
      {{"natural", LogScale::Natural}, {"whisper", LogScale::Whisper}});
  archive("power", o.power);
  archive("floor", o.floor);
}

template <class Archive>
void describe(Archive& archive, ConformerOptions& o) {
  archive("num_mels", o.num_mels);
  archive("width", o.width);
  archive("num_layers", o.num_layers);
  archive("num_heads", o.num_heads);
  archive("feed_forward_width", o.feed_forward_width);
  archive("kernel_size", o.kernel_size);
  archive.choice(
      "positions", o.positions,
      {{"rotary", ConformerPositions::Rotary},
       {"relative", ConformerPositions::Relative}});
  archive("num_ctc_labels", o.num_ctc_labels);
  archive("dropout", o.dropout);
  archive("mel_mean", o.mel_mean);
  archive("mel_std", o.mel_std);
}

template <class Archive>
void describe(Archive& archive, AudioConfig& o) {
  archive("processor", o.processor);
  archive("encoder", o.encoder);
  archive("projector", o.projector);
  archive("max_seconds", o.max_seconds);
}

template <class Archive>
void describe(Archive& archive, ImageCodecOptions& o) {
  archive("image_size", o.image_size);
  archive("downsample", o.downsample);
  archive("width", o.width);
  archive("deep_width", o.deep_width);
  archive("num_blocks", o.num_blocks);
  archive("levels", o.levels);
  archive("detail_weight", o.detail_weight);
}

template <class Archive>
void describe(Archive& archive, SpeechCodecOptions& o) {
  archive("num_mels", o.num_mels);
  archive("frames_per_code", o.frames_per_code);
  archive("width", o.width);
  archive("inner_width", o.inner_width);
  archive("num_encoder_blocks", o.num_encoder_blocks);
  archive("num_decoder_blocks", o.num_decoder_blocks);
  archive("num_frame_blocks", o.num_frame_blocks);
  archive("kernel_size", o.kernel_size);
  archive("levels", o.levels);
  archive("mel_mean", o.mel_mean);
  archive("mel_std", o.mel_std);
}

template <class Archive>
void describe(Archive& archive, VocoderOptions& o) {
  archive("sample_rate_hz", o.sample_rate_hz);
  archive("fft_size", o.fft_size);
  archive("hop", o.hop);
  archive("num_mels", o.num_mels);
  archive("min_hz", o.min_hz);
  archive("max_hz", o.max_hz);
  archive("floor", o.floor);
  archive("width", o.width);
  archive("inner_width", o.inner_width);
  archive("num_blocks", o.num_blocks);
  archive("kernel_size", o.kernel_size);
  archive("mel_mean", o.mel_mean);
  archive("mel_std", o.mel_std);
}

template <class Archive>
void describe(Archive& archive, RotaryScaling& o) {
  archive.choice(
      "rule", o.rule,
      {{"none", ScalingRule::None},
       {"llama3", ScalingRule::Llama3},
       {"yarn", ScalingRule::Yarn}});
  archive("factor", o.factor);
  archive("original_positions", o.original_positions);
  archive("slow_turns", o.slow_turns);
  archive("fast_turns", o.fast_turns);
  archive("has_whole_bounds", o.has_whole_bounds);
  archive("attention_factor", o.attention_factor);
}

template <class Archive>
void describe(Archive& archive, RotaryConfig& o) {
  archive.choice(
      "kind", o.kind,
      {{"none", RotaryKind::None},
       {"half_rotation", RotaryKind::HalfRotation},
       {"interleaved_pairs", RotaryKind::InterleavedPairs}});
  archive("theta", o.theta);
  archive("rotary_width", o.rotary_width);
  archive.choice(
      "axis_layout", o.axis_layout,
      {{"one_axis", AxisLayout::OneAxis},
       {"sectioned", AxisLayout::Sectioned},
       {"interleaved", AxisLayout::Interleaved}});
  archive("axis_sections", o.axis_sections);
  archive("position_scale", o.position_scale);
  archive.rare("scaling", o.scaling, RotaryScaling());
}

template <class Archive>
void describe(Archive& archive, IndexConfig& o) {
  archive("kept_rows", o.kept_rows);
  archive("num_heads", o.num_heads);
  archive("width", o.width);
  archive("norm_eps", o.norm_eps);
}

template <class Archive>
void describe(Archive& archive, LatentConfig& o) {
  archive("q_rank", o.q_rank);
  archive("kv_rank", o.kv_rank);
  archive("nope_width", o.nope_width);
  archive("rope_width", o.rope_width);
  archive("value_width", o.value_width);
  archive("norm_eps", o.norm_eps);
  archive.rare("has_output_gate", o.has_output_gate, false);
  archive.rare("index", o.index, IndexConfig());
}

template <class Archive>
void describe(Archive& archive, ExpertsConfig& o) {
  archive("num_experts", o.num_experts);
  archive("experts_per_token", o.experts_per_token);
  archive("width", o.width);
  archive("shared_width", o.shared_width);
  archive("is_shared_gated", o.is_shared_gated);
  archive.choice(
      "score", o.score,
      {{"softmax", RouterScore::Softmax}, {"sigmoid", RouterScore::Sigmoid}});
  archive("has_choice_bias", o.has_choice_bias);
  archive("num_groups", o.num_groups);
  archive("kept_groups", o.kept_groups);
  archive.rare("has_soft_groups", o.has_soft_groups, false);
  archive("has_normalized_weights", o.has_normalized_weights);
  archive("weight_scale", o.weight_scale);
}

template <class Archive>
void describe(Archive& archive, LayerConfig& o) {
  archive.choice(
      "attention", o.attention,
      {{"grouped_query", AttentionKind::GroupedQuery},
       {"latent", AttentionKind::Latent}});
  archive("num_heads", o.num_heads);
  archive("num_kv_heads", o.num_kv_heads);
  archive("head_width", o.head_width);
  archive.rare("latent", o.latent, LatentConfig());
  archive("has_qkv_bias", o.has_qkv_bias);
  archive("has_output_bias", o.has_output_bias);
  archive("has_qk_norm", o.has_qk_norm);
  archive("sliding_window", o.sliding_window);
  archive("attention_scale", o.attention_scale);
  archive("rotary", o.rotary);
  archive("feed_forward_width", o.feed_forward_width);
  archive("has_feed_forward_bias", o.has_feed_forward_bias);
  archive.rare("experts", o.experts, ExpertsConfig());
  archive.choice(
      "norm_placement", o.norm_placement,
      {{"pre", NormPlacement::Pre},
       {"post", NormPlacement::Post},
       {"sandwich", NormPlacement::Sandwich},
       {"pre_with_feed_forward_post", NormPlacement::PreWithFeedForwardPost}});
  archive.rare("attention_norm_rank", o.attention_norm_rank, int64_t{0});
  archive.rare("feed_forward_norm_rank", o.feed_forward_norm_rank, int64_t{0});
}

template <class Archive>
void describe(Archive& archive, TransformerConfig& o) {
  archive("vocab_size", o.vocab_size);
  archive("width", o.width);
  archive.layers("layers", o.layers);
  archive("norm_eps", o.norm_eps);
  archive("norm_weight_offset", o.norm_weight_offset);
  archive("has_tied_head", o.has_tied_head);
  archive("embedding_multiplier", o.embedding_multiplier);
  archive("residual_multiplier", o.residual_multiplier);
  archive("logits_multiplier", o.logits_multiplier);
  archive("max_positions", o.max_positions);
}

template <class Archive>
void describe(Archive& archive, OmniConfig& o) {
  archive("name", o.name);
  archive("transformer", o.transformer);
  archive.choice("weight_format", o.weight_format, kQuantizedFormats);
  archive("vision", o.vision);
  archive("audio", o.audio);
  archive("image_codec", o.image_codec);
  archive("speech_codec", o.speech_codec);
  archive("vocoder", o.vocoder);
  archive("has_drawing_places", o.has_drawing_places);
  archive.token_space("token_space", o.token_space);
  archive("positions_per_second", o.positions_per_second);
  archive("seconds_per_chunk", o.seconds_per_chunk);
}

} // namespace omni
