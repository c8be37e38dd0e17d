// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/vit.h"

#include <ATen/autocast_mode.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <set>

#include "encoders/dense_head.h"
#include "tests/encoders/filled.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using omni::testing::filled;
using omni::testing::max_difference;

namespace {

VitOptions tiny() {
  VitOptions options;
  options.patch_size = 2;
  options.width = 16;
  options.num_layers = 2;
  options.num_heads = 2;
  options.feed_forward_width = 24;
  return options;
}

Vit filled_vit(int64_t position_grid = 0) {
  VitOptions options = tiny();
  options.position_grid = position_grid;
  Vit vit(options);
  omni::testing::fill_parameters(*vit);
  return vit;
}

// The pictures of tests/golden/make_encoder_golden.py.
const std::vector<PatchGrid> kGrids = {{1, 4, 6}, {1, 2, 2}, {1, 4, 6}, {1, 6, 2}};

at::Tensor golden_patches() {
  std::vector<at::Tensor> pictures;
  for (size_t i = 0; i < kGrids.size(); ++i) {
    pictures.push_back(
        filled("picture" + std::to_string(i), {kGrids[i].num_patches(), 12}) * 4.0);
  }
  return at::cat(pictures).to(at::kFloat);
}

} // namespace

TEST_CASE("Vit equals its plain twin on mixed grids", "[vit]") {
  const at::Tensor expected = omni::testing::read_golden("vit.bin", at::kFloat);
  const at::Tensor rows = filled_vit()->forward(golden_patches(), kGrids);
  REQUIRE(rows.sizes() == at::IntArrayRef({16, 64}));
  CHECK(max_difference(rows.flatten(), expected) < 2e-5);
}

TEST_CASE("Vit of a batch equals its pictures one by one", "[vit]") {
  Vit vit = filled_vit();
  const at::Tensor patches = golden_patches();
  std::vector<at::Tensor> alone;
  int64_t begin = 0;
  for (const PatchGrid& grid : kGrids) {
    alone.push_back(vit->forward(patches.narrow(0, begin, grid.num_patches()), {grid}));
    begin += grid.num_patches();
  }
  CHECK(max_difference(vit->forward(patches, kGrids), at::cat(alone)) < 1e-5);
  // Equal grids take the batched path.
  const at::Tensor pair =
      at::cat({patches.narrow(0, 0, 24), patches.narrow(0, 28, 24)});
  const std::vector<PatchGrid> two = {{1, 4, 6}, {1, 4, 6}};
  CHECK(max_difference(vit->forward(pair, two), at::cat({alone[0], alone[2]})) < 1e-5);
  // So do the frames of one grid.
  CHECK(at::equal(vit->forward(pair, {{2, 4, 6}}), vit->forward(pair, two)));
  CHECK(vit->forward(patches.narrow(0, 0, 0), {}).sizes() == at::IntArrayRef({0, 64}));
}

TEST_CASE("Vit knows where a patch lies", "[vit]") {
  Vit vit = filled_vit();
  at::Tensor patches = at::zeros({24, 12});
  patches[5] = 1.0;
  const at::Tensor wide = vit->forward(patches, {{1, 4, 6}});
  CHECK(max_difference(wide, vit->forward(patches, {{1, 6, 4}})) > 1e-2);
  // Rotary positions are relative: the same difference of places acts the same, so a
  // constant picture has equal rows up to what the edges change, and no edge: equal.
  const at::Tensor flat = vit->forward(at::ones({24, 12}), {{1, 4, 6}});
  CHECK(max_difference(flat, flat.narrow(0, 0, 1).expand_as(flat)) < 1e-5);
}

TEST_CASE("Vit's table of places tells an even ground where it lies", "[vit]") {
  VitOptions options = tiny();
  options.position_grid = 4;
  Vit vit(options);
  // The table begins as sines: its first entry is row 0, column 0.
  const at::Tensor table = vit->position_embed.detach();
  REQUIRE(table.sizes() == at::IntArrayRef({4, 4, 16}));
  CHECK(table[0][0].equal(at::tensor({0, 0, 0, 0, 1, 1, 1, 1}, at::kFloat).repeat(2)));
  CHECK(table[2][3][0].item<double>() == Approx(std::sin(2.0)));
  CHECK(table[2][3][8].item<double>() == Approx(std::sin(3.0)));

  const at::Tensor flat = at::ones({24, 12});
  const at::Tensor rows = vit->forward(flat, {{1, 4, 6}});
  for (int64_t i = 1; i < 6; ++i) {
    CHECK(max_difference(rows[i], rows[0]) > 1e-2);
  }
  // The table replaces nothing: without it, what is left is the plain encoder.
  const at::NoGradGuard no_grad;
  Vit plain(tiny());
  for (auto& entry : plain->named_parameters()) {
    entry.value().copy_(vit->named_parameters()[entry.key()]);
  }
  vit->position_embed.zero_();
  CHECK(at::equal(vit->forward(flat, {{1, 4, 6}}), plain->forward(flat, {{1, 4, 6}})));
}

