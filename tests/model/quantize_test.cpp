// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Quantized models in memory; quantized_folder_test.cpp has them in folders.
#include "omni/model/quantize.h"

#include <ATen/ATen.h>

#include <limits>

#include "omni/core/errors.h"
#include "omni/model/copy_model.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using kernels::WeightFormat;
using omni::testing::Contains;

const std::string kQkv = "transformer.layers.0.attention.qkv.";

at::Tensor logits_of(const OmniModel& model) {
  const at::NoGradGuard no_grad;
  return OmniModel(model)->logits(at::arange(20, 60).view({2, 20}));
}

// The root of the squared error over that of the squares.
double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

} // namespace

TEST_CASE("formats of few bits have names, and are listed for others") {
  CHECK(weight_format_from_name("int8") == WeightFormat::Int8);
  CHECK(weight_format_from_name("int4") == WeightFormat::Int4);
  CHECK(weight_format_name(WeightFormat::Int4) == "int4");
  CHECK_THROWS_WITH(
      weight_format_from_name("int3"),
      "[quantize] expected a format int8 or int4, got \"int3\".");
  CHECK_THROWS_AS(weight_format_name(WeightFormat::Bfloat16), ValueError);
}

TEST_CASE("a configuration says the format, and is as before without one") {
  const std::string plain = testing::tiny_config_json();
  OmniConfig config = parse_config(plain);
  CHECK_FALSE(config.weight_format);
  CHECK(config_to_json(config).find("weight_format") == std::string::npos);
  config.weight_format = WeightFormat::Int4;
  const std::string text = config_to_json(config);
  CHECK_THAT(text, Contains("\"weight_format\": \"int4\""));
  CHECK(parse_config(text).weight_format == WeightFormat::Int4);
  CHECK_THROWS_WITH(
      parse_config(R"({"weight_format": "int3"})"),
      Contains("expected `weight_format` one of int8, int4, got \"int3\""));
  CHECK_THROWS_WITH(
      parse_config(R"({"weight_format": "int8"})"),
      Contains("expected a `transformer`, `vision` or `audio` with `weight_format`, "
               "got none"));
}

TEST_CASE("large weights become panels, all else and the model given stay") {
  const OmniModel model = testing::make_attentive_model();
  const OmniModel before = copy_model(model);
  const OmniModel quantized = quantize(model, WeightFormat::Int8);
  CHECK(quantized->config.weight_format == WeightFormat::Int8);
  CHECK_FALSE(model->config.weight_format);
  CHECK(quantized->num_parameters() == model->num_parameters());
  CHECK_FALSE(quantized->is_training());

  const auto given = model->named_parameters(), kept = before->named_parameters();
  const auto parameters = quantized->named_parameters();
  const auto buffers = quantized->named_buffers();
  const size_t num_packed = model->quantizable(WeightFormat::Int8).size();
  CHECK(num_packed == 8 + 4 + 8); // of transformer, vision and audio
  CHECK(parameters.size() + num_packed == given.size());
  CHECK_FALSE(parameters.contains(kQkv + "weight"));
  REQUIRE(buffers.contains(kQkv + "panels"));
  CHECK(buffers[kQkv + "panels"].scalar_type() == at::kByte);
  for (const auto& item : given) {
    INFO(item.key());
    CHECK(item.value().requires_grad());
    CHECK(at::equal(item.value(), kept[item.key()]));
    if (parameters.contains(item.key())) {
      const at::Tensor& own = parameters[item.key()];
      CHECK_FALSE(own.requires_grad());
      CHECK(at::equal(own, item.value()));
      CHECK(own.const_data_ptr() != item.value().const_data_ptr());
    }
  }
}

TEST_CASE("a quantized model computes nearly the same") {
  const OmniModel model = testing::make_tiny_model();
  const at::Tensor expected = logits_of(model);
  CHECK(
      relative_error(logits_of(quantize(model, WeightFormat::Int8)), expected) < 0.02);
  CHECK(relative_error(logits_of(quantize(model, WeightFormat::Int4)), expected) < 0.2);
  // By no means the same: the weights that compute are those in few bits.
  CHECK(
      relative_error(logits_of(quantize(model, WeightFormat::Int4)), expected) > 0.01);
}

