// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Answers whose ids are computed at addresses that stay, as they are and by replay, are
// the answers without.
#include <ATen/ATen.h>

#include "kernels/load_cuda.h"
#include "omni/generate/generator.h"
#include "omni/transformer/static_step.h"
#include "tests/support/catch.h"
#include "tests/support/recorded_calls.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using testing::make_attentive_model;
using testing::RecordedCalls;
using Ids = std::vector<int64_t>;

// Few rows at first, so that the cache grows while it answers.
GenerateResult
answer(OmniModel& model, Generator& generator, const SamplingOptions& sampling) {
  const TokenSpace& space = model->config.token_space;
  SequenceBuilder builder(space, 2);
  for (const char* role : {"bos", "user", "assistant"}) {
    builder.push_control(role);
  }
  KvCache cache(*model->config.transformer, {.capacity_tokens = 8, .slack_tokens = 3});
  GenerateRequest request;
  request.sampling = sampling;
  request.wants_log_probabilities = true;
  request.spell_words = [&](const Ids&) {
    const int64_t letter = space.range(Segment::Spelling).begin;
    return std::vector<Ids>{{letter, letter + 1}, {letter + 2}};
  };
  return generator.run(builder, cache, {}, request);
}

// With it and without, drawn warm so that a wrong logit is another answer.
int64_t num_recordings_of_same_answer(OmniModel& model, SamplingOptions sampling) {
  sampling.temperature = 1.0;
  sampling.image_temperature = 1.0;
  sampling.speech_temperature = 1.0;
  sampling.seed = 5;
  sampling.max_text_tokens = 30;
  sampling.max_speech_codes = 20;
  Generator plain(model), captured(model, {.captures_decode = true});
  REQUIRE(plain.static_step() == nullptr);
  REQUIRE(captured.static_step() != nullptr);
  const GenerateResult expected = answer(model, plain, sampling);
  const GenerateResult got = answer(model, captured, sampling);
  CHECK(expected.ids.size() > 5);
  CHECK(got.ids == expected.ids);
  CHECK(got.reason == expected.reason);
  CHECK(at::allclose(
      at::tensor(got.log_probabilities), at::tensor(expected.log_probabilities), 1e-4,
      1e-4, /*equal_nan=*/true));
  return captured.static_step()->num_recordings();
}

void check_same_answers(at::Device device) {
  OmniModel model = make_attentive_model();
  model->to(device);
  SamplingOptions text;
  text.max_images = 0;
  CHECK(num_recordings_of_same_answer(model, text) >= 2);
  OmniModel sliding = make_attentive_model({.sliding_window = 4});
  sliding->to(device);
  CHECK(num_recordings_of_same_answer(sliding, text) >= 2);
  // A picture, guided: what it is compared with has a step of its own.
  SamplingOptions picture;
  picture.modalities = {Modality::Image};
  picture.image_guidance_scale = 2.0;
  CHECK(num_recordings_of_same_answer(model, picture) >= 1);
  SamplingOptions speech;
  speech.modalities = {Modality::Text, Modality::Speech};
  CHECK(num_recordings_of_same_answer(model, speech) >= 2);
}

} // namespace

TEST_CASE("a captured step answers as the plain one does") {
  check_same_answers(at::kCPU);
}

// Hidden: tests/run.sh --gpu asks for it. By a CUDA graph.
TEST_CASE("a captured step answers as the plain one does on a device", "[.device]") {
  kernels::load_cuda_ops();
  check_same_answers(at::kCUDA);
}

TEST_CASE("a captured step that is only replayed answers so too") {
  const RecordedCalls graphs;
  check_same_answers(at::kCPU);
  CHECK(graphs.counts().replays > 60);
  CHECK(graphs.counts().recordings < graphs.counts().replays / 2);
}

TEST_CASE("a model with experts answers as if nothing was asked for") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  ExpertsConfig& experts = config.transformer->layers.front().experts;
  experts.num_experts = 4;
  experts.experts_per_token = 2;
  experts.width = 16;
  OmniModel model(config, testing::make_tiny_model()->tokenizer);
  model->eval();
  Generator plain(model), captured(model, {.captures_decode = true});
  CHECK(captured.static_step() == nullptr);
  CHECK(answer(model, captured, {}).ids == answer(model, plain, {}).ids);
}

} // namespace omni
