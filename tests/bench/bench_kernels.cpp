// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bench_kernels [FILTER] [--threads N] [--turns N] [--json] [--list]: every fused op
// beside its plain ATen twin and its floor (kernels/floor.h), at sizes of use and at
// sizes beyond the caches. All are timed in turns, memory itself too, and the best
// turns compared: what else the machine does only ever adds time. Fails, and names
// them, when an op is not measured. --json prints an object a line; --list names the
// ops alone.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/autograd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <string>

#include "kernels/kernels.h"
#include "tests/bench/kernels/floor.h"
#include "tests/bench/kernels/op_bench.h"

namespace {

using namespace omni::bench;

struct Settings {
  std::string filter;
  int threads = 2;
  int turns = 9;
  bool is_json = false;
  bool is_list = false;
};

struct Line {
  std::string op, variant, pass;
  double fused_seconds = 1e30;
  double reference_seconds = 1e30;
  Work work;
  Floor floor = {};
};

double seconds_of(const std::function<void()>& work, int repeats) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) {
    work();
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return spent.count() / repeats;
}

// So that a turn takes about 4 ms.
int repeats_of(double seconds) {
  return std::clamp(static_cast<int>(4e-3 / seconds), 1, 1000);
}

class Bench {
 public:
  explicit Bench(Settings settings)
      : settings_(std::move(settings)),
        floors_(settings_.threads),
        memory_(settings_.threads) {}

  void run(const OpBench& op) {
    const Tensors inputs = op.inputs();
    const Tensors leading(inputs.begin(), inputs.begin() + op.num_differentiable);
    Work forward{0.0, op.operations, op.peak}, both = forward;
    both.operations *= 3.0; // two products for each of the way there
    {
      const at::NoGradGuard no_grad;
      const Tensors outputs = op.fused(inputs);
      const double all = bytes_of(inputs) + bytes_of(outputs);
      forward.bytes = op.bytes ? op.bytes(inputs, outputs) : all;
      both.bytes = forward.bytes +
          (op.bytes_back ? op.bytes_back(inputs, outputs) : all + bytes_of(leading));
    }
    {
      const at::NoGradGuard no_grad;
      measure(
          op, "forward", forward, [&] { op.fused(inputs); },
          [&] { op.reference(inputs); });
    }
    if (op.num_differentiable > 0) {
      const auto there_and_back = [&](const Op& one) {
        return [&] { run_backward(one, inputs, op.num_differentiable); };
      };
      measure(
          op, "fwd+bwd", both, there_and_back(op.fused), there_and_back(op.reference));
    }
  }

 private:
  static void
  run_backward(const Op& op, const Tensors& inputs, size_t num_differentiable) {
    Tensors leaves = inputs;
    for (size_t i = 0; i < num_differentiable; ++i) {
      leaves[i] = inputs[i].detach().requires_grad_(true);
    }
    Tensors outputs, cotangents;
    for (const at::Tensor& output : op(leaves)) {
      if (output.requires_grad()) {
        outputs.push_back(output);
        cotangents.push_back(output.detach());
      }
    }
    torch::autograd::grad(
        outputs, Tensors(leaves.begin(), leaves.begin() + num_differentiable),
        cotangents);
  }

  void measure(
      const OpBench& op,
      const char* pass,
      const Work& work,
      const std::function<void()>& fused,
      const std::function<void()>& reference) {
    constexpr double kMostSeconds = 1.5; // but for the least number of turns
    Line line{.op = op.op, .variant = op.variant, .pass = pass, .work = work};
    const bool is_of_memory = FloorFinder::is_of_memory(work);
    fused();
    reference();
    const double of_fused = seconds_of(fused, 1),
                 of_reference = seconds_of(reference, 1);
    const int fit =
        static_cast<int>(kMostSeconds / std::max(of_fused + of_reference, 8e-3));
    const int turns = std::min(settings_.turns, std::max(fit, 2));
    memory_.forget();
    for (int turn = 0; turn < turns; ++turn) {
      line.fused_seconds =
          std::min(line.fused_seconds, seconds_of(fused, repeats_of(of_fused)));
      line.reference_seconds = std::min(
          line.reference_seconds, seconds_of(reference, repeats_of(of_reference)));
      if (is_of_memory) {
        memory_.turn();
      }
    }
    line.floor = floors_.floor(work, memory_);
    print(line);
  }

