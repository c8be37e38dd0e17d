// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/omni_model.h"

#include <ATen/ATen.h>

#include "omni/model/sequence_builder.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;

EncodedMedia rows_of(int64_t count, float value) {
  return {at::full({count, 32}, value), at::zeros({count, 3})};
}

// A sequence of two text ids, `first` slots of item 0, one id, `second` slots of
// item 1.
TokenSequence sequence_of(const OmniModel& model, int64_t first, int64_t second) {
  SequenceBuilder builder(model->config.token_space, 2);
  const int64_t slot = model->config.token_space.control("image_slot");
  builder.push({268, 265});
  builder.push_media(Modality::Image, 0, slot, at::zeros({first, 3}));
  builder.push(266);
  builder.push_media(Modality::Video, 1, slot, at::zeros({second, 3}));
  return builder.take();
}

} // namespace

TEST_CASE("media rows stand in their slots, table rows everywhere else") {
  const at::NoGradGuard guard;
  OmniModel model = testing::make_tiny_model();
  const TokenSequence sequence = sequence_of(model, 3, 2);
  const at::Tensor rows = model->embed(sequence, {rows_of(3, 5.0F), rows_of(2, 7.0F)});
  REQUIRE(rows.sizes() == at::IntArrayRef({8, 32}));
  const at::Tensor table = model->transformer->table->weight;
  CHECK(at::equal(rows[0], table[268]));
  CHECK(at::equal(rows[1], table[265]));
  CHECK(rows.narrow(0, 2, 3).eq(5.0).all().item<bool>());
  CHECK(at::equal(rows[5], table[266]));
  CHECK(rows.narrow(0, 6, 2).eq(7.0).all().item<bool>());
}

TEST_CASE("a code knows its place in the drawing") {
  const at::NoGradGuard guard;
  OmniModel model = testing::make_tiny_model();
  const TokenSpace& space = model->config.token_space;
  const int64_t code = space.range(Segment::Image).begin + 3;
  SequenceBuilder builder(space, 2);
  builder.push_control("draw_begin");
  builder.push({code, code, code, code});
  builder.push_control("draw_end");
  const TokenSequence sequence = builder.take();
  const at::Tensor rows = model->embed(sequence, {});
  const at::Tensor table = model->transformer->table->weight;
  const at::Tensor places = model->drawing_places->weight;
  REQUIRE(places.sizes() == at::IntArrayRef({4, 32}));
  CHECK(at::equal(rows[0], table[space.control("draw_begin")]));
  CHECK(at::allclose(rows.narrow(0, 1, 4), table[code] + places));
  CHECK(at::equal(rows[5], table[space.control("draw_end")]));
  CHECK(at::equal(rows.narrow(0, 3, 3), model->embed(sequence.from(3), {})));
}

TEST_CASE("a tail of a sequence takes the last rows of an item") {
  const at::NoGradGuard guard;
  OmniModel model = testing::make_tiny_model();
  const TokenSequence tail = sequence_of(model, 3, 2).from(4);
  EncodedMedia first = rows_of(3, 0.0F);
  first.rows[2].fill_(9.0);
  const at::Tensor rows = model->embed(tail, {first, rows_of(2, 7.0F)});
  REQUIRE(rows.size(0) == 4);
  CHECK(rows[0].eq(9.0).all().item<bool>());
  CHECK(rows[2].eq(7.0).all().item<bool>());
}

TEST_CASE("rows and slots that disagree are named with both counts") {
  OmniModel model = testing::make_tiny_model();
  const TokenSequence sequence = sequence_of(model, 3, 2);
  const auto embed = [&](int64_t first, int64_t second) {
    return model->embed(sequence, {rows_of(first, 0.0F), rows_of(second, 0.0F)});
  };
  CHECK_NOTHROW(embed(3, 2));
  CHECK_THROWS_WITH(
      embed(3, 5),
      Contains(
          "[embed] item 1 (video) produced 5 rows but the sequence holds 2 slots for "
          "it; the prompt was composed for other media."));
  CHECK_THROWS_WITH(
      embed(2, 2),
      Contains("item 0 (image) produced 2 rows but the sequence holds 3 slots"));
  CHECK_THROWS_WITH(
      model->embed(sequence, {rows_of(3, 0.0F)}),
      Contains("[embed] expected rows for item 1, got 1 items."));
}

TEST_CASE("gradients flow through embed to rows and to the table") {
  OmniModel model = testing::make_tiny_model();
  EncodedMedia first = rows_of(3, 1.0F), second = rows_of(2, 1.0F);
  first.rows.set_requires_grad(true);
  model->embed(sequence_of(model, 3, 2), {first, second}).sum().backward();
  CHECK(first.rows.grad().eq(1.0).all().item<bool>());
  const at::Tensor grad = model->transformer->table->weight.grad().sum(-1);
  CHECK(grad[268].item<float>() == 32.0F);
  CHECK(grad[model->config.token_space.control("image_slot")].item<float>() == 0.0F);
}

