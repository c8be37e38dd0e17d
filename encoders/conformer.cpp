// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/conformer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "omni/core/shapes.h"

namespace omni {
namespace {

constexpr double kRotaryTheta = 10000.0;
constexpr int64_t kStemKernel = 3;

int64_t half_up(int64_t n) {
  return (n + 1) / 2;
}

// Convolution over time of x [B, L, C] with a weight [C', C / groups, kernel], zeros
// around it: [B, L', C']. As a picture of one line in channels-last order, which
// LibTorch runs eleven times as fast as its depthwise conv1d on CPU.
at::Tensor convolve_rows(
    const at::Tensor& x,
    const torch::nn::Conv1d& conv,
    int64_t stride,
    int64_t groups) {
  const bool is_slow = kernels::is_slow_in_bfloat16(x); // nine times as long
  const auto as_multiplied = [&](const at::Tensor& tensor) {
    return is_slow && tensor.defined() ? tensor.to(at::kFloat) : tensor;
  };
  const int64_t kernel = conv->weight.size(2);
  const at::Tensor out =
      at::conv2d(
          as_multiplied(x).transpose(1, 2).unsqueeze(2),
          as_multiplied(conv->weight).unsqueeze(2), as_multiplied(conv->bias),
          {1, stride}, at::IntArrayRef({0, kernel / 2}), {1, 1}, groups)
          .squeeze(2)
          .transpose(1, 2);
  return is_slow ? out.to(at::kBFloat16) : out;
}

// True at the first lengths[b] of `length` places: bool [B, length, 1].
at::Tensor valid_rows(const at::Tensor& lengths_B, int64_t length) {
  return (at::arange(length, lengths_B.options()) < lengths_B.unsqueeze(1))
      .unsqueeze(2);
}

at::Tensor masked(const at::Tensor& x, const std::optional<at::Tensor>& row_mask) {
  return row_mask ? x.masked_fill(~*row_mask, 0.0) : x;
}

EncoderPositions positions_of(
    const ConformerOptions& options,
    int64_t length,
    const at::Device& device) {
  const auto as_double = at::TensorOptions(at::kDouble);
  const bool is_rotary = options.positions == ConformerPositions::Rotary;
  const int64_t width = is_rotary ? options.width / options.num_heads : options.width;
  const at::Tensor frequencies = position_frequencies(kRotaryTheta, width / 2);
  EncoderPositions positions;
  if (is_rotary) {
    const at::Tensor angles = at::arange(length, as_double).unsqueeze(1) * frequencies;
    positions.rotary = {
        angles.cos().to(device, at::kFloat), angles.sin().to(device, at::kFloat)};
  } else {
    const at::Tensor angles =
        at::arange(length - 1, -length, -1, as_double).unsqueeze(1) * frequencies;
    positions.relative =
        at::cat({angles.sin(), angles.cos()}, 1).to(device, at::kFloat);
  }
  return positions;
}

void check_options(const ConformerOptions& options) {
  TORCH_CHECK_VALUE(
      options.num_mels > 0 && options.width > 0 && options.num_layers > 0 &&
          options.num_heads > 0 && options.feed_forward_width > 0 &&
          options.num_ctc_labels >= 0,
      "[conformer] expected positive sizes, got num_mels ", options.num_mels,
      ", width ", options.width, ", num_layers ", options.num_layers, ", num_heads ",
      options.num_heads, ", feed_forward_width ", options.feed_forward_width,
      ", num_ctc_labels ", options.num_ctc_labels, ".");
  TORCH_CHECK_VALUE(
      options.width % (2 * options.num_heads) == 0,
      "[conformer] expected width to be a multiple of 2 * num_heads = ",
      2 * options.num_heads, ", got ", options.width, ".");
  TORCH_CHECK_VALUE(
      options.kernel_size > 0 && options.kernel_size % 2 == 1,
      "[conformer] expected an odd kernel_size, got ", options.kernel_size, ".");
  TORCH_CHECK_VALUE(
      options.dropout >= 0.0 && options.dropout < 1.0,
      "[conformer] expected dropout in [0, 1), got ", options.dropout, ".");
  TORCH_CHECK_VALUE(
      std::isfinite(options.mel_mean) && std::isfinite(options.mel_std) &&
          options.mel_std > 0.0,
      "[conformer] expected a finite mel_mean and a positive mel_std, got ",
      options.mel_mean, " and ", options.mel_std, ".");
}

} // namespace

ConformerConvolutionImpl::ConformerConvolutionImpl(const ConformerOptions& options) {
  const int64_t width = options.width;
  input = register_module("input", LinearMap(LinearMapOptions{width, 2 * width, true}));
  depthwise = register_module(
      "depthwise",
      torch::nn::Conv1d(
          torch::nn::Conv1dOptions(width, width, options.kernel_size).groups(width)));
  norm = register_module("norm", EncoderNorm(width));
  output = register_module("output", LinearMap(LinearMapOptions{width, width, true}));
}

void ConformerConvolutionImpl::reset_parameters(double output_std) {
  reset_map(input->weight, input->bias);
  reset_map(depthwise->weight, depthwise->bias);
  norm->reset_parameters();
  reset_map(output->weight, output->bias, output_std);
}

at::Tensor ConformerConvolutionImpl::forward(
    const at::Tensor& x,
    const std::optional<at::Tensor>& row_mask) {
  const at::Tensor gated_BLE = masked(at::glu(input->forward(x), -1), row_mask);
  const at::Tensor mixed_BLE =
      convolve_rows(gated_BLE, depthwise, 1, depthwise->weight.size(0));
  return output->forward(activate(norm->forward(mixed_BLE), Activation::Silu));
}

ConformerLayerImpl::ConformerLayerImpl(const ConformerOptions& options) {
  const auto add_norm = [&](const char* name) {
    return register_module(name, EncoderNorm(options.width));
  };
  const auto add_feed_forward = [&](const char* name) {
    return register_module(
        name,
        EncoderFeedForward(
            options.width, options.feed_forward_width, Activation::Silu));
  };
  first_norm = add_norm("first_norm");
  first_feed_forward = add_feed_forward("first_feed_forward");
  attention_norm = add_norm("attention_norm");
  attention = register_module(
      "attention",
      EncoderAttention(EncoderAttentionOptions{
          options.width, options.num_heads,
          options.positions == ConformerPositions::Relative}));
  convolution_norm = add_norm("convolution_norm");
  convolution = register_module("convolution", ConformerConvolution(options));
  second_norm = add_norm("second_norm");
  second_feed_forward = add_feed_forward("second_feed_forward");
  norm = add_norm("norm");
}

void ConformerLayerImpl::reset_parameters() {
  // Four branches a block, two of them halved; the block ends in a norm.
  constexpr double kOutputStd = 0.5;
  for (EncoderNorm* each :
       {&first_norm, &attention_norm, &convolution_norm, &second_norm, &norm}) {
    (*each)->reset_parameters();
  }
  first_feed_forward->reset_parameters(kOutputStd);
  attention->reset_parameters(kOutputStd);
  convolution->reset_parameters(kOutputStd);
  second_feed_forward->reset_parameters(kOutputStd);
}

ConformerImpl::ConformerImpl(ConformerOptions options_in) : options(options_in) {
  check_options(options);
  const int64_t width = options.width;
  first_stem = register_module(
      "first_stem", torch::nn::Conv1d(options.num_mels, 2 * width, kStemKernel));
  second_stem =
      register_module("second_stem", torch::nn::Conv1d(2 * width, width, kStemKernel));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.num_layers; ++i) {
    layers.push_back(ConformerLayer(options));
    list->push_back(layers.back());
  }
  register_module("layers", list);
  if (options.num_ctc_labels > 0) {
    ctc_head = register_module(
        "ctc_head", LinearMap(LinearMapOptions{width, options.num_ctc_labels, true}));
  }
  reset_parameters();
}

