// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/train_config.h"

#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

TEST_CASE("configurations with unknown keys or wrong values name them") {
  const test::TemporaryFolder folder;
  const auto check = [&](const std::string& json, const std::string& expected) {
    write_file(folder.path / "c.json", json);
    CHECK_THROWS_WITH(
        read_train_config(folder.path / "c.json"), omni::testing::Contains(expected));
  };
  const std::string start = R"({"objective": "ctc", "model": "m", "output": "o",
    "train": [{"data": "d"}])";
  check(start + R"(, "stepz": 3})", "stepz");
  check(start + R"(, "steps": -3})", "`steps` positive");
  check(start + R"(, "steps": "x"})", "`steps` an integer");
  check(start + R"(, "precision": "int3"})", "float32, bfloat16 or auto");
  check(start + R"(, "optimizer": {"lr": 1}})", "optimizer.lr");
  check(start + R"(, "optimizer": {"groups": [{"patern": "x"}]}})", "groups[0].patern");
  check(start + R"(, "parallel_batches": 0})", "`parallel_batches` positive");
  check(R"({"objective": "ctc"})", "`model`");
  check("[", "JSON");
}

TEST_CASE("a configuration written and read is the same") {
  const test::TemporaryFolder folder;
  write_file(folder / "c.json", R"({"objective": "ctc", "model": "m", "output": "o",
    "train": [{"data": "d", "weight": 2}], "loss_weights": {"ctc": 0.5},
    "optimizer": {"muon": ["a.*"], "groups": [{"pattern": "vit.*", "scale": 0.3}]},
    "schedule": {"kind": "cosine"}, "options": {"speech_code_noise": 0.2}})");
  const TrainConfig config = read_train_config(folder / "c.json");
  REQUIRE(config.optimizer.groups.size() == 1);
  CHECK(config.optimizer.groups[0].pattern == "vit.*");
  CHECK(config.optimizer.groups[0].scale == 0.3);
  CHECK(config.output == (folder / "o").string());
  const std::string json = train_config_to_json(config);
  write_file(folder / "again.json", json);
  CHECK(train_config_to_json(read_train_config(folder / "again.json")) == json);
  CHECK(changed_fields(json, config, 0).empty());
}

TEST_CASE("fields that changed are named as deep as they have names") {
  TrainConfig config;
  config.train = {{"talk", "d", 1.0}, {"", "e", 1.0}};
  config.optimizer.groups = {{"vit.*", 0.3}};
  config.loss_weights = {{"ctc", 0.5}, {"dense", 0.1}};
  config.schedule.warmup_steps = 2;
  const std::string json = train_config_to_json(config);
  TrainConfig other = config;
  const auto check = [&](const std::vector<std::string>& names) {
    CHECK(changed_fields(json, other, 5) == names);
  };
  check({});
  other.log_every = 7; // may change, as may these
  other.output = "elsewhere";
  other.evaluate = {{"same", "d", 1.0}};
  check({});
  other.optimizer.learning_rate *= 2;
  check({"optimizer.learning_rate"});
  other.optimizer.groups[0].scale = 0.4;
  other.optimizer.muon = {"vit.*"}; // a list of texts has no names
  check({"optimizer.learning_rate", "optimizer.muon", "optimizer.groups[0].scale"});
  other = config;
  other.train[1].weight = 2.0;
  other.loss_weights = {{"ctc", 0.4}, {"image_codes", 0.2}};
  check(
      {"train[1].weight", "loss_weights.ctc", "loss_weights.image_codes",
       "loss_weights.dense"});
  other = config;
  other.train.pop_back(); // lists of other lengths: which is which is not known
  other.schedule.warmup_steps = 3; // another first step
  check({"train", "schedule.warmup_steps"});
}

TEST_CASE("paths take variables of the environment, or say which is missing") {
  const test::TemporaryFolder folder;
  setenv("OMNI_TEST_PLACE", "/somewhere", 1);
  write_file(folder / "c.json", R"({"objective": "ctc", "model": "m",
    "output": "${OMNI_TEST_PLACE}/out", "train": [{"data": "${OMNI_TEST_NONE}/d"}]})");
  CHECK_THROWS_WITH(
      read_train_config(folder / "c.json"), omni::testing::Contains("OMNI_TEST_NONE"));
  const TrainConfig config =
      read_train_config(folder / "c.json", {"train=[{\"data\": \"d\"}]", "seed=4"});
  CHECK(config.output == "/somewhere/out");
  CHECK(config.seed == 4);
}

} // namespace
} // namespace omni
