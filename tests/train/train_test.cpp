// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>
#include <torch/utils.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "omni/core/file_io.h"
#include "omni/train/data_order.h"
#include "omni/train/dataset.h"
#include "omni/train/optimizer.h"
#include "omni/train/packing.h"
#include "omni/train/schedule.h"
#include "omni/train/trainer.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

// Pictures with questions, and sounds with transcripts and spoken answers.
void write_samples(const fs::path& folder, int64_t count) {
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

TrainConfig make_config(const fs::path& folder, const std::string& objective) {
  write_samples(folder / "data", 6);
  write_file(folder / "model.json", testing::tiny_config_json());
  write_file(
      folder / "train.json",
      R"({"objective": ")" + objective + R"(", "model": "model.json", "output": "out",
        "tokenizer": ")" + testing::golden_folder() + R"(/tiny_unigram.model",
        "train": [{"data": "data"}], "evaluate": [{"name": "same", "data": "data"}],
        "steps": 8, "batch_size": 3, "log_every": 1, "num_threads": 1,
        "ema_decay": 0.9, "checkpoint_every_seconds": 1e9, "evaluate_samples": 4,
        "optimizer": {"muon": ["*.layers.*.weight"]},
        "schedule": {"warmup_steps": 2},
        "options": {"segment_seconds": 0.32, "pack_tokens": 128}})");
  return read_train_config(folder / "train.json");
}

std::string weights_of(const TrainConfig& config) {
  return read_file(fs::path(config.output) / "model" / "model.safetensors");
}

} // namespace

TEST_CASE("every objective trains the tiny model and its loss falls") {
  const auto objective = GENERATE(
      std::string("image_codec"), std::string("speech_codec"), std::string("vocoder"),
      std::string("ctc"), std::string("dense"), std::string("joint"));
  INFO(objective);
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path / "data");
  TrainConfig config = make_config(folder.path, objective);
  config.steps = 30;
  config.optimizer.learning_rate = 5e-3;
  std::vector<double> losses;
  const bool is_done = train(config, {[&](const TrainEvent& event) {
    if (event.kind == TrainEvent::Kind::Step) {
      double sum = 0.0;
      for (const auto& [name, loss] : event.losses) {
        sum += loss;
      }
      losses.push_back(sum);
    }
  }, {}});
  REQUIRE(is_done);
  REQUIRE(losses.size() == 30);
  const auto mean = [&](size_t begin) {
    double sum = 0.0;
    for (size_t i = begin; i < begin + 5; ++i) {
      sum += losses[i] / 5.0;
    }
    return sum;
  };
  CHECK(mean(25) < 0.97 * mean(0));
}

TEST_CASE("a resumed run is bit-identical to one that never stopped") {
  const auto objective = GENERATE(std::string("image_codec"), std::string("joint"));
  INFO(objective);
  const test::TemporaryFolder whole_folder;
  const test::TemporaryFolder parts_folder;
  fs::create_directories(whole_folder.path / "data");
  fs::create_directories(parts_folder.path / "data");
  const TrainConfig whole = make_config(whole_folder.path, objective);
  REQUIRE(train(whole));
  TrainConfig parts = make_config(parts_folder.path, objective);
  int64_t asked = 0;
  CHECK_FALSE(train(parts, {{}, [&] { return ++asked == 3; }}));
  REQUIRE(train(parts));
  CHECK(weights_of(parts) == weights_of(whole));
  CHECK(
      read_file(fs::path(parts.output) / "log.jsonl") ==
      read_file(fs::path(whole.output) / "log.jsonl"));
}

TEST_CASE("resuming with another configuration is refused by the field's name") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path / "data");
  TrainConfig config = make_config(folder.path, "image_codec");
  int64_t asked = 0;
  CHECK_FALSE(train(config, {{}, [&] { return ++asked == 2; }}));
  config.batch_size = 2;
  config.seed = 9;
  CHECK_THROWS_WITH(
      train(config), Catch::Contains("batch_size") && Catch::Contains("seed"));
}

TEST_CASE("a checkpoint half written does not exist") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path / "data");
  const TrainConfig config = make_config(folder.path, "image_codec");
  int64_t asked = 0;
  CHECK_FALSE(train(config, {{}, [&] { return ++asked == 2; }}));
  const fs::path broken =
      fs::path(config.output) / "checkpoints" / "writing-step-00000005";
  fs::create_directories(broken);
  write_file(broken / "state.json", "{");
  int64_t resumed_at = -1;
  REQUIRE(train(config, {[&](const TrainEvent& event) {
    if (event.kind == TrainEvent::Kind::Resumed) {
      resumed_at = event.step;
    }
  }, {}}));
  CHECK(resumed_at == 2);
}

TEST_CASE("data order is a permutation every epoch and a function of its number") {
  for (const int64_t size : {1, 2, 7, 64, 1000}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t index = permuted_index(i, size, 42);
      CHECK(index >= 0);
      CHECK(index < size);
      seen.insert(index);
    }
    CHECK(static_cast<int64_t>(seen.size()) == size);
  }
  DataOrder a({10, 30}, {1.0, 3.0}, 7);
  DataOrder b({10, 30}, {1.0, 3.0}, 7);
  for (int i = 0; i < 25; ++i) {
    static_cast<void>(a.next());
  }
  b.seek(25);
  int64_t of_second = 0;
  for (int i = 0; i < 400; ++i) {
    const SampleAddress x = a.next();
    const SampleAddress y = b.next();
    CHECK(x.dataset == y.dataset);
    CHECK(x.index == y.index);
    CHECK(x.seed == y.seed);
    of_second += x.dataset;
  }
  CHECK(of_second > 260);
  CHECK(of_second < 340);
}