// | parameter                                      | values                         |
// |------------------------------------------------|--------------------------------|
// | output, down (weight): what ends a branch      | normal, std 0.5 / sqrt(fan in) |
// | other weights of maps and convolutions         | normal, std 1 / sqrt(fan in)   |
// | norms (weight)                                 | 1                              |
// | biases, content_bias, position_bias            | 0                              |
void ConformerImpl::reset_parameters() {
  reset_map(first_stem->weight, first_stem->bias);
  reset_map(second_stem->weight, second_stem->bias);
  for (auto& layer : layers) {
    layer->reset_parameters();
  }
  if (ctc_head) {
    reset_map(ctc_head->weight, ctc_head->bias);
  }
}

std::vector<LinearMap> ConformerImpl::quantizable() const {
  std::vector<LinearMap> all;
  for (const ConformerLayer& layer : layers) {
    for (const auto& maps :
         {layer->first_feed_forward->quantizable(), layer->attention->quantizable(),
          std::vector<LinearMap>{layer->convolution->input, layer->convolution->output},
          layer->second_feed_forward->quantizable()}) {
      all.insert(all.end(), maps.begin(), maps.end());
    }
  }
  return all;
}

int64_t ConformerImpl::num_rows(int64_t num_frames) {
  return half_up(half_up(num_frames));
}

