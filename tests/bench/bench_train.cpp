// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bench_train MODEL.json FOLDER [packed | causal] [THREADS]: training steps of the
// decoder that MODEL.json describes on one batch of 8 x 512 ids, AdamW on everything;
// bf16 autocast where the processor is fast by it, else float32. Writes weights and
// batch to FOLDER/start.safetensors, then obeys lines of stdin: "loss" prints the loss,
// "steps N" trains and prints the wall and processor seconds it took. train_twin.py
// drives it beside the same model in PyTorch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <random>
#include <string>

#include "kernels/kernels.h"
#include "kernels/packed_linear.h"
#include "omni/core/safetensors.h"
#include "omni/model/omni_config.h"
#include "omni/train/autocast.h"
#include "omni/train/optimizer.h"
#include "omni/transformer/transformer.h"

namespace {

using namespace omni;

constexpr int64_t kBatch = 8, kLength = 512;

// Rows of sequences of 60 to 140 ids, as training packs them, or one sequence a row.
at::Tensor make_segments(bool is_packed) {
  const at::Tensor segments = at::zeros({kBatch, kLength}, at::kLong);
  std::mt19937 random(0);
  std::uniform_int_distribution<int64_t> lengths(60, 140);
  for (int64_t b = 0; is_packed && b < kBatch; ++b) {
    for (int64_t begin = 0, id = 0; begin < kLength; ++id) {
      const int64_t length = std::min(lengths(random), kLength - begin);
      segments[b].narrow(0, begin, length).fill_(id);
      begin += length;
    }
  }
  return segments;
}

class Bench {
 public:
  Bench(const TransformerConfig& config, bool is_packed) : model_(config) {
    ids_ = at::randint(0, config.vocab_size, {kBatch, kLength}, at::kLong);
    segments_ = make_segments(is_packed);
    // The next id of the same sequence, where there is one.
    targets_ = at::full({kBatch, kLength}, -100, at::kLong);
    const at::Tensor continues =
        segments_.narrow(1, 1, kLength - 1).eq(segments_.narrow(1, 0, kLength - 1));
    targets_.narrow(1, 0, kLength - 1)
        .copy_(at::where(continues, ids_.narrow(1, 1, kLength - 1), -100));
    positions_ = at::arange(kLength, at::kFloat)
                     .view({1, -1, 1})
                     .expand({kBatch, kLength, 3})
                     .contiguous();
    for (const auto& item : model_->named_parameters()) {
      named_.emplace_back(item.key(), item.value());
    }
    OptimizerOptions options;
    options.learning_rate = 1e-3;
    options.clip_norm = 1.0;
    optimizer_.emplace(named_, options);
  }

  void write(const std::string& path) const {
    NamedTensors tensors = named_;
    tensors.emplace_back("ids", ids_);
    tensors.emplace_back("segments", segments_);
    tensors.emplace_back("targets", targets_);
    tensors.emplace_back("positions", positions_);
    write_safetensors(path, tensors);
  }

  at::Tensor loss() {
    const Autocast autocast(kernels::is_bfloat16_fast());
    const at::Tensor hidden =
        model_->forward({model_->embed(ids_), positions_, segments_}).flatten(0, 1);
    const at::Tensor rows = targets_.flatten().ge(0).nonzero().squeeze(1);
    return kernels::linear_cross_entropy(
               hidden.index_select(0, rows), model_->head_weight(),
               targets_.flatten().index_select(0, rows))
               .loss /
        static_cast<double>(rows.size(0));
  }

  void step() {
    loss().backward();
    optimizer_->step(1.0, alone_);
  }

 private:
  Transformer model_;
  at::Tensor ids_, segments_, targets_, positions_;
  NamedTensors named_;
  std::optional<Optimizer> optimizer_;
  WorkerThreads alone_{1};
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "bench_train MODEL.json FOLDER [packed | causal] [THREADS]\n");
    return 2;
  }
  at::set_num_threads(argc > 4 ? std::stoi(argv[4]) : 1);
  torch::manual_seed(0);
  const std::string mode = argc > 3 ? argv[3] : "packed";
  Bench bench(*read_config(argv[1]).transformer, mode == "packed");
  bench.write(std::string(argv[2]) + "/start.safetensors");
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "loss") {
      const at::NoGradGuard guard;
      std::printf("%.6f\n", bench.loss().item<double>());
    } else if (line.starts_with("steps ")) {
      const auto begin = std::chrono::steady_clock::now();
      const std::clock_t cpu = std::clock();
      for (int i = 0; i < std::stoi(line.substr(6)); ++i) {
        bench.step();
      }
      const std::chrono::duration<double> wall =
          std::chrono::steady_clock::now() - begin;
      std::printf(
          "%.6f %.6f\n", wall.count(),
          static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
    }
    std::fflush(stdout);
  }
  return 0;
}
