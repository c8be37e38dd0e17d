// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/conformer.h"

#include <ATen/autocast_mode.h>

#include "tests/encoders/filled.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using omni::testing::filled;
using omni::testing::max_difference;

namespace {

ConformerOptions tiny(ConformerPositions positions) {
  ConformerOptions options;
  options.num_mels = 5;
  options.width = 16;
  options.num_layers = 2;
  options.num_heads = 2;
  options.feed_forward_width = 24;
  options.kernel_size = 5;
  options.num_ctc_labels = 7;
  options.positions = positions;
  return options;
}

Conformer filled_conformer(ConformerPositions positions) {
  Conformer conformer(tiny(positions));
  omni::testing::fill_parameters(*conformer);
  return conformer;
}

// The sounds of tests/golden/make_encoder_golden.py.
const std::vector<int64_t> kLengths = {23, 9, 14};

at::Tensor sound(size_t i) {
  return (filled("sound" + std::to_string(i), {kLengths[i], 5}) * 10.0 - 4.0)
      .to(at::kFloat);
}

// [3, T, 5], what lies beyond a length is `padding`.
at::Tensor padded_sounds(int64_t num_frames, double padding) {
  at::Tensor mel = at::full({3, num_frames, 5}, padding, at::kFloat);
  for (size_t i = 0; i < kLengths.size(); ++i) {
    mel[static_cast<int64_t>(i)].narrow(0, 0, kLengths[i]).copy_(sound(i));
  }
  return mel;
}

ConformerPositions both_kinds() {
  return GENERATE(ConformerPositions::Rotary, ConformerPositions::Relative);
}

} // namespace

TEST_CASE("a padded batch equals the plain twin one by one", "[conformer]") {
  const auto kind = both_kinds();
  Conformer conformer = filled_conformer(kind);
  conformer->eval();
  omni::testing::GoldenReader golden(
      kind == ConformerPositions::Rotary ? "conformer_rotary.bin"
                                         : "conformer_relative.bin",
      at::kFloat);
  const auto output = conformer->forward(padded_sounds(26, 3.0), at::tensor(kLengths));
  REQUIRE(output.rows.sizes() == at::IntArrayRef({3, 7, 16}));
  CHECK(at::equal(output.lengths, at::tensor({6, 3, 4}, at::kLong)));
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t length = output.lengths[i].item<int64_t>();
    const at::Tensor expected = golden.next({length, 16});
    CHECK(max_difference(output.rows[i].narrow(0, 0, length), expected) < 2e-5);
    CHECK(
        output.rows[i].narrow(0, length, 7 - length).abs().max().item<float>() == 0.0f);
  }
  CHECK(golden.is_empty());
}

TEST_CASE("padding never changes valid rows", "[conformer]") {
  const auto kind = both_kinds();
  Conformer conformer = filled_conformer(kind);
  conformer->eval();
  const at::Tensor lengths = at::tensor(kLengths);
  const auto reference = conformer->forward(padded_sounds(23, 0.0), lengths);
  const auto other = conformer->forward(padded_sounds(40, 1e4), lengths);
  const auto infinite = conformer->forward(
      padded_sounds(23, std::numeric_limits<float>::quiet_NaN()), lengths);
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t length = reference.lengths[i].item<int64_t>();
    const at::Tensor rows = reference.rows[i].narrow(0, 0, length);
    CHECK(max_difference(rows, other.rows[i].narrow(0, 0, length)) < 1e-5);
    CHECK(max_difference(rows, infinite.rows[i].narrow(0, 0, length)) < 1e-5);
    const auto at_i = static_cast<size_t>(i);
    const auto alone = conformer->forward(
        sound(at_i).unsqueeze(0), at::tensor({kLengths[at_i]}, at::kLong));
    REQUIRE(alone.rows.size(1) == length);
    CHECK(max_difference(rows, alone.rows[0]) < 1e-5);
  }
}

TEST_CASE("num_rows is a quarter, rounded up", "[conformer]") {
  Conformer conformer = filled_conformer(ConformerPositions::Rotary);
  for (int64_t frames = 1; frames < 20; ++frames) {
    const int64_t expected = (frames + 3) / 4;
    CHECK(ConformerImpl::num_rows(frames) == expected);
    const auto output =
        conformer->forward(at::zeros({1, frames, 5}), at::tensor({frames}, at::kLong));
    CHECK(output.rows.size(1) == expected);
    CHECK(output.lengths[0].item<int64_t>() == expected);
  }
}