TEST_CASE("Newton-Schulz brings singular values near one") {
  torch::manual_seed(0);
  const auto sizes = GENERATE(std::pair(24, 24), std::pair(16, 40), std::pair(40, 16));
  // A matrix of known singular values, from 0.1 to 1.
  const int64_t rank = std::min(sizes.first, sizes.second);
  const at::Tensor left =
      std::get<0>(at::linalg_qr(at::randn({2, sizes.first, rank})));
  const at::Tensor right =
      std::get<0>(at::linalg_qr(at::randn({2, sizes.second, rank})));
  const at::Tensor made = orthogonalize(
      at::matmul(left * at::linspace(0.1, 1.0, rank), right.transpose(1, 2)));
  const at::Tensor values = at::linalg_svdvals(made);
  CHECK(values.max().item<double>() < 1.35);
  CHECK(values.min().item<double>() > 0.4);
}

TEST_CASE("AdamW's first step is the learning rate in the gradient's direction") {
  at::Tensor weight = at::zeros({3}).set_requires_grad(true);
  OptimizerOptions options;
  options.learning_rate = 0.1;
  options.clip_norm = 0.0;
  Optimizer optimizer({{"w", weight}}, options);
  weight.mutable_grad() = at::tensor({2.0F, -3.0F, 0.5F});
  const at::Tensor norm = optimizer.step(1.0);
  CHECK(norm.item<double>() == Approx(std::sqrt(4.0 + 9.0 + 0.25)));
  CHECK(at::allclose(weight.detach(), at::tensor({-0.1F, 0.1F, -0.1F}), 1e-4, 1e-5));
}

TEST_CASE("schedules rise, hold and fall") {
  ScheduleOptions options;
  options.warmup_steps = 10;
  options.decay_fraction = 0.5;
  options.final_fraction = 0.1;
  CHECK(learning_rate_share(options, 0, 100) == Approx(0.1));
  CHECK(learning_rate_share(options, 9, 100) == Approx(1.0));
  CHECK(learning_rate_share(options, 50, 100) == Approx(1.0));
  CHECK(learning_rate_share(options, 75, 100) == Approx(0.55));
  options.kind = ScheduleKind::Cosine;
  CHECK(learning_rate_share(options, 55, 100) == Approx(0.55));
  CHECK(learning_rate_share(options, 99, 100) < 0.11);
}

TEST_CASE("packing fills rows and never splits a sequence") {
  const auto rows = pack_sequences({5, 9, 3, 12, 4, 1}, 12);
  std::set<int64_t> seen;
  const std::vector<int64_t> lengths = {5, 9, 3, 12, 4, 1};
  for (const auto& row : rows) {
    int64_t used = 0;
    for (const int64_t i : row) {
      used += lengths[static_cast<size_t>(i)];
      CHECK(seen.insert(i).second);
    }
    CHECK(used <= 12);
  }
  CHECK(seen.size() == 6);
  CHECK(rows.size() == 3);
}

TEST_CASE("names match patterns with stars") {
  CHECK(matches_pattern("vit.layers.0.weight", "vit.*.weight"));
  CHECK(matches_pattern("abc", "*"));
  CHECK(matches_pattern("aXbXc", "a*X*c"));
  CHECK_FALSE(matches_pattern("vit.layers.0.bias", "vit.*.weight"));
  CHECK_FALSE(matches_pattern("abc", "ab"));
}

TEST_CASE("configurations with unknown keys or wrong values name them") {
  const test::TemporaryFolder folder;
  const auto check = [&](const std::string& json, const std::string& expected) {
    write_file(folder.path / "c.json", json);
    CHECK_THROWS_WITH(
        read_train_config(folder.path / "c.json"), Catch::Contains(expected));
  };
  const std::string start = R"({"objective": "ctc", "model": "m", "output": "o",
    "train": [{"data": "d"}])";
  check(start + R"(, "stepz": 3})", "stepz");
  check(start + R"(, "steps": -3})", "`steps` positive");
  check(start + R"(, "steps": "x"})", "`steps` an integer");
  check(start + R"(, "precision": "int3"})", "float32 or bfloat16");
  check(start + R"(, "optimizer": {"lr": 1}})", "optimizer.lr");
  check(R"({"objective": "ctc"})", "`model`");
  check("[", "JSON");
}

TEST_CASE("samples that do not hold together are refused by name") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(Dataset(folder.path), Catch::Contains("found none"));
  write_file(folder.path / "a.json", R"({"messages": [
    {"role": "user", "content": [{"type": "image", "file": "0.png"}]}]})");
  const Dataset dataset(folder.path);
  REQUIRE(dataset.size() == 1);
  CHECK_THROWS_WITH(dataset.read(0), Catch::Contains("0.png"));
  CHECK_THROWS_WITH(dataset.read(1), Catch::Contains("[0, 1)"));
  write_file(folder.path / "broken.tar", std::string(1024, 'x'));
  CHECK_THROWS_WITH(Dataset(folder.path), Catch::Contains("checksum"));
}

} // namespace omni