  void print(const Line& line) const {
    const double percent = 100.0 * line.floor.seconds / line.fused_seconds;
    if (settings_.is_json) {
      std::printf(
          "{\"op\": \"%s\", \"variant\": \"%s\", \"pass\": \"%s\", \"threads\": %d, "
          "\"seconds\": %.4g, \"reference_seconds\": %.4g, \"bytes\": %.4g, "
          "\"operations\": %.4g, \"floor_seconds\": %.4g, \"bound\": \"%s\", "
          "\"percent_of_floor\": %.4g}\n",
          line.op.c_str(), line.variant.c_str(), line.pass.c_str(), settings_.threads,
          line.fused_seconds, line.reference_seconds, line.work.bytes,
          line.work.operations, line.floor.seconds, line.floor.bound, percent);
    } else {
      std::printf(
          "%-24s %-44s %-7s %10.1f %10.1f %6.2fx %7.1f %10.2f  %-7s %5.1f %%\n",
          line.op.c_str(), line.variant.c_str(), line.pass.c_str(),
          line.fused_seconds * 1e6, line.reference_seconds * 1e6,
          line.reference_seconds / line.fused_seconds,
          line.work.bytes / line.fused_seconds * 1e-9, line.floor.seconds * 1e6,
          line.floor.bound, percent);
    }
    std::fflush(stdout);
  }

  Settings settings_;
  FloorFinder floors_;
  MemoryProbe memory_;
};

std::vector<OpBench> all_benches() {
  std::vector<OpBench> all;
  for (auto& some :
       {row_benches(), product_benches(), attention_benches(), discrete_benches()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<std::string> not_measured(const std::set<std::string>& measured) {
  std::vector<std::string> missing;
  for (const std::string& name : omni::kernels::op_names()) {
    if (!measured.contains(name)) {
      missing.push_back(name);
    }
  }
  return missing;
}

Settings parsed(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      settings.is_json = true;
    } else if (word == "--list") {
      settings.is_list = true;
    } else if ((word == "--threads" || word == "--turns") && i + 1 < argc) {
      (word == "--threads" ? settings.threads : settings.turns) = std::stoi(argv[++i]);
    } else {
      settings.filter = word;
    }
  }
  return settings;
}

} // namespace

int main(int argc, char** argv) {
  // Memory of large outputs is kept for the next: fresh pages cost more than most ops.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  const Settings settings = parsed(argc, argv);
  const std::vector<OpBench> all = all_benches();
  std::set<std::string> measured;
  for (const OpBench& op : all) {
    measured.insert(op.op);
  }
  if (const auto missing = not_measured(measured); !missing.empty()) {
    std::fprintf(
        stderr, "[bench_kernels] expected every op to be measured, not so: %s.\n",
        c10::Join(", ", missing).c_str());
    return 1;
  }
  if (settings.is_list) {
    for (const std::string& name : measured) {
      std::puts(name.c_str());
    }
    return 0;
  }
  at::set_num_threads(settings.threads);
  Bench bench(settings);
  if (!settings.is_json) {
    std::printf(
        "%-24s %-44s %-7s %10s %10s %7s %7s %10s  %-7s %s\n", "op", "of", "pass",
        "fused us", "ATen us", "ratio", "GB/s", "floor us", "bound", "reached");
  }
  for (const OpBench& op : all) {
    if ((op.op + " " + op.variant).find(settings.filter) != std::string::npos) {
      bench.run(op);
    }
  }
  return 0;
}
