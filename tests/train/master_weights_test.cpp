// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// A run in bfloat16 computes in it, but learns in float32.
#include <ATen/ATen.h>
#include <torch/utils.h>

#include "omni/core/safetensors.h"
#include "omni/train/objectives/objectives.h"
#include "tests/support/catch.h"
#include "tests/train/run_fixture.h"

namespace omni {
namespace {

using testing::TinyRun;

TEST_CASE("a bfloat16 run holds float32 and keeps updates that bfloat16 would lose") {
  constexpr double kRate = 1e-5; // at 1, bfloat16 tells 0.004 apart
  constexpr const char* kName = "transformer.norm.weight"; // begins as ones
  TinyRun run("joint");
  run.config.precision = "bfloat16";
  run.config.schedule = {ScheduleKind::Constant, 0, 0.25, 0.1};
  run.config.optimizer.learning_rate = kRate;
  run.config.optimizer.muon_learning_rate = kRate;
  torch::manual_seed(static_cast<uint64_t>(run.config.seed));
  const OmniModel model = build_model(run.config); // as the run begins
  run.train_steps(1);

  // A checkpoint has what the run holds, as it is.
  const auto checkpoint = run.checkpoints() / "step-00000001";
  for (const char* file : {"weights", "optimizer", "average"}) {
    const SafetensorsReader reader(checkpoint / (std::string(file) + ".safetensors"));
    REQUIRE_FALSE(reader.tensors().empty());
    for (const auto& [name, entry] : reader.tensors()) {
      CAPTURE(file, name);
      CHECK(reader.read(name).scalar_type() == at::kFloat);
    }
  }

  const at::Tensor before = model->named_parameters()[kName].detach();
  REQUIRE(at::equal(before, at::ones_like(before)));
  const at::Tensor after =
      SafetensorsReader(checkpoint / "weights.safetensors").read(kName);
  // AdamW's first step is the rate, one way or the other, whatever the gradient.
  const at::Tensor moved = (after - before).abs();
  CHECK(moved.mean().item<double>() > 0.5 * kRate);
  CHECK(moved.max().item<double>() < 1.5 * kRate);
  CHECK(at::equal(after.to(at::kBFloat16), before.to(at::kBFloat16)));
}

} // namespace
} // namespace omni
