// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// What a run trains, refuses and leaves out.
#include <cstdlib>

#include "omni/core/file_io.h"
#include "omni/core/safetensors.h"
#include "tests/support/catch.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

TEST_CASE("parameters that are frozen stay as they were") {
  TinyRun run("joint");
  run.config.freeze = {"vit.*", "transformer.embed.weight"};
  const auto read = [](const fs::path& folder) {
    std::map<std::string, at::Tensor> tensors;
    const SafetensorsReader reader(folder);
    for (const auto& [name, entry] : reader.tensors()) {
      tensors[name] = reader.read(name);
    }
    return tensors;
  };
  run.config.steps = 1;
  run.train_to_end();
  const auto one = read(run.folder / "out/model");
  fs::remove_all(run.folder / "out");
  run.config.steps = 4;
  run.train_to_end();
  const auto four = read(run.folder / "out/model");
  bool has_changed = false;
  for (const auto& [name, tensor] : one) {
    INFO(name);
    const bool is_equal = at::equal(tensor, four.at(name));
    const bool is_frozen = name.starts_with("vit.") ||
        name == "transformer.embed.weight" || name.starts_with("image_codec.") ||
        name.starts_with("speech_codec.") || name.starts_with("vocoder.");
    if (is_frozen) {
      CHECK(is_equal);
    }
    has_changed = has_changed || !is_equal;
  }
  CHECK(has_changed);
}

TEST_CASE("a run on archives is the run on the folder they were made of") {
  const std::string objective = GENERATE("image_codec", "joint");
  const TinyRun loose(objective);
  TinyRun packed(objective);
  fs::create_directory(packed.folder / "shards");
  // Two shards, so that samples are looked for in both.
  const std::string pack = "cd '" + (packed.folder / "data").string() +
      "' && tar --sort=name -cf ../shards/0.tar s[0-2].* && "
      "tar --sort=name -cf ../shards/1.tar s[3-5].* && rm -r ../data";
  REQUIRE(std::system(pack.c_str()) == 0);
  packed.config.train[0].data = (packed.folder / "shards").string();
  packed.config.evaluate[0].data = packed.config.train[0].data;
  loose.train_to_end();
  packed.train_steps(5); // and goes on from there
  packed.train_to_end();
  CHECK(packed.weights() == loose.weights());
  CHECK(packed.log() == loose.log());
}

TEST_CASE("patterns and loss weights that name nothing are refused with near names") {
  TinyRun run("joint");
  SECTION("freeze") {
    run.config.freeze = {"vit.layer.*"};
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("`freeze`") &&
            omni::testing::Contains("\"vit.layer.*\"") &&
            omni::testing::Contains("\"vit.layers.*."));
  }
  SECTION("Muon takes matrices only") {
    run.config.optimizer.muon = {"transformer.norm.weight"};
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("`optimizer.muon` to name matrices") &&
            omni::testing::Contains("transformer.norm.weight"));
  }
  SECTION("groups") {
    run.config.optimizer.groups = {{"vitt.*", 0.5}};
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("optimizer.groups") &&
            omni::testing::Contains("vitt.*"));
  }
  SECTION("a group without a rate") {
    run.config.optimizer.groups = {{"vit.*", 0.0}};
    CHECK_THROWS_WITH(train(run.config), omni::testing::Contains("above 0"));
  }
  SECTION("loss weights") {
    run.config.loss_weights = {{"image_codes", 0.5}, {"speach_codes", 0.5}};
    CHECK_THROWS_WITH(
        train(run.config),
        omni::testing::Contains("`loss_weights`") &&
            omni::testing::Contains("\"speach_codes\"") &&
            omni::testing::Contains("\"speech_codes\""));
  }
  SECTION("all of them right") {
    run.config.freeze = {"vit.*.weight"};
    run.config.optimizer.groups = {{"conformer.*", 0.5}};
    run.config.loss_weights = {{"image_codes", 0.5}, {"ctc", 0.5}, {"test", 2.0}};
    run.config.steps = 1;
    run.train_to_end();
  }
}

TEST_CASE("weights of terms that every batch has are checked with the first") {
  TinyRun run("dense");
  run.config.loss_weights = {{"shape", 2.0}};
  run.config.steps = 1;
  run.train_to_end();
  std::filesystem::remove_all(run.folder / "out");
  run.config.loss_weights = {{"shapes", 2.0}};
  CHECK_THROWS_WITH(
      train(run.config),
      omni::testing::Contains("\"shapes\"") && omni::testing::Contains("\"shape\""));
}

