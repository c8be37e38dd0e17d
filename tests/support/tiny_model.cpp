// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/support/tiny_model.h"

#include <torch/utils.h>

#include <algorithm>

#include "omni/core/file_io.h"
#include "omni/model/published_folder.h"

namespace omni::testing {
namespace {

constexpr int64_t kLetters = 106;
constexpr int64_t kCodes = 16; // of the levels [4, 4]

std::string id_text(int64_t id) {
  return std::to_string(id);
}

} // namespace

std::string golden_folder() {
  return OMNI_TEST_GOLDEN_FOLDER;
}

std::string tiny_config_json(const TinyOptions& options) {
  const int64_t text =
      TextTokenizer::load(golden_folder() + "/tiny_unigram.model")->vocab_size();
  const int64_t spelling = text + 32;
  const int64_t image = spelling + kLetters;
  const int64_t speech = image + kCodes;
  const int64_t vocab = speech + kCodes;
  std::string controls;
  int64_t id = text;
  for (const char* role :
       {"bos",        "eos",         "pad",          "null",        "user",
        "assistant",  "system",      "image_begin",  "image_end",   "audio_begin",
        "audio_end",  "video_begin", "video_end",    "image_slot",  "audio_slot",
        "draw_begin", "draw_end",    "speech_begin", "speech_next", "speech_end"}) {
    const int64_t of_role = id++;
    if (std::find(options.without.begin(), options.without.end(), role) ==
        options.without.end()) {
      controls += (controls.empty() ? "\"" : ", \"") + std::string(role) +
          "\": " + id_text(of_role);
    }
  }
  const std::string layer = R"("num_heads": 4, "num_kv_heads": 2, "head_width": 8,
      "has_qk_norm": true, "feed_forward_width": 48,
      "rotary": {"axis_layout": "sectioned", "axis_sections": [2, 1, 1]}})";
  const std::string layers = options.sliding_window == 0 ? R"({"repeat": 2, )" + layer
                                                         : R"({"sliding_window": )" +
          id_text(options.sliding_window) + ", " + layer + ", {" + layer;
  return R"({
  "name": "tiny",
  "transformer": {"vocab_size": )" +
      id_text(vocab) + R"(, "width": 32,
    "layers": [)" +
      layers + R"(],
    "max_positions": )" +
      id_text(options.max_positions) + R"(},
  "vision": {
    "processor": {"height": 32, "width": 32, "patch_size": 8, "merge": 2},
    "encoder": {"patch_size": 8, "width": 16, "num_layers": 1, "num_heads": 2,
      "feed_forward_width": 32, "merge": 2},
    "projector": {"input_width": 64, "output_width": 32},
    "dense_head": {"input_width": 64, "labels": [
      {"name": "shape", "num_classes": 7}, {"name": "colour", "num_classes": 10}]}},
  "audio": {
    "processor": {"num_mels": 16, "fft_size": 320},
    "encoder": {"num_mels": 16, "width": 16, "num_layers": 1, "num_heads": 2,
      "feed_forward_width": 32, "kernel_size": 5},
    "projector": {"input_width": 16, "output_width": 32, "merge": 2}},
  "image_codec": {"image_size": 16, "downsample": 8, "width": 16, "deep_width": 16,
    "num_blocks": 1, "levels": [4, 4]},
  "has_drawing_places": true,
  "speech_codec": {"num_mels": 16, "width": 16, "inner_width": 32,
    "num_encoder_blocks": 1, "num_decoder_blocks": 1, "num_frame_blocks": 1,
    "levels": [4, 4]},
  "vocoder": {"fft_size": 320, "num_mels": 16, "width": 16, "inner_width": 32,
    "num_blocks": 1},
  "token_space": {"vocab_size": )" +
      id_text(vocab) + R"(,
    "segments": {"text": [0, )" +
      id_text(text) + "], \"control\": [" + id_text(text) + ", " + id_text(spelling) +
      "], \"spelling\": [" + id_text(spelling) + ", " + id_text(image) +
      "], \"image\": [" + id_text(image) + ", " + id_text(speech) + "], \"speech\": [" +
      id_text(speech) + ", " + id_text(vocab) + R"(]},
    "control_ids": {)" +
      controls + "}}}";
}

OmniModel make_tiny_model(uint64_t seed, const TinyOptions& options) {
  torch::manual_seed(seed);
  const std::string tokenizer = golden_folder() + "/tiny_unigram.model";
  OmniModel model(
      parse_config(tiny_config_json(options)), TextTokenizer::load(tokenizer));
  model->set_tokenizer_path(tokenizer);
  model->eval();
  return model;
}

OmniModel make_attentive_model(const TinyOptions& options) {
  OmniConfig config = parse_config(tiny_config_json(options));
  config.transformer->has_tied_head = false; // else an id's own row wins
  torch::manual_seed(5);
  OmniModel model(config, TextTokenizer::load(golden_folder() + "/tiny_unigram.model"));
  model->eval();
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : model->transformer->parameters()) {
    parameter.mul_(4.0);
  }
  return model;
}

void give_chat_template(
    OmniModel& model,
    const std::filesystem::path& home,
    const std::string& source,
    const AnswerFormat& format) {
  write_file(home / "chat_template.jinja", source);
  const std::filesystem::path tokenizer = home / "tokenizer.model";
  std::filesystem::copy_file(golden_folder() + "/tiny_unigram.model", tokenizer);
  model->set_tokenizer_path(tokenizer);
  model->eos_ids = {model->tokenizer->special_tokens().at("</s>")};
  PublishedModel published;
  published.config = model->config;
  published.answer_format = format;
  published.eos_ids = model->eos_ids;
  model->published = std::make_shared<const PublishedModel>(std::move(published));
}

} // namespace omni::testing
