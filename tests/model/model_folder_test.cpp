// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <algorithm>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/safetensors.h"
#include "omni/model/model_folder.h"
#include "omni/model/omni_model.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;

constexpr int64_t kOneFile = int64_t{1} << 30;

NamedTensors tensors_of(const OmniModel& model) {
  NamedTensors tensors;
  for (const auto& item : model->named_parameters()) {
    tensors.emplace_back(item.key(), item.value().detach().clone());
  }
  return tensors;
}

void check_equal(const OmniModel& got, const OmniModel& expected) {
  const auto parameters = got->named_parameters();
  REQUIRE(parameters.size() == expected->named_parameters().size());
  for (const auto& item : expected->named_parameters()) {
    INFO(item.key());
    REQUIRE(parameters.contains(item.key()));
    CHECK(at::equal(parameters[item.key()], item.value()));
  }
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

} // namespace

TEST_CASE("what is special in a tokenizer is saved with it") {
  const test::TemporaryFolder folder;
  const test::TemporaryFolder copy;
  testing::make_tiny_model()->save(folder.path);
  write_file(folder / "tokenizer_config.json", R"({"added_tokens_decoder": {}})");
  load(folder.path)->save(copy.path);
  CHECK(read_file(copy / "tokenizer_config.json") == R"({"added_tokens_decoder": {}})");
}

TEST_CASE("how a model recommends to be sampled is saved and loaded with it") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->sampling_defaults.image_guidance_scale = 2.5;
  model->save(folder.path);
  CHECK(load(folder.path)->sampling_defaults.image_guidance_scale == 2.5);
  CHECK_FALSE(load(folder.path)->sampling_defaults.temperature);
  write_file(folder / "generation_config.json", R"({"eos_token_id": 0})");
  CHECK_THROWS_WITH(
      load(folder.path), Contains("generation_config.json: expected eos_token_id"));
  std::filesystem::remove(folder / "generation_config.json");
  CHECK_FALSE(load(folder.path)->sampling_defaults.image_guidance_scale);
}

TEST_CASE("a tokenizer that cannot be saved is said before anything is written") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  OmniModel without_file(model->config, model->tokenizer);
  CHECK_THROWS_WITH(without_file->save(folder / "new"), Contains("without"));
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_CASE("a tokenizer with more ids than text has is refused") {
  OmniModel model = testing::make_tiny_model();
  OmniConfig config = model->config;
  auto segments = std::map<Segment, IdRange>{};
  for (const Segment s :
       {Segment::Text, Segment::Control, Segment::Spelling, Segment::Image,
        Segment::Speech}) {
    segments[s] = config.token_space.range(s);
  }
  segments[Segment::Text].end -= 1;
  config.token_space = TokenSpace(
      config.token_space.vocab_size(), segments, config.token_space.control_ids());
  CHECK_THROWS_WITH(
      OmniModel(config, model->tokenizer), Contains("belongs to another model"));
}

TEST_CASE("saving and loading keeps every bit, in one file or in shards") {
  const test::TemporaryFolder folder;
  const bool is_sharded = GENERATE(false, true);
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path, is_sharded ? 20'000 : kOneFile);
  CHECK(std::filesystem::exists(folder / "model.safetensors") == !is_sharded);
  CHECK(std::filesystem::exists(folder / "model.safetensors.index.json") == is_sharded);
  OmniModel loaded = load(folder.path, {.dtype = at::kFloat});
  check_equal(loaded, model);
  CHECK_FALSE(loaded->is_training());
  CHECK(config_to_json(loaded->config) == config_to_json(model->config));
  CHECK(loaded->tokenizer->vocab_size() == model->tokenizer->vocab_size());
  // And again, over what is there.
  loaded->save(folder.path, is_sharded ? kOneFile : 20'000);
  check_equal(load(folder.path, {.dtype = at::kFloat}), model);
}

TEST_CASE("examples for people go along with a model that is saved again") {
  const test::TemporaryFolder folder;
  testing::make_tiny_model()->save(folder / "first");
  CHECK(read_examples(folder / "first").empty());
  write_file(folder / "first" / "examples.txt", "ask me");
  load(folder / "first")->save(folder / "second");
  CHECK(read_examples(folder / "second") == "ask me");
}

TEST_CASE("a dtype asked for is the dtype of every parameter") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path);
  const auto dtype = GENERATE(at::kBFloat16, at::kDouble);
  const OmniModel loaded = load(folder.path, {.dtype = dtype});
  const auto parameters = loaded->named_parameters();
  for (const auto& item : model->named_parameters()) {
    INFO(item.key());
    CHECK(at::equal(parameters[item.key()], item.value().to(dtype)));
  }
}

