// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// What the joint objective is taught, id by id.
#include "omni/train/objectives/joint_batch.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "omni/core/file_io.h"
#include "omni/train/objectives/objectives.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

constexpr const char* kSpoken = R"({"kind": "spoken", "messages": [
  {"role": "user", "content": "say it"},
  {"role": "assistant", "content": [{"type": "text", "text": "this one"},
    {"type": "speech", "file": "1.wav", "text": "this one",
     "words": [["this", 0.0], ["one", 0.2]]}]}]})";
constexpr const char* kDrawn = R"({"kind": "drawn", "messages": [
  {"role": "user", "content": [{"type": "image", "file": "0.png"},
    {"type": "text", "text": "change it"}]},
  {"role": "assistant", "content": [{"type": "image", "file": "0.png"}]}]})";

// Samples of a folder, in batches of the tiny model.
class Batches {
 public:
  explicit Batches(const char* json = nullptr, ObjectiveOptions options = {}) {
    testing::write_samples(folder_ / "data", 4);
    for (int i = 0; json != nullptr && i < 4; ++i) {
      write_file(folder_ / "data" / ("s" + std::to_string(i) + ".json"), json);
    }
    config.options = options;
    config.options.pack_tokens = 160;
    dataset_.emplace(folder_ / "data");
    model->train();
  }

  std::unique_ptr<JointBatch> build(
      const std::vector<int64_t>& indices,
      bool is_training) {
    std::vector<Sample> samples;
    std::vector<SampleAddress> addresses;
    for (const int64_t i : indices) {
      samples.push_back(dataset_->read(i));
      addresses.push_back({0, i, static_cast<uint64_t>(1000 + i)});
    }
    return JointBatchBuilder(config, model).build(samples, addresses, is_training);
  }

  std::map<std::string, double> sums(const std::vector<int64_t>& indices) {
    const at::NoGradGuard guard;
    const auto batch = build(indices, false);
    std::map<std::string, double> sums;
    const auto objective = make_joint_objective(config, model);
    for (const LossTerm& term : objective->loss(*batch, {0, 1}).terms) {
      sums[term.name] += term.sum.item<double>();
    }
    return sums;
  }

  TrainConfig config;
  OmniModel model = testing::make_tiny_model();

 private:
  test::TemporaryFolder folder_;
  std::optional<Dataset> dataset_;
};

TEST_CASE(
    "every learned row predicts the next id, and where text ends before speech, eos") {
  const char* json = GENERATE(static_cast<const char*>(nullptr), kSpoken, kDrawn);
  Batches batches(json);
  const TokenSpace& space = batches.model->config.token_space;
  const auto batch = batches.build({0, 1, 2, 3}, false);
  const at::Tensor ids = batch->ids.flatten();
  const auto id = [&](int64_t row) { return ids[row].item<int64_t>(); };
  std::map<int64_t, int64_t> ends; // rows taught eos, by the id that follows
  for (const auto& [name, term] : batch->supervised) {
    REQUIRE(term.rows.size() == term.targets.size());
    CHECK(batch->counts.at(name) == static_cast<double>(term.rows.size()));
    for (size_t i = 0; i < term.rows.size(); ++i) {
      const int64_t next = id(term.rows[i] + 1);
      if (term.targets[i] == space.control("eos")) {
        ++ends[next];
      } else {
        CHECK(term.targets[i] == next);
      }
      const bool is_code = space.range(Segment::Image).contains(term.targets[i]);
      CHECK(is_code == (name == "image_codes"));
      CHECK_FALSE(space.range(Segment::Spelling).contains(term.targets[i]));
    }
  }
  CHECK(ends[space.control("eos")] == 4); // of every turn
  CHECK(ends[space.control("speech_begin")] == (json == kSpoken ? 4 : 0));
  CHECK(ends.size() == 2);
}

TEST_CASE("a packed batch has the losses of its samples one by one") {
  Batches batches;
  const auto packed = batches.sums({0, 1, 2, 3});
  REQUIRE(packed.size() == 5);
  std::map<std::string, double> alone;
  for (const int64_t i : {0, 1, 2, 3}) {
    for (const auto& [name, sum] : batches.sums({i})) {
      alone[name] += sum;
    }
  }
  for (const auto& [name, sum] : packed) {
    INFO(name);
    CHECK(sum == Approx(alone.at(name)).epsilon(2e-5));
  }
  batches.config.options.pack_tokens = 4096; // one row, nothing between
  CHECK(batches.build({0, 1, 2, 3}, false)->ids.size(0) == 1);
  for (const auto& [name, sum] : batches.sums({0, 1, 2, 3})) {
    CHECK(sum == Approx(packed.at(name)).epsilon(2e-5));
  }
}

TEST_CASE("terms that are differentiated together have their own scales") {
  Batches batches;
  const at::Tensor table = batches.model->transformer->table->weight;
  const auto objective = make_joint_objective(batches.config, batches.model);
  const auto batch = batches.build({0, 1, 2}, false);
  const auto gradient = [&](const std::map<std::string, double>& scales) {
    batch->scales = scales;
    const Losses losses = objective->loss(*batch, {1, 1}); // without side losses
    double sum = 0.0;
    for (const LossTerm& term : losses.terms) {
      CHECK(term.is_scaled);
      CHECK_FALSE(term.sum.requires_grad());
      sum += scales.at(term.name) * term.sum.item<double>();
    }
    CHECK(losses.scaled.item<double>() == Approx(sum).epsilon(1e-5));
    return torch::autograd::grad({losses.scaled}, {table})[0];
  };
  const double scale[] = {0.5, 2.0, -1.5};
  at::Tensor wanted = at::zeros_like(table);
  std::map<std::string, double> scales;
  int64_t i = 0;
  for (const auto& [name, term] : batch->supervised) {
    std::map<std::string, double> alone;
    for (const auto& [other, unused] : batch->supervised) {
      alone[other] = other == name ? 1.0 : 0.0;
    }
    scales[name] = scale[i++];
    wanted += gradient(alone) * scales[name];
  }
  REQUIRE(i == 3);
  // Of the whole: single elements are small differences of large sums.
  const double error = (gradient(scales) - wanted).norm().item<double>();
  CHECK(error < 1e-5 * wanted.norm().item<double>());
}