TEST_CASE("Vit's table is stretched to other grids, corner to corner", "[vit]") {
  VitOptions options = tiny();
  options.position_grid = 4;
  options.merge = 1;
  const at::NoGradGuard no_grad;
  // A table that grows along a row and along a column is as straight on any grid: so
  // are the places that an encoder of that very grid would have been given.
  const auto sloped = [](int64_t rows, int64_t columns) {
    const at::Tensor down = at::linspace(0, 1, rows).view({rows, 1, 1});
    const at::Tensor across = at::linspace(0, 2, columns).view({1, columns, 1});
    return (down + across) * at::linspace(-1, 1, 16);
  };
  Vit stretched(options);
  stretched->position_embed.copy_(sloped(4, 4));
  options.position_grid = 6;
  Vit exact(options);
  for (auto& entry : exact->named_parameters()) {
    if (entry.key() != "position_embed") {
      entry.value().copy_(stretched->named_parameters()[entry.key()]);
    }
  }
  exact->position_embed.copy_(sloped(6, 6));
  const at::Tensor patches = filled("picture", {36, 12}).to(at::kFloat);
  CHECK(
      max_difference(
          stretched->forward(patches, {{1, 6, 6}}),
          exact->forward(patches, {{1, 6, 6}})) < 1e-5);
  stretched->to(at::kBFloat16);
  CHECK(stretched->forward(patches, {{1, 6, 6}}).scalar_type() == at::kBFloat16);
}

TEST_CASE("Vit has the parameter names of its contract", "[vit]") {
  std::set<std::string> names;
  const Vit vit(tiny());
  for (const auto& entry : vit->named_parameters()) {
    names.insert(entry.key());
  }
  std::set<std::string> expected = {
      "patch_embed.weight", "patch_embed.bias", "norm.weight"};
  for (const std::string layer : {"layers.0.", "layers.1."}) {
    expected.insert(
        {layer + "attention_norm.weight", layer + "feed_forward_norm.weight"});
    for (const std::string map :
         {"attention.qkv", "attention.output", "feed_forward.up",
          "feed_forward.down"}) {
      expected.insert({layer + map + ".weight", layer + map + ".bias"});
    }
  }
  CHECK(names == expected);
}

TEST_CASE("Vit begins as its table says", "[vit]") {
  torch::manual_seed(3);
  VitOptions options;
  options.width = 64;
  options.num_heads = 4;
  options.feed_forward_width = 256;
  Vit vit(options);
  const auto std_of = [](const at::Tensor& x) { return x.std().item<double>(); };
  CHECK(std_of(vit->patch_embed->weight) == Approx(1 / std::sqrt(192.0)).epsilon(0.05));
  auto& layer = vit->layers[3];
  CHECK(std_of(layer->attention->qkv->weight) == Approx(1 / 8.0).epsilon(0.05));
  CHECK(std_of(layer->feed_forward->up->weight) == Approx(1 / 8.0).epsilon(0.05));
  CHECK(
      std_of(layer->feed_forward->down->weight) ==
      Approx(1 / 16.0 / std::sqrt(8.0)).epsilon(0.05));
  CHECK(layer->attention->output->bias.abs().max().item<double>() == 0.0);
  const at::Tensor first = vit->patch_embed->weight.clone();
  torch::manual_seed(3);
  vit->reset_parameters();
  const at::Tensor second = vit->patch_embed->weight.clone();
  torch::manual_seed(3);
  vit->reset_parameters();
  CHECK(at::equal(second, vit->patch_embed->weight));
}