at::Tensor ConformerImpl::stem(
    const at::Tensor& mel,
    const std::optional<at::Tensor>& lengths) {
  const auto mask = [&](const at::Tensor& x, const at::Tensor& lengths_B) {
    return masked(x, valid_rows(lengths_B, x.size(1)));
  };
  at::Tensor x = (mel - options.mel_mean) * (1.0 / options.mel_std);
  if (lengths) {
    x = mask(x, *lengths);
  }
  x = activate(convolve_rows(x, first_stem, 2, 1), Activation::Silu);
  if (lengths) {
    x = mask(x, at::floor_divide(*lengths + 1, 2));
  }
  return activate(convolve_rows(x, second_stem, 2, 1), Activation::Silu);
}

at::Tensor ConformerImpl::run_layer(
    ConformerLayer& layer,
    const at::Tensor& hidden,
    const EncoderPositions& positions,
    const std::optional<at::Tensor>& row_mask) {
  const auto drop = [&](const at::Tensor& branch) {
    return options.dropout > 0.0 && is_training()
        ? at::dropout(branch, options.dropout, true)
        : branch;
  };
  std::optional<at::Tensor> key_mask;
  if (row_mask) {
    key_mask = row_mask->squeeze(2).unsqueeze(1).unsqueeze(1);
  }
  auto state = layer->attention_norm->add(
      drop(layer->first_feed_forward->forward(layer->first_norm->forward(hidden))),
      hidden, 0.5);
  state = layer->convolution_norm->add(
      drop(layer->attention->forward(state.normed, positions, key_mask)), state.sum);
  state = layer->second_norm->add(
      drop(layer->convolution->forward(state.normed, row_mask)), state.sum);
  // The block's own norm makes the next residual stream: in the stream's dtype.
  const at::Tensor last_BLE =
      drop(layer->second_feed_forward->forward(state.normed)).to(hidden.scalar_type());
  return layer->norm->add(last_BLE, state.sum, 0.5).normed;
}

ConformerOutput ConformerImpl::forward(
    const at::Tensor& mel,
    const at::Tensor& lengths) {
  check_shape(mel, {-1, -1, options.num_mels}, "conformer", "mel");
  check_shape(lengths, {mel.size(0)}, "conformer", "lengths");
  TORCH_CHECK_TYPE(
      lengths.scalar_type() == at::kLong, "[conformer] expected lengths int64, got ",
      lengths.scalar_type(), ".");
  const int64_t num_frames = mel.size(1);
  TORCH_CHECK_VALUE(
      mel.size(0) > 0 && num_frames > 0,
      "[conformer] expected at least one frame, got mel ", mel.sizes(), ".");
  prepare_encoder(quantizable());
  bool is_padded = true;
  if (lengths.is_cpu()) {
    const auto [least, most] = at::aminmax(lengths);
    TORCH_CHECK_VALUE(
        least.item<int64_t>() >= 1 && most.item<int64_t>() <= num_frames,
        "[conformer] expected lengths in [1, ", num_frames, "], got ",
        least.item<int64_t>(), " to ", most.item<int64_t>(), ".");
    is_padded = least.item<int64_t>() < num_frames;
  }
  const auto dtype = first_stem->weight.scalar_type();
  std::optional<at::Tensor> frame_lengths;
  if (is_padded) {
    frame_lengths = lengths.to(mel.device());
  }
  at::Tensor hidden_BLE = stem(mel.to(dtype), frame_lengths).to(dtype);
  if (options.dropout > 0.0 && is_training()) {
    hidden_BLE = at::dropout(hidden_BLE, options.dropout, true);
  }
  // ceil(ceil(n / 2) / 2) = ceil(n / 4) for whole n.
  const at::Tensor row_lengths_B = at::floor_divide(lengths + 3, 4);
  std::optional<at::Tensor> row_mask;
  if (is_padded) {
    row_mask = valid_rows(row_lengths_B.to(mel.device()), hidden_BLE.size(1));
  }
  const EncoderPositions positions =
      positions_of(options, hidden_BLE.size(1), mel.device());
  for (auto& layer : layers) {
    hidden_BLE = run_layer(layer, hidden_BLE, positions, row_mask);
  }
  return {masked(hidden_BLE, row_mask), row_lengths_B};
}

at::Tensor ConformerImpl::ctc_logits(const at::Tensor& rows) {
  TORCH_CHECK_VALUE(
      ctc_head,
      "[conformer] expected a side head, got num_ctc_labels = 0. Build the conformer "
      "with the labels that it shall predict.");
  check_shape(rows, {-1, -1, options.width}, "conformer", "rows");
  return ctc_head->forward(rows);
}

} // namespace omni
