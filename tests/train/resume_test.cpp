// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Stopping and going on.
#include <fstream>

#include "omni/core/file_io.h"
#include "omni/core/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

TEST_CASE("a resumed run is bit-identical to one that never stopped") {
  // log_every 3: the run stops between two lines of the log.
  const auto [objective, precision, log_every] =
      GENERATE(table<std::string, std::string, int64_t>(
          {{"image_codec", "float32", 3},
           {"joint", "float32", 1},
           {"joint", "bfloat16", 3}}));
  INFO(objective << " " << precision << " " << log_every);
  TinyRun whole(objective);
  TinyRun parts(objective);
  for (TinyRun* run : {&whole, &parts}) {
    run->config.precision = precision;
    run->config.log_every = log_every;
    run->config.evaluate_every = 4;
  }
  whole.train_to_end();
  parts.train_steps(2);
  parts.train_steps(3);
  parts.train_to_end();
  CHECK(parts.weights() == whole.weights());
  CHECK(parts.log() == whole.log());
}

TEST_CASE("resuming with another configuration is refused by the field's name") {
  TinyRun run("image_codec");
  run.train_steps(2);
  run.config.batch_size = 2;
  run.config.seed = 9;
  CHECK_THROWS_WITH(
      train(run.config), Catch::Contains("batch_size") && Catch::Contains("seed"));
}

TEST_CASE("a run that is stable so far can go on longer, or decay now") {
  const auto [objective, steps] =
      GENERATE(table<std::string, int64_t>({{"image_codec", 9}, {"joint", 4}}));
  INFO(objective << " " << steps);
  TinyRun whole(objective);
  TinyRun parts(objective);
  for (TinyRun* run : {&whole, &parts}) {
    run->config.schedule = {ScheduleKind::WarmupStableDecay, 1, 0.25, 0.1};
  }
  parts.train_steps(2);
  whole.config.steps = steps;
  parts.config.steps = steps;
  whole.train_to_end();
  parts.train_to_end();
  CHECK(parts.weights() == whole.weights());
  CHECK(parts.log() == whole.log());
}

TEST_CASE("a run that would have begun otherwise is refused with other steps") {
  TinyRun run("joint");
  run.config.schedule = {ScheduleKind::Cosine, 1, 0.25, 0.1};
  SECTION("other rates") {}
  SECTION("side losses that had ended") {
    run.config.schedule = {ScheduleKind::Constant, 1, 0.25, 0.1};
    run.config.options.side_losses_until = 0.2;
  }
  run.train_steps(3);
  run.config.steps += 9;
  CHECK_THROWS_WITH(train(run.config), Catch::Contains("another steps"));
}

TEST_CASE("a checkpoint without a key of today's configuration has its default") {
  TinyRun run("image_codec");
  run.train_steps(2);
  const fs::path path = run.checkpoints() / "step-00000002/config.json";
  std::string json = read_file(path);
  const std::string key = "\"parallel_batches\": 1,";
  REQUIRE(json.find(key) != std::string::npos);
  json.replace(json.find(key), key.size(), "");
  write_file(path, json);
  run.train_to_end();
}

TEST_CASE("resuming on other data, weights or files is refused by name") {
  TinyRun run("joint");
  run.config.train[0].name = "talk";
  run.train_steps(2);
  SECTION("a sample more") {
    testing::write_samples(run.folder / "data", 7);
    CHECK_THROWS_WITH(
        train(run.config), Catch::Contains("the training data talk changed since"));
  }
  SECTION("a file of another size") {
    std::ofstream(run.folder / "data/s0.json", std::ios::app) << "\n";
    CHECK_THROWS_WITH(train(run.config), Catch::Contains("the training data talk"));
  }
  SECTION("another model of the same shape") {
    std::string json = read_file(run.folder / "model.json");
    json.replace(json.find("\"tiny\""), 6, "\"small\"");
    write_file(run.folder / "model.json", json);
    CHECK_THROWS_WITH(
        train(run.config), Catch::Contains("the model's configuration changed since"));
  }
  SECTION("the same, as it was") {
    run.train_to_end();
  }
}