TEST_CASE("samples without what an objective needs are left out and counted") {
  TinyRun run("ctc");
  for (const char* key : {"s1", "s4"}) { // sounds that nobody wrote down
    write_file(run.folder / "data" / (std::string(key) + ".json"), R"({"messages": [
      {"role": "user", "content": [{"type": "audio", "file": "1.wav"}]}]})");
  }
  std::vector<TrainEvent> left_out;
  REQUIRE(train(
      run.config,
      {[&](const TrainEvent& event) {
         if (event.kind == TrainEvent::Kind::LeftOut) {
           left_out.push_back(event);
         }
       },
       {}}));
  REQUIRE(left_out.size() == 2); // the training and the evaluation set
  CHECK(left_out[0].num_left_out == 2);
  CHECK(left_out[0].needs == "sound with a transcript");
  CHECK_THAT(left_out[0].name, omni::testing::EndsWith("data"));

  TinyRun none("dense");
  for (int i = 0; i < 6; ++i) {
    write_file(
        none.folder / "data" / ("s" + std::to_string(i) + ".json"), R"({"messages": [
      {"role": "user", "content": [{"type": "image", "file": "0.png"}]}]})");
  }
  CHECK_THROWS_WITH(
      train(none.config),
      omni::testing::Contains("a picture with labels") &&
          omni::testing::Contains("none among 6"));
}

TEST_CASE("micro-batches side by side give what they give one after another") {
  TinyRun apart("joint");
  TinyRun together("joint");
  for (TinyRun* run : {&apart, &together}) {
    run->config.batch_size = 2;
    run->config.micro_batches = 3;
  }
  together.config.parallel_batches = 2;
  apart.train_to_end();
  together.train_to_end();
  CHECK(together.weights() == apart.weights());
  CHECK(together.log() == apart.log());
}

TEST_CASE("dropout is refused where timing would decide what is dropped") {
  TinyRun run("joint");
  std::string json = read_file(run.folder / "model.json");
  const std::string key = "\"kernel_size\": 5";
  REQUIRE(json.find(key) != std::string::npos);
  json.replace(json.find(key), key.size(), key + ", \"dropout\": 0.1");
  write_file(run.folder / "model.json", json);
  run.config.steps = 1;
  run.config.batch_size = 2;
  run.config.micro_batches = 2;
  run.train_to_end();
  fs::remove_all(run.folder / "out");
  run.config.parallel_batches = 2;
  CHECK_THROWS_WITH(
      train(run.config),
      omni::testing::Contains("`parallel_batches` 1 with dropout, got 2"));
}

TEST_CASE("an error in a sample reaches the caller, from whichever thread") {
  const auto parallel = GENERATE(int64_t{1}, int64_t{2});
  TinyRun run("joint");
  run.config.micro_batches = 2;
  run.config.parallel_batches = parallel;
  write_file(run.folder / "data/s2.0.png", "no picture");
  CHECK_THROWS_WITH(train(run.config), omni::testing::Contains("s2"));
}

TEST_CASE("the losses of a step do not depend on how it is cut into micro-batches") {
  const auto first_step = [](int64_t batch_size, int64_t micro_batches) {
    TinyRun run("joint");
    run.config.batch_size = batch_size;
    run.config.micro_batches = micro_batches;
    run.config.options.speech_code_noise = 0.0;
    run.config.options.null_prompt_share = 0.0;
    // A kind of its own for one sample: absent from most micro-batches.
    const fs::path rare = run.folder / "data/s3.json";
    std::string json = read_file(rare);
    json.replace(json.find("\"test\""), 6, "\"rare\"");
    write_file(rare, json);
    run.config.steps = 1;
    TrainEvent first;
    REQUIRE(train(
        run.config,
        {[&](const TrainEvent& event) {
           if (event.kind == TrainEvent::Kind::Step) {
             first = event;
           }
         },
         {}}));
    return first;
  };
  const TrainEvent whole = first_step(6, 1);
  const TrainEvent cut = first_step(1, 6);
  REQUIRE(whole.losses.contains("rare"));
  REQUIRE(whole.losses.size() == cut.losses.size());
  for (const auto& [name, loss] : whole.losses) {
    INFO(name);
    CHECK(cut.losses.at(name) == Approx(loss).epsilon(1e-4));
  }
  CHECK(cut.gradient_norm == Approx(whole.gradient_norm).epsilon(1e-3));
}

} // namespace
} // namespace omni
