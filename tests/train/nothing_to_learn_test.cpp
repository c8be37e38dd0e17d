// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Joint training on conversations that nobody answers.
#include "omni/core/file_io.h"
#include "omni/train/data_order.h"
#include "tests/support/catch.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

constexpr const char* kAsked = R"({"messages": [
  {"role": "user", "content": [{"type": "audio", "file": "1.wav"}]}]})";
constexpr const char* kHeard = R"({"messages": [
  {"role": "user", "content": [
    {"type": "audio", "file": "1.wav", "transcript": "ab"}]}]})";

// Samples `begin` to `end` of a folder become the conversation `json`.
void replace_samples(const fs::path& folder, int begin, int end, const char* json) {
  for (int i = begin; i < end; ++i) {
    write_file(folder / ("s" + std::to_string(i) + ".json"), json);
  }
}

std::vector<TrainEvent> train_and_hear(
    const TrainConfig& config,
    TrainEvent::Kind kind) {
  std::vector<TrainEvent> heard;
  REQUIRE(train(
      config,
      {[&](const TrainEvent& event) {
         if (event.kind == kind) {
           heard.push_back(event);
         }
       },
       {}}));
  return heard;
}

TEST_CASE("conversations without anything to learn are left out and counted") {
  TinyRun run("joint");
  run.config.batch_size = 1; // else no micro-batch is of such samples alone
  const auto left_out = [&] {
    return train_and_hear(run.config, TrainEvent::Kind::LeftOut);
  };
  SECTION("nobody answers") {
    replace_samples(run.folder / "data", 0, 4, kAsked);
    const auto events = left_out();
    REQUIRE(events.size() == 2); // of the training and the evaluation set
    CHECK(events[0].num_left_out == 4);
    CHECK(events[0].needs == "an answer, a transcript or labels to learn");
    CHECK(events[1].num_left_out == 4);
    CHECK(events[1].needs == "an answer to learn");
  }
  SECTION("a transcript is something to learn, but not to evaluate") {
    replace_samples(run.folder / "data", 0, 4, kHeard);
    const auto events = left_out();
    REQUIRE(events.size() == 1);
    CHECK(events[0].needs == "an answer to learn");
  }
  SECTION("nor is it without side losses") {
    replace_samples(run.folder / "data", 0, 4, kHeard);
    run.config.options.side_losses_until = 0.0;
    const auto events = left_out();
    REQUIRE(events.size() == 2);
    CHECK(events[0].needs == "an answer to learn");
  }
}

TEST_CASE("a data set of nothing but such conversations is refused by its name") {
  TinyRun run("joint");
  SECTION("for training") {
    replace_samples(run.folder / "data", 0, 6, kAsked);
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains(
            "data: expected samples with an answer, a transcript or labels to learn "
            "for the objective joint, found none among 6."));
  }
  SECTION("for evaluation, before anything is trained") {
    testing::write_samples(run.folder / "held", 3);
    replace_samples(run.folder / "held", 0, 3, kHeard);
    run.config.evaluate[0].data = (run.folder / "held").string();
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains(
            "held: expected samples with an answer to learn for the "
            "objective joint, found none among 3."));
  }
  CHECK_FALSE(fs::exists(run.checkpoints()));
}

TEST_CASE("micro-batches whose side losses are over are counted in the log") {
  TinyRun whole("joint");
  TinyRun parts("joint");
  for (TinyRun* run : {&whole, &parts}) {
    replace_samples(run->folder / "data", 0, 4, kHeard);
    run->config.batch_size = 1;
    run->config.micro_batches = 2;
    run->config.options.side_losses_until = 0.25; // two of the eight steps
    run->config.log_every = 3; // the other run stops between two lines of the log
  }
  double counted = 0.0;
  for (const TrainEvent& event : train_and_hear(whole.config, TrainEvent::Kind::Step)) {
    const auto found = event.figures.find("batches_without_gradient");
    counted += found == event.figures.end() ? 0.0 : found->second;
  }
  DataOrder order({6}, {1.0}, static_cast<uint64_t>(whole.config.seed));
  order.seek(4);
  int64_t num_heard = 0;
  for (int i = 0; i < 12; ++i) {
    num_heard += order.next().index < 4 ? 1 : 0;
  }
  REQUIRE(num_heard >= 4);
  CHECK(counted == static_cast<double>(num_heard));
  parts.train_steps(4);
  parts.train_to_end();
  CHECK(parts.weights() == whole.weights());
  CHECK(parts.log() == whole.log());
}

TEST_CASE("steps in which there is nothing to learn change no weight") {
  TinyRun run("joint");
  replace_samples(run.folder / "data", 0, 6, kHeard);
  run.config.evaluate.clear();
  run.config.micro_batches = 2;
  run.config.options.side_losses_until = 0.5;
  run.config.optimizer.weight_decay = 0.1;
  run.config.checkpoint_every_seconds = 0.0; // after every step
  run.config.keep_checkpoints = 8;
  const auto events = train_and_hear(run.config, TrainEvent::Kind::Step);
  REQUIRE(events.size() == 8);
  for (const TrainEvent& event : events) {
    const bool learns = event.step <= 4;
    CAPTURE(event.step);
    CHECK(event.losses.contains("ctc") == learns);
    CHECK((event.gradient_norm > 0.0) == learns);
    CHECK(event.figures.contains("batches_without_gradient") != learns);
  }
  CHECK(events.back().figures.at("batches_without_gradient") == 2.0);
  const auto weights = [&](const std::string& step) {
    return read_file(run.checkpoints() / step / "weights.safetensors");
  };
  CHECK(weights("step-00000003") != weights("step-00000004"));
  CHECK(weights("step-00000008") == weights("step-00000004"));
}

} // namespace
} // namespace omni