TEST_CASE("every parameter of Vit has the slope of finite differences", "[vit]") {
  Vit vit = filled_vit(/*position_grid=*/3);
  vit->to(at::kDouble);
  const at::Tensor patches = golden_patches().to(at::kDouble);
  const auto loss = [&] {
    const at::Tensor rows = vit->forward(patches, kGrids);
    return (rows * filled("loss", rows.sizes())).sum();
  };
  loss().backward();
  const at::NoGradGuard no_grad;
  for (auto& entry : vit->named_parameters()) {
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

TEST_CASE("Vit in bfloat16 and under autocast stays near float32", "[vit]") {
  Vit vit = filled_vit();
  const at::Tensor patches = golden_patches();
  const at::Tensor exact = vit->forward(patches, kGrids).detach();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const at::Tensor autocast = vit->forward(patches, kGrids);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  const double size = exact.abs().mean().item<double>();
  CHECK((autocast - exact).abs().mean().item<double>() < 0.03 * size);
  autocast.sum().backward();
  for (const auto& parameter : vit->parameters()) {
    REQUIRE(parameter.grad().scalar_type() == at::kFloat);
    CHECK(parameter.grad().isfinite().all().item<bool>());
  }
  vit->to(at::kBFloat16);
  const at::Tensor rounded = vit->forward(patches, kGrids);
  CHECK(rounded.scalar_type() == at::kBFloat16);
  CHECK((rounded.to(at::kFloat) - exact).abs().mean().item<double>() < 0.05 * size);
}

TEST_CASE("Vit packs bfloat16 weights for rows without gradients alone", "[vit]") {
  Vit vit = filled_vit();
  vit->to(at::kBFloat16);
  const at::Tensor patches = golden_patches();
  const auto is_packed = [&] {
    const auto maps = vit->quantizable();
    return std::all_of(maps.begin(), maps.end(), [](const LinearMap& map) {
      return map->packed() != nullptr;
    });
  };
  const at::Tensor plain = vit->forward(patches, kGrids);
  CHECK_FALSE(is_packed());
  CHECK(plain.requires_grad());

  const at::NoGradGuard no_grad;
  const auto error = [&](const at::Tensor& expected) {
    const at::Tensor got = vit->forward(patches, kGrids);
    return max_difference(got.to(at::kFloat), expected.detach().to(at::kFloat));
  };
  const double size = plain.abs().max().item<double>();
  CHECK(error(plain) < 0.02 * size);
  CHECK(is_packed() == kernels::has_fast_packed_linear());
  // Weights that change are seen.
  for (const LinearMap& map : vit->quantizable()) {
    at::Tensor weight = map->weight;
    weight.mul_(0.5);
  }
  CHECK(error(plain) > 0.05 * size);
  CHECK(is_packed() == kernels::has_fast_packed_linear());
}

TEST_CASE("Vit with a dense head learns which cell is bright", "[vit][dense_head]") {
  torch::manual_seed(0);
  VitOptions options = tiny();
  Vit vit(options);
  DenseHead head(DenseHeadOptions{64, {{"brightness", 3}}});
  std::vector<at::Tensor> parameters = vit->parameters();
  const auto of_head = head->parameters();
  parameters.insert(parameters.end(), of_head.begin(), of_head.end());
  torch::optim::Adam optimizer(parameters, torch::optim::AdamOptions(4e-3));
  const std::vector<PatchGrid> grids(8, PatchGrid{1, 6, 6});
  double right = 0.0;
  for (int step = 0; step < 60; ++step) {
    // A 3 x 3 scene of three levels; 2 x 2 patches a cell, in model order.
    const at::Tensor scene = at::randint(0, 3, {8, 3, 3}, at::kLong);
    const at::Tensor patches =
        scene.view({8 * 9, 1, 1}).expand({-1, 4, 12}).reshape({-1, 12}).to(at::kFloat) -
        1.0;
    const at::Tensor noisy = patches + 0.3 * at::randn_like(patches);
    const at::Tensor rows = vit->forward(noisy, grids).view({8, 9, 64});
    const auto logits = head->forward(rows, 3, 3);
    const DenseLoss loss = head->losses(logits, {scene}).front();
    optimizer.zero_grad();
    (loss.sum / loss.count).backward();
    optimizer.step();
    right = logits[0].argmax(-1).eq(scene).to(at::kFloat).mean().item<double>();
  }
  CHECK(right > 0.95);
}

TEST_CASE("Vit says what is wrong", "[vit]") {
  Vit vit(tiny());
  const at::Tensor patches = at::zeros({24, 12});
  CHECK_THROWS_WITH(
      vit->forward(patches, {{1, 4, 4}}),
      Contains("[vit] expected as many patches as the 1 grids hold, 16, got 24"));
  CHECK_THROWS_WITH(
      vit->forward(patches, {{1, 3, 8}}),
      Contains("multiple of merge = 2 patches a side, got 1 frames of 3 x 8"));
  CHECK_THROWS_WITH(vit->forward(patches, {{0, 4, 6}}), Contains("got 0 frames"));
  CHECK_THROWS_WITH(
      vit->forward(at::zeros({24, 10}), {{1, 4, 6}}), Contains("`patches`"));
  VitOptions options = tiny();
  options.num_heads = 3;
  CHECK_THROWS_WITH(Vit(options), Contains("multiple of 4 * num_heads = 12"));
  options.num_heads = 0;
  CHECK_THROWS_WITH(Vit(options), Contains("expected positive sizes"));
  options = tiny();
  options.position_grid = -1;
  CHECK_THROWS_WITH(Vit(options), Contains("side of a table, or 0 for none, got -1"));
}