TEST_CASE(
    "experts are quantized, the router is not, and a head of its own takes 8 bits") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  ExpertsConfig& experts = config.transformer->layers[1].experts;
  experts.num_experts = 6;
  experts.experts_per_token = 2;
  experts.width = 40; // no multiple of the 16 rows of a panel
  experts.shared_width = 24;
  config.transformer->has_tied_head = false;
  const auto made = [&] {
    torch::manual_seed(4);
    OmniModel model(config, nullptr);
    model->eval();
    return model;
  };
  CHECK(made()->quantizable(WeightFormat::Int4).size() == 4 + 2 + 4 + 4 + 8);
  config.speech_codec.reset();
  config.vocoder.reset();
  const OmniModel model = made();
  const auto maps = model->quantizable(WeightFormat::Int4);
  CHECK(maps.size() == 4 + 2 + 4 + 1 + 4 + 8);
  const OmniModel quantized = quantize(model, WeightFormat::Int4);
  CHECK(quantized->num_parameters() == model->num_parameters());
  CHECK(quantized->transformer->head->packed()->format == WeightFormat::Int8);
  const auto parameters = quantized->named_parameters();
  const auto buffers = quantized->named_buffers();
  const std::string layer = "transformer.layers.1.feed_forward.";
  CHECK(parameters.contains(layer + "router.weight"));
  CHECK_FALSE(parameters.contains(layer + "experts.down.weight"));
  CHECK(buffers[layer + "experts.gate_up.panels"].size(0) == 6 * 5); // of 80 rows
  CHECK(buffers[layer + "experts.down.panels"].size(0) == 6 * 2); // of 32 rows
  CHECK(buffers.contains("transformer.head.panels"));

  const at::Tensor expected = logits_of(model), got = logits_of(quantized);
  CHECK(relative_error(got, expected) < 0.2);
  CHECK(relative_error(got, expected) > 0.01);
  CHECK(
      relative_error(logits_of(quantize(model, WeightFormat::Int8)), expected) < 0.02);
  CHECK(at::equal(logits_of(copy_model(quantized)), got));
}

TEST_CASE("encoders of a quantized model compute nearly the same, always in 8 bits") {
  const at::NoGradGuard no_grad;
  torch::manual_seed(3);
  OmniModel model = testing::make_tiny_model();
  const ProcessedImage image{at::randn({16, 8 * 8 * 3}), {1, 4, 4}};
  const at::Tensor mel =
      at::randn({40, model->config.audio->encoder.num_mels}) * 3.0 - 6.0;
  const at::Tensor seen = model->image_rows({image});
  const at::Tensor heard = model->sound_rows({mel}).rows;
  for (const WeightFormat format : {WeightFormat::Int8, WeightFormat::Int4}) {
    OmniModel quantized = quantize(model, format);
    CHECK(
        quantized->vit->quantizable().front()->packed()->format == WeightFormat::Int8);
    const double of_seen = relative_error(quantized->image_rows({image}), seen);
    const double of_heard = relative_error(quantized->sound_rows({mel}).rows, heard);
    CHECK(of_seen < 0.03);
    CHECK(of_heard < 0.03);
    CHECK(of_seen > 1e-4); // by no means the same
    CHECK(of_heard > 1e-4);
  }
}

TEST_CASE("logits need no guard, and a gradient is refused") {
  OmniModel model = quantize(testing::make_tiny_model(), WeightFormat::Int8);
  CHECK_FALSE(model->logits(at::arange(4).view({1, 4})).requires_grad());
  model->transformer->table->weight.set_requires_grad(true);
  CHECK_THROWS_WITH(
      model->logits(at::arange(4).view({1, 4})),
      Contains("expected no gradient through a quantized weight"));
}

