// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Going on with another evaluation, or on another machine.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

// Writes another text over the only place of state.json where `old` stands.
void edit_state(
    const fs::path& checkpoint,
    const std::string& old,
    const std::string& text) {
  std::string json = read_file(checkpoint / "state.json");
  const size_t begin = json.find(old);
  REQUIRE(begin != std::string::npos);
  REQUIRE(json.find(old, begin + 1) == std::string::npos);
  json.replace(begin, old.size(), text);
  write_file(checkpoint / "state.json", json);
}

// Two steps of eight are done and evaluated on held/; no later loss is as low as the
// one that state.json claims.
struct EvaluatedRun : TinyRun {
  EvaluatedRun() : TinyRun("image_codec") {
    testing::write_samples(folder / "held", 5);
    config.evaluate = {{"held", (folder / "held").string()}};
    config.evaluate_every = 2;
    config.keep_checkpoints = 1;
    train_steps(2);
    REQUIRE(best() == "step-00000002\n");
    edit_state(first(), "\"best_loss\": ", "\"best_loss\": -1");
  }

  [[nodiscard]] fs::path first() const {
    return checkpoints() / "step-00000002";
  }
  [[nodiscard]] std::string best() const {
    return read_file(checkpoints() / "best");
  }
  // Two steps more, after which it evaluates; what is told of resuming.
  [[nodiscard]] std::string go_on() const {
    std::string note;
    int64_t asked = 0;
    CHECK_FALSE(train(
        config,
        {[&](const TrainEvent& event) {
           if (event.kind == TrainEvent::Kind::Resumed) {
             note = event.name;
           }
         },
         [&] { return ++asked == 2; }}));
    return note;
  }
};

TEST_CASE("the best so far is forgotten when what is evaluated changed") {
  EvaluatedRun run;
  SECTION("other samples of the set") {
    run.config.evaluate_samples = 3;
  }
  SECTION("another set") {
    run.config.evaluate[0].data = (run.folder / "data").string();
  }
  SECTION("a set more") {
    run.config.evaluate.push_back({"more", (run.folder / "data").string()});
  }
  SECTION("other contents") {
    testing::write_samples(run.folder / "held", 6);
  }
  SECTION("by its configuration, where the checkpoint is of before") {
    edit_state(run.first(), "\"evaluated\"", "\"unknown\"");
    run.config.evaluate_samples = 3;
  }
  CHECK(
      run.go_on() ==
      "what is evaluated changed: the best checkpoint so far is forgotten");
  CHECK(run.best() == "step-00000004\n");
  CHECK_FALSE(fs::exists(run.first()));
  CHECK_THAT(
      run.log(), omni::testing::Contains(R"({"step":2,"note":"what is evaluated)"));
  // Once: the next is compared with the new best.
  CHECK(run.go_on().empty());
}

TEST_CASE("the best so far stays when what is evaluated did not change") {
  EvaluatedRun run;
  SECTION("nothing changed") {}
  SECTION("another name") {
    run.config.evaluate[0].name = "other";
  }
  SECTION("a checkpoint of before") {
    edit_state(run.first(), "\"evaluated\"", "\"unknown\"");
  }
  SECTION("nothing is evaluated for a while") {
    const auto evaluate = run.config.evaluate;
    run.config.evaluate.clear();
    CHECK(run.go_on().empty());
    run.config.evaluate = evaluate;
  }
  CHECK(run.go_on().empty());
  CHECK(run.best() == "step-00000002\n");
  CHECK(fs::exists(run.first() / "state.json"));
  CHECK_THAT(run.log(), !omni::testing::Contains("note"));
}

TEST_CASE("resuming with another number of threads is refused by both numbers") {
  const test::TorchThreads restored(at::get_num_threads());
  const TinyRun whole("image_codec");
  TinyRun run("image_codec");
  run.config.num_threads = 0; // as many as there are
  at::set_num_threads(1);
  run.train_steps(2);
  at::set_num_threads(2);
  const auto is_refused = omni::testing::Contains(
      "step-00000002: expected num_threads 1, got 2 (set "
      "`num_threads` to 1): the run would not go on bit for bit.");
  CHECK_THROWS_WITH(train(run.config), is_refused);
  run.config.num_threads = 2;
  CHECK_THROWS_WITH(train(run.config), is_refused);
  run.config.num_threads = 1; // what the message says
  run.train_to_end();
  whole.train_to_end();
  CHECK(run.weights() == whole.weights());
  CHECK(run.log() == whole.log());
}

TEST_CASE("resuming with another torch or processor is refused by both") {
  TinyRun run("image_codec");
  run.train_steps(2);
  const fs::path checkpoint = run.checkpoints() / "step-00000002";
  const std::string torch = TORCH_VERSION;
  const std::string processor = at::get_cpu_capability();
  const std::string torch_text = "\"torch\": \"" + torch;
  const std::string processor_text = "\"cpu_capability\": \"" + processor;
  SECTION("torch") {
    edit_state(checkpoint, torch_text, "\"torch\": \"1.0.0");
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains(
            "torch 1.0.0, got " + torch + " (go on with torch 1.0.0): the run would"));
  }
  SECTION("the processor") {
    edit_state(checkpoint, processor_text, "\"cpu_capability\": \"AVX9");
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("cpu_capability AVX9, got " + processor) &&
            omni::testing::Contains(
                "ATEN_CPU_CAPABILITY=avx9 on one that can do more)"));
  }
  SECTION("both, and the same threads") {
    edit_state(checkpoint, torch_text, "\"torch\": \"1.0.0");
    edit_state(checkpoint, processor_text, "\"cpu_capability\": \"NO AVX");
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("cpu_capability NO AVX") &&
            omni::testing::Contains("CAPABILITY=default ") &&
            omni::testing::Contains("; torch 1.0.0, got") &&
            !omni::testing::Contains("num_threads"));
  }
}

TEST_CASE("a checkpoint that does not say what computed it is gone on from") {
  TinyRun run("image_codec");
  run.train_steps(2);
  const fs::path checkpoint = run.checkpoints() / "step-00000002";
  edit_state(checkpoint, "\"environment\"", "\"unknown\"");
  SECTION("as it was, and says so from then on") {
    run.train_steps(2);
    const std::string json =
        read_file(run.checkpoints() / "step-00000004" / "state.json");
    CHECK_THAT(json, omni::testing::Contains("\"num_threads\": \"1\""));
    run.train_to_end();
  }
  SECTION("unless its configuration has another number of threads") {
    const test::TorchThreads restored(at::get_num_threads());
    run.config.num_threads = 2;
    CHECK_THROWS_WITH(
        train(run.config), omni::testing::Contains("another num_threads."));
  }
}

} // namespace
} // namespace omni