TEST_CASE("wrong speech codes are put into the input of training alone") {
  ObjectiveOptions options;
  options.speech_code_noise = 0.5;
  Batches batches(kSpoken, options);
  const auto clean = batches.build({0, 1, 2, 3}, false);
  const auto noisy = batches.build({0, 1, 2, 3}, true);
  const IdRange codes = batches.model->config.token_space.range(Segment::Speech);
  REQUIRE(noisy->ids.sizes() == clean->ids.sizes());
  const at::Tensor is_code =
      clean->ids.ge(codes.begin).logical_and(clean->ids.lt(codes.end));
  const at::Tensor differs = clean->ids.ne(noisy->ids);
  CHECK_FALSE(differs.logical_and(is_code.logical_not()).any().item<bool>());
  CHECK(noisy->ids.masked_select(differs).ge(codes.begin).all().item<bool>());
  CHECK(noisy->ids.masked_select(differs).lt(codes.end).all().item<bool>());
  // Half of them, less those that fell on themselves (1 in 16).
  const double share = differs.sum().item<double>() / is_code.sum().item<double>();
  CHECK(share > 0.25);
  CHECK(share < 0.65);
  for (const auto& [name, term] : clean->supervised) {
    CHECK(noisy->supervised.at(name).targets == term.targets);
    CHECK(noisy->supervised.at(name).rows == term.rows);
  }
}

TEST_CASE("wrong image codes are put into what is drawn, a share of its own each") {
  ObjectiveOptions options;
  options.image_code_noise = 1.0;
  options.null_prompt_share = 0.0;
  Batches batches(kDrawn, options);
  const IdRange codes = batches.model->config.token_space.range(Segment::Image);
  std::vector<double> shares;
  for (int64_t i = 0; i < 4; ++i) {
    const auto clean = batches.build({i}, false);
    const auto noisy = batches.build({i}, true);
    REQUIRE(noisy->ids.sizes() == clean->ids.sizes());
    const auto& term = clean->supervised.at("image_codes");
    CHECK(noisy->supervised.at("image_codes").targets == term.targets);
    CHECK(noisy->supervised.at("image_codes").rows == term.rows);
    const at::Tensor differs = clean->ids.ne(noisy->ids).view({-1});
    // Only the codes of the answer: those of the picture to be changed are kept.
    const at::Tensor answered =
        at::zeros_like(differs).index_fill_(0, at::tensor(term.rows) + 1, 1);
    CHECK_FALSE(differs.logical_and(answered.logical_not()).any().item<bool>());
    const at::Tensor put = noisy->ids.view({-1}).masked_select(differs);
    CHECK(put.ge(codes.begin).logical_and(put.lt(codes.end)).all().item<bool>());
    shares.push_back(
        differs.sum().item<double>() / static_cast<double>(term.rows.size()));
  }
  std::sort(shares.begin(), shares.end());
  CHECK(shares.front() < 0.6);
  CHECK(shares.back() > shares.front() + 0.1);
}

TEST_CASE("a dropped prompt is the one that guidance draws from") {
  ObjectiveOptions options;
  options.null_prompt_share = 1.0;
  Batches batches(kDrawn, options);
  const TokenSpace& space = batches.model->config.token_space;
  const auto dropped = batches.build({0}, true);
  const std::vector<const char*> wanted = {
      "bos", "user", "null", "assistant", "draw_begin"};
  for (size_t i = 0; i < wanted.size(); ++i) {
    CHECK(
        dropped->ids[0][static_cast<int64_t>(i)].item<int64_t>() ==
        space.control(wanted[i]));
  }
  CHECK(dropped->items.empty());
  const auto kept = batches.build({0}, false); // not when evaluating
  CHECK(kept->items.size() == 1);
  // The picture is there twice: as rows, and as codes that are not learned.
  const IdRange codes = space.range(Segment::Image);
  const auto num_codes = [&](const at::Tensor& ids) {
    return ids.ge(codes.begin).logical_and(ids.lt(codes.end)).sum().item<int64_t>();
  };
  CHECK(num_codes(kept->ids) == 2 * num_codes(dropped->ids));
  CHECK(
      kept->supervised.at("image_codes").rows.size() ==
      static_cast<size_t>(num_codes(dropped->ids)));
  Batches spoken(kSpoken, options); // only what is drawn can be dropped
  CHECK_FALSE(
      spoken.build({0}, true)->ids.eq(space.control("null")).any().item<bool>());
}

TEST_CASE("a conversation too long for the model is refused by its name") {
  std::string text;
  for (int i = 0; i < 600; ++i) {
    text += "word ";
  }
  const std::string json = R"({"messages": [{"role": "user", "content": ")" + text +
      R"("}, {"role": "assistant", "content": "yes"}]})";
  Batches batches(json.c_str());
  CHECK_THROWS_WITH(
      batches.build({2}, true),
      omni::testing::Contains("s2: expected at most 512 tokens"));
}

} // namespace
} // namespace omni