TEST_CASE("resuming beside other frozen weights is refused by their part") {
  TinyRun codec("image_codec");
  codec.train_to_end();
  TinyRun run("joint");
  run.config.initialize_from = {
      {(codec.folder / "out/model").string(), {"image_codec"}}};
  run.train_steps(2);
  // The codec is trained again, longer, into the same folder.
  codec.config.steps = 9;
  fs::remove_all(codec.folder / "out");
  codec.train_to_end();
  CHECK_THROWS_WITH(
      train(run.config), Catch::Contains("the weights of image_codec changed since"));
}

TEST_CASE("parts that are trained may have come from weights that are gone") {
  TinyRun codec("image_codec");
  codec.train_to_end();
  TinyRun run("image_codec");
  run.config.initialize_from = {
      {(codec.folder / "out/model").string(), {"image_codec"}}};
  run.train_steps(2);
  codec.config.steps = 9;
  fs::remove_all(codec.folder / "out");
  codec.train_to_end();
  run.train_to_end(); // the checkpoint holds them
}

TEST_CASE("a checkpoint half written does not exist") {
  TinyRun run("image_codec");
  run.train_steps(2);
  const auto half = GENERATE(
      // killed while writing; and while an old one was being removed, manifest first
      std::pair("writing-step-00000005", "state.json"),
      std::pair("step-00000005", "weights.safetensors"));
  const fs::path broken = run.checkpoints() / half.first;
  fs::create_directories(broken);
  write_file(broken / half.second, "{");
  int64_t resumed_at = -1;
  REQUIRE(train(
      run.config,
      {[&](const TrainEvent& event) {
         if (event.kind == TrainEvent::Kind::Resumed) {
           resumed_at = event.step;
         }
       },
       {}}));
  CHECK(resumed_at == 2);
}

TEST_CASE("a log whose last line was cut is whole again after resuming") {
  TinyRun whole("image_codec");
  whole.train_to_end();
  TinyRun run("image_codec");
  run.train_steps(3);
  std::ofstream(run.folder / "out/log.jsonl", std::ios::app)
      << R"({"step":4,"losses":{}})"
      << "\n"
      << R"({"step":5,"los)";
  run.train_to_end();
  CHECK(run.log() == whole.log());
}

TEST_CASE("the best checkpoint of the evaluations is kept besides the newest") {
  TinyRun run("image_codec");
  run.config.steps = 12;
  run.config.evaluate_every = 2;
  run.config.keep_checkpoints = 1;
  run.config.ema_decay = 0.0;
  run.config.optimizer.muon.clear();
  run.config.schedule.kind = ScheduleKind::Constant;
  run.config.optimizer.learning_rate = 0.02;
  std::map<int64_t, double> sums;
  REQUIRE(train(
      run.config,
      {[&](const TrainEvent& event) {
         if (event.kind == TrainEvent::Kind::Evaluated) {
           for (const auto& [name, loss] : event.losses) {
             sums[event.step] += loss;
           }
         }
       },
       {}}));
  REQUIRE(sums.size() == 6);
  const auto best = std::min_element(
      sums.begin(), sums.end(), [](auto a, auto b) { return a.second < b.second; });
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08ld", static_cast<long>(best->first));
  CHECK(read_file(run.checkpoints() / "best") == std::string(name) + "\n");
  CHECK(fs::exists(run.checkpoints() / name / "state.json"));
  CHECK(fs::exists(run.checkpoints() / "step-00000012" / "state.json"));
}

TEST_CASE("a run whose gradients are not finite writes no checkpoint") {
  TinyRun run("dense");
  run.config.optimizer.learning_rate = 1e30;
  run.config.log_every = 100;
  CHECK_THROWS_WITH(train(run.config), Catch::Contains("Lower the learning rate"));
  CHECK_FALSE(fs::exists(run.checkpoints() / "step-00000008"));
}

} // namespace
} // namespace omni