TEST_CASE("a model cast to another dtype keeps its panels") {
  OmniModel model = quantize(testing::make_tiny_model(), WeightFormat::Int4);
  const at::Tensor panels = model->named_buffers()[kQkv + "panels"];
  const at::Tensor before = panels.clone(), expected = logits_of(model);
  model->to(at::kBFloat16);
  CHECK(model->dtype() == at::kBFloat16);
  CHECK(panels.scalar_type() == at::kByte);
  CHECK(at::equal(panels, before));
  CHECK(relative_error(logits_of(model), expected) < 0.05);
  model->to(at::kCPU, at::kFloat);
  model->to(at::kCPU);
  CHECK(at::equal(panels, before));
  CHECK_THROWS_WITH(
      model->transformer->quantizable().front()->to(at::kMeta, false),
      Contains("expected device cpu or cuda for a quantized weight, got meta"));
}

TEST_CASE("steps see panels that were replaced since the last one") {
  const at::NoGradGuard no_grad;
  const auto step = [](OmniModel& model) {
    const at::Tensor positions = at::zeros({1, 1, 3});
    KvCache cache(*model->config.transformer, {});
    const at::Tensor row = model->transformer->embed(at::full({1, 1}, 7, at::kLong));
    return model->transformer->forward({row, positions, {}}, cache);
  };
  OmniModel model = quantize(testing::make_tiny_model(1), WeightFormat::Int8);
  OmniModel other = quantize(testing::make_tiny_model(2), WeightFormat::Int8);
  model->transformer->table->weight.copy_(other->transformer->table->weight);
  const at::Tensor before = step(model), expected = step(other);
  CHECK_FALSE(at::equal(before, expected));
  const auto buffers = other->named_buffers();
  for (auto& item : model->named_buffers()) {
    if (item.key().ends_with(".panels")) {
      item.value().set_data(buffers[item.key()].clone());
    }
  }
  CHECK(at::equal(step(model), expected));
}

TEST_CASE("a copy of a quantized model has the same values in memory of its own") {
  OmniModel model = quantize(testing::make_tiny_model(), WeightFormat::Int8);
  const OmniModel copy = copy_model(model);
  const at::Tensor expected = logits_of(model);
  CHECK(copy->config.weight_format == WeightFormat::Int8);
  CHECK(at::equal(logits_of(copy), expected));
  model->named_buffers()[kQkv + "panels"].zero_();
  CHECK_FALSE(at::equal(logits_of(model), expected));
  CHECK(at::equal(logits_of(copy), expected));
}

TEST_CASE("a model made with a format has random weights in it") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  config.weight_format = WeightFormat::Int8;
  torch::manual_seed(0);
  OmniModel made(config, nullptr);
  made->eval();
  const OmniModel expected = quantize(testing::make_tiny_model(), WeightFormat::Int8);
  CHECK(at::equal(logits_of(made), logits_of(expected)));
}

TEST_CASE("what cannot be quantized says why") {
  OmniModel model = testing::make_tiny_model();
  CHECK_THROWS_WITH(
      quantize(quantize(model, WeightFormat::Int4), WeightFormat::Int8),
      Contains("expected a model of floating weights, got \"tiny\" of int4 weights"));
  CHECK_THROWS_WITH(quantize(model, WeightFormat::Bfloat16), Contains("got bfloat16"));
  OmniConfig config = model->config;
  config.transformer.reset();
  config.vision.reset();
  config.audio.reset();
  config.has_drawing_places = false;
  CHECK_THROWS_WITH(
      quantize(OmniModel(config, nullptr), WeightFormat::Int8),
      Contains("expected a model with a transformer or an encoder, got \"tiny\" "
               "without one"));
  OmniModel moved = copy_model(model);
  at::Tensor& table = moved->transformer->table->weight;
  table = table.to(at::kMeta);
  CHECK_THROWS_WITH(
      quantize(moved, WeightFormat::Int8),
      Contains("expected a model on cpu, got one on meta"));
  const at::NoGradGuard no_grad;
  model->named_parameters()["transformer.layers.1.feed_forward.down.weight"][3][5] =
      std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(
      quantize(model, WeightFormat::Int8),
      Contains("got NaN or infinity in transformer.layers.1.feed_forward.down.weight"));
}

} // namespace omni
