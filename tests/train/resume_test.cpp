// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Stopping and going on.
#include <fstream>
#include <set>

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
  struct Case {
    std::string objective;
    std::string precision = "float32";
    int64_t log_every = 1; // 3: the run stops between two lines of the log
    int64_t num_parallel = 1; // micro-batches, all at the same time
  };
  const auto one = GENERATE(values<Case>({
      {"image_codec", "float32", 3},
      {"ctc", "float32", 3},
      {"dense", "float32", 1},
      {"speech_codec", "float32", 1},
      {"vocoder", "float32", 1},
      {"joint", "float32", 1},
      {"joint", "bfloat16", 3},
      {"joint", "float32", 3, 2},
  }));
  CAPTURE(one.objective, one.precision, one.log_every, one.num_parallel);
  TinyRun whole(one.objective);
  TinyRun parts(one.objective);
  for (TinyRun* run : {&whole, &parts}) {
    run->config.precision = one.precision;
    run->config.log_every = one.log_every;
    run->config.evaluate_every = 4;
    run->config.micro_batches = one.num_parallel;
    run->config.parallel_batches = one.num_parallel;
    run->config.options.augment_from = 0.4; // from the fifth step
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
  run.config.optimizer.learning_rate = 1.0;
  run.config.options.speech_code_noise = 0.5;
  run.config.seed = 9;
  CHECK_THROWS_WITH(
      train(run.config),
      omni::testing::Contains("another batch_size, optimizer.learning_rate, seed, "
                              "options.speech_code_noise."));
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
  CHECK_THROWS_WITH(train(run.config), omni::testing::Contains("another steps"));
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
        train(run.config),
        omni::testing::Contains("the training data talk changed since"));
  }
  SECTION("a file of another size") {
    std::ofstream(run.folder / "data/s0.json", std::ios::app) << "\n";
    CHECK_THROWS_WITH(
        train(run.config), omni::testing::Contains("the training data talk"));
  }
  SECTION("a file of the same size") {
    std::string png = read_file(run.folder / "data/s0.0.png");
    png[png.size() / 2] ^= 1;
    write_file(run.folder / "data/s0.0.png", png);
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("the training data talk changed since"));
  }
  SECTION("another model of the same shape") {
    std::string json = read_file(run.folder / "model.json");
    json.replace(json.find("\"tiny\""), 6, "\"small\"");
    write_file(run.folder / "model.json", json);
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("the model's configuration changed since"));
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
      train(run.config),
      omni::testing::Contains("the weights of image_codec changed since"));
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

TEST_CASE("a checkpoint half written does not exist, and is removed") {
  TinyRun run("image_codec");
  run.train_steps(2);
  const auto half = GENERATE(
      // killed while writing; and while an old one was being removed, manifest first
      std::pair("writing-step-00000005", "state.json"),
      std::pair("step-00000005", "weights.safetensors"));
  const fs::path broken = run.checkpoints() / half.first;
  fs::create_directories(broken);
  write_file(broken / half.second, "{");
  write_file(run.checkpoints() / "best.tmp4711.0", "step");
  write_file(run.checkpoints() / "notes.txt", "somebody's own");
  SECTION("when the run goes on, at any step") {
    int64_t resumed_at = -1;
    bool stops = false;
    static_cast<void>(train(
        run.config,
        {[&](const TrainEvent& event) {
           if (event.kind == TrainEvent::Kind::Resumed) {
             resumed_at = event.step;
             stops = true;
           }
         },
         [&] { return stops; }}));
    CHECK(resumed_at == 2);
    std::set<std::string> left;
    for (const auto& item : fs::directory_iterator(run.checkpoints())) {
      left.insert(item.path().filename().string());
    }
    CHECK(left == std::set<std::string>{"notes.txt", "step-00000002", "step-00000003"});
  }
  SECTION("not when it is refused") {
    run.config.seed = 9;
    CHECK_THROWS_WITH(train(run.config), omni::testing::Contains("seed"));
    CHECK(fs::exists(broken));
  }
  SECTION("also when there is no whole one yet") {
    fs::remove_all(run.checkpoints() / "step-00000002");
    run.train_steps(1);
    CHECK_FALSE(fs::exists(broken));
  }
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

TEST_CASE("a run killed before it named its best checkpoint names it when it goes on") {
  TinyRun run("image_codec");
  run.config.evaluate_every = 2;
  run.config.keep_checkpoints = 1;
  run.train_steps(2); // the first evaluation is the best so far
  const fs::path best = run.checkpoints() / "best";
  REQUIRE(read_file(best) == "step-00000002\n");
  fs::remove(best);
  run.train_steps(1);
  CHECK(read_file(best) == "step-00000002\n");
  CHECK(fs::exists(run.checkpoints() / "step-00000002"));
}

TEST_CASE("a run whose gradients are not finite writes no checkpoint") {
  TinyRun run("dense");
  run.config.optimizer.learning_rate = 1e30;
  run.config.log_every = 100;
  CHECK_THROWS_WITH(
      train(run.config), omni::testing::Contains("Lower the learning rate"));
  CHECK_FALSE(fs::exists(run.checkpoints() / "step-00000008"));
}

} // namespace
} // namespace omni
