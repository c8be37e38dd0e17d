// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Every objective end to end on the tiny model.
#include "kernels/packed_linear.h"
#include "tests/support/catch.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

using testing::TinyRun;

TEST_CASE("every objective trains the tiny model and its loss falls") {
  const auto objective = GENERATE(
      std::string("image_codec"), std::string("speech_codec"), std::string("vocoder"),
      std::string("ctc"), std::string("dense"), std::string("joint"));
  INFO(objective);
  TinyRun run(objective);
  run.config.steps = 30;
  run.config.optimizer.learning_rate = 5e-3;
  std::vector<double> losses;
  const bool is_done = train(
      run.config,
      {[&](const TrainEvent& event) {
         if (event.kind == TrainEvent::Kind::Step) {
           double sum = 0.0;
           for (const auto& [name, loss] : event.losses) {
             sum += loss;
           }
           losses.push_back(sum);
         }
       },
       {}});
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

TEST_CASE("precision auto is what this processor is faster by, and is told") {
  const auto told_and_first_losses = [](const std::string& precision) {
    TinyRun run("joint");
    run.config.precision = precision;
    run.config.steps = 1;
    std::pair<std::string, std::map<std::string, double>> found;
    train(
        run.config,
        {[&](const TrainEvent& event) {
           if (event.kind == TrainEvent::Kind::Started) {
             found.first = event.precision;
           }
           if (event.kind == TrainEvent::Kind::Step) {
             found.second = event.losses;
           }
         },
         {}});
    return found;
  };
  const std::string fast = kernels::is_bfloat16_fast() ? "bfloat16" : "float32";
  const auto got = told_and_first_losses("auto");
  CHECK(got.first == fast);
  CHECK_FALSE(got.second.empty());
  CHECK(got == told_and_first_losses(fast));
}

TEST_CASE("a bfloat16 joint run computes what float32 does, within its precision") {
  TinyRun exact("joint");
  TinyRun rounded("joint");
  rounded.config.precision = "bfloat16";
  const auto first_losses = [](TinyRun& run) {
    std::map<std::string, double> first;
    train(
        run.config,
        {[&](const TrainEvent& event) {
           if (event.kind == TrainEvent::Kind::Step && event.step == 1) {
             first = event.losses;
           }
         },
         {}});
    return first;
  };
  const auto wanted = first_losses(exact);
  const auto got = first_losses(rounded);
  REQUIRE(wanted.size() == 5); // test, image_codes, speech_codes, ctc, dense
  REQUIRE(got.size() == wanted.size());
  for (const auto& [name, loss] : wanted) {
    INFO(name);
    CHECK(got.at(name) == Approx(loss).epsilon(0.02));
    CHECK(got.at(name) != loss); // bfloat16 was used
  }
}

} // namespace
} // namespace omni
