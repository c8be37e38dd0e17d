// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Every option of sampling text reaches the draw of an id.
#include <algorithm>
#include <set>

#include "omni/generate/generator.h"
#include "tests/support/catch.h"
#include "tests/support/scripted_model.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using Ids = std::vector<int64_t>;

// `said` is text of the prompt.
Ids text_of(OmniModel& model, SamplingOptions sampling, const Ids& said = {}) {
  sampling.max_text_tokens = 16;
  sampling.max_images = 0;
  const TokenSpace& space = model->config.token_space;
  SequenceBuilder builder(space, 2);
  builder.push_control("bos");
  builder.push_control("user");
  builder.push(said);
  builder.push_control("assistant");
  KvCache cache(*model->config.transformer, {.capacity_tokens = 64});
  GenerateRequest request;
  request.sampling = std::move(sampling);
  return Generator(model).run(builder, cache, {}, request).ids;
}

} // namespace

TEST_CASE("what leaves only the likeliest id gives the greedy answer") {
  OmniModel model = testing::make_tiny_model();
  const Ids greedy = text_of(model, {});
  SamplingOptions sampling;
  sampling.temperature = 2.0;
  sampling.seed = 3;
  REQUIRE(text_of(model, sampling) != greedy);
  SECTION("top_k") {
    sampling.top_k = 1;
  }
  SECTION("top_p") {
    sampling.top_p = 1e-6;
  }
  SECTION("min_p") {
    sampling.min_p = 0.9999;
  }
  CHECK(text_of(model, sampling) == greedy);
}

TEST_CASE("ids of the answer so far are penalised") {
  OmniModel model = testing::make_tiny_model();
  const auto num_distinct = [](const Ids& ids) {
    return std::set<int64_t>(ids.begin(), ids.end()).size();
  };
  const Ids plain = text_of(model, {});
  REQUIRE(num_distinct(plain) < plain.size());
  SamplingOptions sampling;
  sampling.repetition_penalty = 100.0;
  CHECK(num_distinct(text_of(model, sampling)) > num_distinct(plain));
}

TEST_CASE("ids of the prompt are penalised for repetition") {
  testing::ScriptedModel script;
  constexpr int64_t kThe = 265, kDot = 266; // tiny_unigram
  const int64_t eos = script.control("eos");
  script.follow(script.control("assistant"), kThe).follow(kThe, eos).follow(kDot, eos);
  {
    const at::NoGradGuard no_grad;
    const at::Tensor& head_VD = script.model->transformer->head->weight;
    head_VD[kDot].copy_(head_VD[kThe] / 2); // logits about 57 and 28
  }
  SamplingOptions sampling;
  sampling.repetition_penalty = 3.0; // 57 / 3 is less
  CHECK(text_of(script.model, {}, {kThe}) == Ids{kThe, eos});
  CHECK(text_of(script.model, sampling) == Ids{kThe, eos});
  CHECK(text_of(script.model, sampling, {kThe}) == Ids{kDot, eos});
}

TEST_CASE("penalties on presence and frequency are those of the answer's own text") {
  testing::ScriptedModel script;
  constexpr int64_t kThe = 265, kDot = 266; // tiny_unigram
  const int64_t eos = script.control("eos");
  script.follow(script.control("assistant"), kThe).follow(kThe, kThe);
  {
    const at::NoGradGuard no_grad;
    const at::Tensor& head_VD = script.model->transformer->head->weight;
    head_VD[kDot].copy_(head_VD[kThe] / 2); // logits about 57 and 28
  }
  script.follow(kDot, eos);
  const auto answer = [&](double presence, double frequency) {
    SamplingOptions sampling;
    sampling.presence_penalty = presence;
    sampling.frequency_penalty = frequency;
    return text_of(script.model, sampling, {kThe, kThe, kThe});
  };
  Ids endless(16, kThe);
  endless.push_back(eos);
  CHECK(text_of(script.model, {}) == endless);
  CHECK(answer(0.0, 0.0) == endless);
  CHECK(answer(12.0, 0.0) == endless);
  CHECK(answer(30.0, 0.0) == Ids{kThe, kDot, eos});
  CHECK(answer(0.0, 12.0) == Ids{kThe, kThe, kThe, kDot, eos});
  CHECK(answer(12.0, 12.0) == Ids{kThe, kThe, kDot, eos});
  CHECK(answer(30.0, -12.0) == endless);
}

TEST_CASE("what a request leaves open is drawn as the model recommends") {
  OmniModel model = testing::make_tiny_model();
  SamplingOptions open;
  open.seed = 3;
  SamplingOptions warm = open;
  warm.temperature = 2.0;
  SamplingOptions cold = open;
  cold.temperature = 0.0;
  const Ids greedy = text_of(model, open); // the neutral temperature is 0
  const Ids drawn = text_of(model, warm);
  REQUIRE(greedy != drawn);
  model->sampling_defaults.temperature = 2.0;
  CHECK(text_of(model, open) == drawn);
  CHECK(text_of(model, cold) == greedy);
}

} // namespace omni