TEST_CASE("a loaded model may be trained without touching its file") {
  const test::TemporaryFolder folder;
  testing::make_tiny_model()->save(folder.path);
  const std::string before = read_file(folder / "model.safetensors");
  OmniModel loaded = load(folder.path, {.dtype = at::kFloat});
  for (at::Tensor& parameter : loaded->parameters()) {
    CHECK(parameter.requires_grad());
    const at::NoGradGuard guard;
    parameter.add_(1.0);
  }
  CHECK(read_file(folder / "model.safetensors") == before);
}

TEST_CASE("all that is missing, unexpected or of another shape is in one message") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path);
  NamedTensors tensors = tensors_of(model);
  std::erase_if(tensors, [](const auto& item) {
    return item.first == "transformer.norm.weight" || item.first == "vocoder.head.bias";
  });
  for (auto& [name, tensor] : tensors) {
    if (name == "transformer.embed.weight") {
      tensor = at::zeros({3, 32});
    }
  }
  tensors.emplace_back("transformer.extra.weight", at::zeros({2, 5}));
  write_safetensors_folder(folder.path, tensors, kOneFile);
  const std::string error = error_of([&] { (void)load(folder.path); });
  CHECK_THAT(error, Contains("[load] " + folder.path.string()));
  CHECK_THAT(error, Contains("got 4 differences:"));
  CHECK_THAT(error, Contains("missing transformer.norm.weight [32]"));
  CHECK_THAT(error, Contains("missing vocoder.head.bias [322]"));
  CHECK_THAT(error, Contains("transformer.embed.weight: expected ["));
  CHECK_THAT(error, Contains(", 32], got [3, 32]"));
  CHECK_THAT(error, Contains("unexpected transformer.extra.weight [2, 5]"));
}

TEST_CASE("a long list of differences is cut, but counted whole") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path);
  write_safetensors_folder(folder.path, {{"nothing", at::zeros({1})}}, kOneFile);
  const std::string error = error_of([&] { (void)load(folder.path); });
  const auto all = model->named_parameters().size() + 1;
  CHECK_THAT(error, Contains("got " + std::to_string(all) + " differences:"));
  CHECK(std::count(error.begin(), error.end(), '\n') < 60);
}

TEST_CASE("a folder that is no model is refused by what it lacks") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path);
  CHECK_THROWS_AS(load(folder / "absent"), IoError);
  CHECK_THROWS_WITH(
      load(folder / "absent"),
      Contains("expected a folder with config.json and model.safetensors"));
  std::filesystem::rename(folder / "tokenizer.model", folder / "kept");
  CHECK_THROWS_WITH(load(folder.path), Contains("tokenizer.model or tokenizer.json"));
  std::filesystem::rename(folder / "kept", folder / "tokenizer.model");
  std::filesystem::rename(folder / "model.safetensors", folder / "kept");
  CHECK_THROWS_WITH(load(folder.path), Contains(folder.path.string()));
  const std::string bytes = read_file(folder / "kept");
  write_file(folder / "model.safetensors", bytes.substr(0, bytes.size() / 2));
  CHECK_THROWS_AS(load(folder.path), IoError);
}

TEST_CASE("parts are copied from another model's folder") {
  const test::TemporaryFolder folder;
  OmniModel source = testing::make_tiny_model(1);
  source->save(folder.path);
  OmniModel model = testing::make_tiny_model(2);
  const NamedTensors before = tensors_of(model);
  load_parts(model, folder.path, {"vit", "image_codec.decoder"});
  const auto theirs = source->named_parameters();
  const auto ours = model->named_parameters();
  for (const auto& [name, tensor] : before) {
    const bool is_copied =
        name.starts_with("vit.") || name.starts_with("image_codec.decoder.");
    INFO(name);
    CHECK(at::equal(ours[name], is_copied ? theirs[name] : tensor));
    CHECK(ours[name].requires_grad());
  }
}

TEST_CASE("parts that are absent or shaped otherwise are all named") {
  const test::TemporaryFolder folder;
  OmniModel model = testing::make_tiny_model();
  model->save(folder.path);
  CHECK_THROWS_WITH(
      load_parts(model, folder.path, {"vit", "nose"}),
      Contains("the model has no part \"nose\""));
  NamedTensors tensors = tensors_of(model);
  std::erase_if(
      tensors, [](const auto& item) { return item.first == "vit.norm.weight"; });
  for (auto& [name, tensor] : tensors) {
    if (name == "vit.patch_embed.bias") {
      tensor = at::zeros({4});
    }
  }
  write_safetensors_folder(folder.path, tensors, kOneFile);
  const std::string error = error_of([&] { load_parts(model, folder.path, {"vit"}); });
  CHECK_THAT(error, Contains("got 2 differences"));
  CHECK_THAT(error, Contains("missing vit.norm.weight"));
  CHECK_THAT(error, Contains("vit.patch_embed.bias: expected [16], got [4]"));
  CHECK_NOTHROW(load_parts(model, folder.path, {"conformer"}));
}

} // namespace omni