TEST_CASE("every parameter of Conformer has the right slope", "[conformer]") {
  const auto kind = both_kinds();
  Conformer conformer = filled_conformer(kind);
  conformer->to(at::kDouble);
  const at::Tensor mel = padded_sounds(24, 0.0).to(at::kDouble);
  const auto loss = [&] {
    const auto output = conformer->forward(mel, at::tensor(kLengths));
    const at::Tensor logits = conformer->ctc_logits(output.rows);
    return (logits * filled("loss", logits.sizes())).sum();
  };
  loss().backward();
  const at::NoGradGuard no_grad;
  for (auto& entry : conformer->named_parameters()) {
    at::Tensor& parameter = entry.value();
    const at::Tensor direction = filled("direction", parameter.sizes());
    const double slope = (parameter.grad() * direction).sum().item<double>();
    const double step = 1e-6;
    parameter.add_(direction, step);
    const double after = loss().item<double>();
    parameter.sub_(direction, 2 * step);
    const double before = loss().item<double>();
    parameter.add_(direction, step);
    CAPTURE(entry.key());
    CHECK(slope == Approx((after - before) / (2 * step)).epsilon(1e-4).margin(1e-6));
  }
}

TEST_CASE("dropout acts in training only", "[conformer]") {
  ConformerOptions options = tiny(ConformerPositions::Rotary);
  options.dropout = 0.3;
  torch::manual_seed(1);
  Conformer conformer(options);
  const at::Tensor mel = padded_sounds(23, 0.0);
  const at::Tensor lengths = at::tensor(kLengths);
  const at::Tensor first = conformer->forward(mel, lengths).rows;
  CHECK(max_difference(first, conformer->forward(mel, lengths).rows) > 1e-3);
  conformer->eval();
  const at::Tensor second = conformer->forward(mel, lengths).rows;
  CHECK(at::equal(second, conformer->forward(mel, lengths).rows));
}

TEST_CASE(
    "Conformer in bfloat16 and under autocast stays near float32",
    "[conformer]") {
  const auto kind = both_kinds();
  Conformer conformer = filled_conformer(kind);
  const at::Tensor mel = padded_sounds(23, 0.0);
  const at::Tensor lengths = at::tensor(kLengths);
  const at::Tensor exact = conformer->forward(mel, lengths).rows.detach();
  const double size = exact.abs().mean().item<double>();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const at::Tensor autocast = conformer->forward(mel, lengths).rows;
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK((autocast - exact).abs().mean().item<double>() < 0.03 * size);
  autocast.sum().backward();
  for (const auto& entry : conformer->named_parameters()) {
    if (entry.key().find("ctc_head") == std::string::npos) {
      CAPTURE(entry.key());
      REQUIRE(entry.value().grad().scalar_type() == at::kFloat);
      CHECK(entry.value().grad().isfinite().all().item<bool>());
    }
  }
  conformer->to(at::kBFloat16);
  const at::Tensor rounded = conformer->forward(mel, lengths).rows;
  CHECK(rounded.scalar_type() == at::kBFloat16);
  CHECK((rounded.to(at::kFloat) - exact).abs().mean().item<double>() < 0.06 * size);
  const auto maps = conformer->quantizable();
  REQUIRE_FALSE(maps.empty());
  CHECK(maps.front()->packed() == nullptr);
  const at::NoGradGuard no_grad; // with packed weights, where they are fast
  const at::Tensor fast = conformer->forward(mel, lengths).rows.to(at::kFloat);
  CHECK((fast - exact).abs().mean().item<double>() < 0.06 * size);
  for (const LinearMap& map : maps) {
    CHECK((map->packed() != nullptr) == kernels::has_fast_packed_linear());
  }
}

TEST_CASE("Conformer says what is wrong", "[conformer]") {
  ConformerOptions options = tiny(ConformerPositions::Rotary);
  options.num_ctc_labels = 0;
  Conformer headless(options);
  CHECK_THROWS_WITH(
      headless->ctc_logits(at::zeros({1, 2, 16})),
      Contains("[conformer] expected a side head, got num_ctc_labels = 0"));
  const at::Tensor mel = at::zeros({2, 8, 5});
  const auto call = [&](const std::vector<int64_t>& lengths) {
    return headless->forward(mel, at::tensor(lengths, at::kLong));
  };
  CHECK_THROWS_WITH(call({9, 3}), Contains("expected lengths in [1, 8], got 3 to 9"));
  CHECK_THROWS_WITH(call({8, 0}), Contains("got 0 to 8"));
  CHECK_THROWS_WITH(call({8}), Contains("expected `lengths` [2]"));
  CHECK_THROWS_WITH(
      headless->forward(at::zeros({2, 8, 4}), at::full({2}, 8, at::kLong)),
      Contains("expected `mel` [-1, -1, 5]"));
  CHECK_THROWS_WITH(
      headless->forward(mel, at::full({2}, 8, at::kInt)), Contains("lengths int64"));
  options.kernel_size = 4;
  CHECK_THROWS_WITH(Conformer(options), Contains("expected an odd kernel_size, got 4"));
  options.kernel_size = 5;
  options.num_heads = 3;
  CHECK_THROWS_WITH(Conformer(options), Contains("multiple of 2 * num_heads = 6"));
  options.num_heads = 2;
  options.dropout = 1.0;
  CHECK_THROWS_WITH(Conformer(options), Contains("dropout in [0, 1), got 1"));
}