TEST_CASE("logits are those of the decoder and have gradients") {
  OmniModel model = testing::make_tiny_model();
  const at::Tensor ids = at::tensor({268, 265, 266, 267, 1, 2}, at::kLong).view({2, 3});
  const at::Tensor logits = model->logits(ids);
  const int64_t vocab = model->config.transformer->vocab_size;
  REQUIRE(logits.sizes() == at::IntArrayRef({2, 3, vocab}));
  CHECK(logits.scalar_type() == at::kFloat);
  // A row of the batch is a sequence of its own; later ids do not change earlier rows.
  CHECK(
      (model->logits(ids.narrow(0, 1, 1))[0] - logits[1]).abs().max().item<double>() <
      1e-5);
  CHECK(
      (model->logits(ids.narrow(1, 0, 2)) - logits.narrow(1, 0, 2))
          .abs()
          .max()
          .item<double>() < 1e-5);
  // Against finite differences along a direction of the table.
  const at::Tensor table = model->transformer->table->weight;
  torch::manual_seed(2);
  const at::Tensor along = at::randn(table.sizes());
  const auto loss = [&] {
    return model->logits(ids).log_softmax(-1).select(2, 7).sum();
  };
  loss().backward();
  const double slope = (table.grad() * along).sum().item<double>();
  const at::NoGradGuard no_grad;
  const double step = 1e-3;
  table.add_(along, step);
  const double above = loss().item<double>();
  table.add_(along, -2 * step);
  const double below = loss().item<double>();
  CHECK((above - below) / (2 * step) == Approx(slope).epsilon(0.01));
}

TEST_CASE("ids that are no batch, and a model without a decoder, are refused") {
  OmniModel model = testing::make_tiny_model();
  CHECK_THROWS_WITH(
      model->logits(at::zeros({3}, at::kLong)),
      Contains("[model] expected `ids` [-1, -1], got [3]"));
  OmniConfig config = parse_config(testing::tiny_config_json());
  config.transformer.reset();
  config.name = "eyes";
  OmniModel only_codecs(config, nullptr);
  CHECK_THROWS_WITH(
      only_codecs->logits(at::zeros({1, 3}, at::kLong)),
      Contains(
          "[model] expected a model with a transformer, got \"eyes\" without one."));
  CHECK_THROWS_WITH(only_codecs->embed({}, {}), Contains("\"eyes\" without one"));
}

TEST_CASE("several items are encoded as each by itself") {
  const at::NoGradGuard guard;
  OmniModel model = testing::make_tiny_model();
  torch::manual_seed(4);
  const Image picture{at::randint(0, 255, {20, 30, 3}).to(at::kByte), "picture"};
  const auto sound = [](double seconds) {
    return Waveform{
        at::randn({static_cast<int64_t>(seconds * 16000)}) * 0.1, 16000, "s"};
  };
  VideoClip clip;
  clip.frames = at::randint(0, 255, {4, 16, 16, 3}).to(at::kByte);
  clip.times_seconds = at::arange(4, at::kDouble) * 0.5;
  clip.audio = sound(1.7);
  clip.duration_seconds = 2.0;
  const std::vector<ProcessedMedia> items = {
      model->processor.process(sound(0.4)), model->processor.process(picture),
      model->processor.process(clip), model->processor.process(sound(2.0))};
  const std::vector<EncodedMedia> together = model->encode(items);
  REQUIRE(together.size() == 4);
  for (size_t i = 0; i < items.size(); ++i) {
    INFO("item " << i);
    const EncodedMedia alone = model->encode({items[i]}).front();
    REQUIRE(together[i].rows.sizes() == at::IntArrayRef({items[i].num_rows, 32}));
    CHECK((together[i].rows - alone.rows).abs().max().item<double>() < 1e-4);
    CHECK(at::equal(together[i].positions, items[i].positions));
  }
  CHECK(model->encode({}).empty());
}

TEST_CASE("dtype, device and the number of parameters") {
  OmniModel model = testing::make_tiny_model();
  CHECK(model->dtype() == at::kFloat);
  CHECK(model->device() == at::kCPU);
  int64_t total = 0;
  for (const at::Tensor& parameter : model->parameters()) {
    total += parameter.numel();
  }
  CHECK(model->num_parameters() == total);
  model->to(at::kBFloat16);
  CHECK(model->dtype() == at::kBFloat16);
}

} // namespace omni
