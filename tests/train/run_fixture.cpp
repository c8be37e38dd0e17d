// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/train/run_fixture.h"

#include <ATen/ATen.h>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni::testing {

void write_samples(const std::filesystem::path& folder, int64_t count) {
  std::filesystem::create_directories(folder);
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = "s" + std::to_string(i);
    const at::Tensor pixels = at::full({32, 32, 3}, 20 * i % 250, at::kByte);
    write_file(folder / (key + ".0.png"), encode_png({pixels, ""}));
    const at::Tensor wave =
        at::sin(at::arange(8000, at::kFloat) * (0.05 + 0.01 * static_cast<double>(i)));
    write_file(folder / (key + ".1.wav"), encode_wav({wave * 0.3, 16000, ""}));
    write_file(folder / (key + ".json"), R"({"kind": "test", "messages": [
      {"role": "user", "content": [
        {"type": "image", "file": "0.png", "labels": {
          "shape": [[0, 1, 2], [3, 4, 5], [6, 0, 0]],
          "colour": [[0, 1, 2], [3, 4, 5], [6, 7, 8]]}},
        {"type": "audio", "file": "1.wav", "transcript": "ab"},
        {"type": "text", "text": "what?"}]},
      {"role": "assistant", "content": [{"type": "text", "text": "this"},
        {"type": "image", "file": "0.png"},
        {"type": "speech", "file": "1.wav", "text": "this one",
         "words": [["this", 0.0], ["one", 0.2]]}]}]})");
  }
}

TinyRun::TinyRun(const std::string& objective) {
  write_samples(folder / "data", 6);
  write_file(folder / "model.json", tiny_config_json());
  write_file(
      folder / "train.json",
      R"({"objective": ")" + objective + R"(", "model": "model.json", "output": "out",
        "tokenizer": ")" +
          golden_folder() + R"(/tiny_unigram.model",
        "train": [{"data": "data"}], "evaluate": [{"name": "same", "data": "data"}],
        "steps": 8, "batch_size": 3, "log_every": 1, "num_threads": 1,
        "ema_decay": 0.9, "checkpoint_every_seconds": 1e9, "evaluate_samples": 4,
        "optimizer": {"muon": ["*.layers.*.weight"]},
        "schedule": {"warmup_steps": 2},
        "options": {"segment_seconds": 0.32, "pack_tokens": 128}})");
  config = read_train_config(folder / "train.json");
}

void TinyRun::train_steps(int64_t steps) const {
  int64_t asked = 0;
  CHECK_FALSE(train(config, {{}, [&] { return ++asked == steps; }}));
}

void TinyRun::train_to_end() const {
  REQUIRE(train(config));
}

std::string TinyRun::weights() const {
  return read_file(folder / "out/model/model.safetensors");
}

std::string TinyRun::log() const {
  return read_file(folder / "out/log.jsonl");
}

std::filesystem::path TinyRun::checkpoints() const {
  return folder / "out/checkpoints";
}

} // namespace omni::testing
