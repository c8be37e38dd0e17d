// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Every option of sampling text reaches the draw of an id.
#include <algorithm>
#include <set>

#include "omni/generate/generator.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using Ids = std::vector<int64_t>;

Ids text_of(OmniModel& model, SamplingOptions sampling) {
  sampling.max_text_tokens = 16;
  sampling.max_images = 0;
  const TokenSpace& space = model->config.token_space;
  SequenceBuilder builder(space, 2);
  for (const char* role : {"bos", "user", "assistant"}) {
    builder.push_control(role);
  }
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
