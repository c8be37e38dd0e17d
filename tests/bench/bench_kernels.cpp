// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bench_kernels [FILTER]: microseconds and GB/s of every fused op beside its plain ATen
// twin, one and two threads, float32 and bfloat16, at training shapes (4,096 rows, D
// 256, F 704, V 4,224) and for one row. GB/s counts the bytes an op must move, not what
// it does move. The two are timed in turns and the best turns compared: what else the
// machine does only ever adds time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/autograd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "kernels/reference.h"

namespace {

using namespace omni::kernels;
using Tensors = std::vector<at::Tensor>;
using Op = std::function<Tensors(const Tensors&)>;

constexpr int64_t kWidth = 256, kHeads = 4, kHeadWidth = 64;
constexpr int64_t kFeedForward = 704, kVocab = 4224, kCacheRows = 512;

struct Bench {
  std::string name;
  Tensors inputs;
  size_t num_differentiable;
  double bytes; // an ideal forward pass moves
  Op fused;
  Op reference;
};

at::Tensor random(at::IntArrayRef sizes, at::ScalarType dtype) {
  return at::randn(sizes).to(dtype);
}

double bytes_of(const Tensors& tensors) {
  double bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    bytes += static_cast<double>(tensor.nbytes());
  }
  return bytes;
}

double seconds_of(const std::function<void()>& work, int repeats) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) {
    work();
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return spent.count() / repeats;
}

struct Pair {
  double fused;
  double reference;
};

// The best of turns of about 4 ms each.
Pair compare(
    const std::function<void()>& fused,
    const std::function<void()>& reference) {
  constexpr int kTurns = 15;
  fused();
  reference();
  const double slower = std::max(seconds_of(fused, 1), seconds_of(reference, 1));
  const int repeats = std::clamp(static_cast<int>(4e-3 / slower), 1, 1000);
  Pair best{seconds_of(fused, repeats), seconds_of(reference, repeats)};
  for (int turn = 1; turn < kTurns; ++turn) {
    best.fused = std::min(best.fused, seconds_of(fused, repeats));
    best.reference = std::min(best.reference, seconds_of(reference, repeats));
  }
  return best;
}

void print(const Bench& bench, const char* pass, double bytes, const Pair& pair) {
  std::printf(
      "%-44s %-9s %d  %10.1f  %10.1f  %6.2fx", bench.name.c_str(), pass,
      at::get_num_threads(), pair.fused * 1e6, pair.reference * 1e6,
      pair.reference / pair.fused);
  if (bytes > 0) {
    std::printf("  %7.1f", bytes / pair.fused * 1e-9);
  }
  std::printf("\n");
  std::fflush(stdout);
}

void run_backward(const Op& op, const Tensors& inputs, size_t num_differentiable) {
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

void run(const Bench& bench) {
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    {
      const at::NoGradGuard no_grad;
      const double bytes = bench.bytes > 0
          ? bench.bytes
          : bytes_of(bench.inputs) + bytes_of(bench.fused(bench.inputs));
      print(
          bench, "forward", bytes,
          compare(
              [&] { bench.fused(bench.inputs); },
              [&] { bench.reference(bench.inputs); }));
    }
    if (bench.num_differentiable > 0) {
      const auto both = [&](const Op& op) {
        return [&] { run_backward(op, bench.inputs, bench.num_differentiable); };
      };
      print(bench, "fwd+bwd", 0.0, compare(both(bench.fused), both(bench.reference)));
    }
  }
}

Tensors pair_of(const AddRmsNorm& out) {
  return {out.normed, out.sum};
}
Tensors pair_of(const QueriesAndKeys& out) {
  return {out.q, out.k};
}

void add_training_ops(std::vector<Bench>& all, at::ScalarType dtype, int64_t rows) {
  const std::string suffix =
      std::string(" ") + c10::toString(dtype) + " rows " + std::to_string(rows);
  const at::Tensor weight = random({kWidth}, dtype);
  all.push_back(
      {"rms_norm" + suffix,
       {random({rows, kWidth}, dtype), weight},
       2,
       0,
       [](const Tensors& in) -> Tensors { return {rms_norm(in[0], in[1])}; },
       [](const Tensors& in) -> Tensors {
         return {at::rms_norm(in[0], {kWidth}, in[1], 1e-6)};
       }});
  all.push_back(
      {"add_rms_norm" + suffix,
       {random({rows, kWidth}, dtype), random({rows, kWidth}, dtype), weight},
       3,
       0,
       [](const Tensors& in) { return pair_of(add_rms_norm(in[0], in[1], in[2])); },
       [](const Tensors& in) -> Tensors {
         const at::Tensor sum = in[0] + in[1];
         return {at::rms_norm(sum, {kWidth}, in[2], 1e-6), sum};
       }});
  const at::Tensor angles = at::randn({rows, kHeadWidth / 2});
  const RotaryTables tables{angles.cos(), angles.sin()};
  const at::Tensor qkv = random({rows, 3 * kHeads * kHeadWidth}, dtype);
  const auto heads_of = [&](int64_t part) {
    return qkv.narrow(1, part * kHeads * kHeadWidth, kHeads * kHeadWidth)
        .unflatten(1, {kHeads, kHeadWidth});
  };
  const auto options_of = [](const Tensors& in) {
    return QkNormRopeOptions{.q_weight = in[2], .k_weight = in[3]};
  };
  all.push_back(
      {"qk_norm_rope" + suffix,
       {heads_of(0), heads_of(1), random({kHeadWidth}, dtype),
        random({kHeadWidth}, dtype)},
       4,
       0,
       [=](const Tensors& in) {
         return pair_of(qk_norm_rope(in[0], in[1], tables, options_of(in)));
       },
       [=](const Tensors& in) {
         return pair_of(reference::qk_norm_rope(in[0], in[1], tables, options_of(in)));
       }});
  all.push_back(
      {"swiglu" + suffix,
       {random({rows, 2 * kFeedForward}, dtype)},
       1,
       0,
       [](const Tensors& in) -> Tensors { return {swiglu(in[0])}; },
       [](const Tensors& in) -> Tensors {
         const auto halves = in[0].chunk(2, -1);
         return {at::silu(halves[0]) * halves[1]};
       }});
  const int64_t media = std::max<int64_t>(1, rows / 4);
  all.push_back(
      {"splice_rows" + suffix,
       {random({rows, kWidth}, dtype), random({media, kWidth}, dtype),
        at::randperm(rows, at::kLong).narrow(0, 0, media)},
       2,
       0,
       [](const Tensors& in) -> Tensors { return {splice_rows(in[0], in[1], in[2])}; },
       [](const Tensors& in) -> Tensors {
         return {reference::splice_rows(in[0], in[1], in[2])};
       }});
}

void add_loss(
    std::vector<Bench>& all,
    at::ScalarType dtype,
    int64_t supervised_percent) {
  constexpr int64_t kRows = 4096;
  at::Tensor targets = at::randint(0, kVocab, {kRows}, at::kLong);
  targets.masked_fill_(at::rand({kRows}) * 100 > supervised_percent, kIgnoredTarget);
  all.push_back(
      {std::string("linear_cross_entropy ") + c10::toString(dtype) + " supervised " +
           std::to_string(supervised_percent) + "%",
       {random({kRows, kWidth}, dtype), random({kVocab, kWidth}, dtype) * 0.05,
        targets},
       2,
       0,
       [](const Tensors& in) -> Tensors {
         return {linear_cross_entropy(in[0], in[1], in[2]).loss};
       },
       [](const Tensors& in) -> Tensors {
         return {at::cross_entropy_loss(
             at::linear(in[0], in[1]).to(at::kFloat), in[2], {}, at::Reduction::Sum)};
       }});
}

void add_media_ops(std::vector<Bench>& all) {
  const PatchifyOptions options{.patch_size = 8, .merge = 2};
  all.push_back(
      {"patchify 64 x 64 x 64",
       {at::randint(0, 256, {64, 64, 64, 3}, at::kByte)},
       0,
       0,
       [=](const Tensors& in) -> Tensors { return {patchify(in[0], options)}; },
       [=](const Tensors& in) -> Tensors {
         return {reference::patchify(in[0], options)};
       }});
  const std::vector<int64_t> levels = {8, 5, 5, 5};
  all.push_back(
      {"fsq_encode 4096",
       {random({4096, 4}, at::kFloat)},
       0,
       0,
       [=](const Tensors& in) -> Tensors { return {fsq_encode(in[0], levels)}; },
       [=](const Tensors& in) -> Tensors {
         return {reference::fsq_encode(in[0], levels)};
       }});
  all.push_back(
      {"fsq_decode 4096",
       {at::randint(0, 1000, {4096}, at::kLong)},
       0,
       0,
       [=](const Tensors& in) -> Tensors { return {fsq_decode(in[0], levels)}; },
       [=](const Tensors& in) -> Tensors {
         return {reference::fsq_decode(in[0], levels)};
       }});
  all.push_back(
      {"fsq_quantize 4096",
       {random({4096, 4}, at::kFloat)},
       1,
       0,
       [=](const Tensors& in) -> Tensors { return {fsq_quantize(in[0], levels)}; },
       [=](const Tensors& in) -> Tensors {
         return {reference::fsq_quantize(in[0], levels)};
       }});
}

void add_decode_ops(std::vector<Bench>& all, at::ScalarType dtype) {
  for (const int64_t groups : {kHeads, kHeads / 2}) {
    all.push_back(
        {std::string("decode_attention ") + c10::toString(dtype) + " groups " +
             std::to_string(groups),
         {random({kHeads, kHeadWidth}, dtype),
          random({groups, kCacheRows, kHeadWidth}, dtype),
          random({groups, kCacheRows, kHeadWidth}, dtype)},
         0,
         0,
         [](const Tensors& in) -> Tensors {
           return {decode_attention(in[0], in[1], in[2], 0.125)};
         },
         [](const Tensors& in) -> Tensors {
           return {at::scaled_dot_product_attention(
               in[0].view({1, kHeads, 1, kHeadWidth}), in[1].unsqueeze(0),
               in[2].unsqueeze(0), {}, 0.0, false, 0.125, /*enable_gqa=*/true)};
         }});
  }
  const auto add_sample = [&](const char* variant, int64_t vocab,
                              const SampleOptions& options) {
    all.push_back(
        {std::string("sample ") + c10::toString(dtype) + " " + variant,
         {random({vocab}, dtype) * 3},
         0,
         0,
         [=](const Tensors& in) -> Tensors {
           sample(in[0], options, 0.4);
           return {};
         },
         [=](const Tensors& in) -> Tensors {
           reference::sample(in[0], options, 0.4).item<int64_t>();
           return {};
         }});
  };
  add_sample("greedy", kVocab, {});
  add_sample("top-k 50", kVocab, {.temperature = 1.0, .top_k = 50});
  add_sample("top-p 0.9", kVocab, {.temperature = 1.0, .top_p = 0.9});
  add_sample("top-p 0.9 of 150k", 150000, {.temperature = 1.0, .top_p = 0.9});
}

} // namespace

int main(int argc, char** argv) {
  const std::string filter = argc > 1 ? argv[1] : "";
  std::vector<Bench> all;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    add_training_ops(all, dtype, 4096);
    add_training_ops(all, dtype, 1);
    add_loss(all, dtype, 100);
    add_loss(all, dtype, 30);
    add_decode_ops(all, dtype);
  }
  add_media_ops(all);
  std::printf(
      "%-44s %-9s %s  %10s  %10s  %7s  %7s\n", "op", "pass", "t", "fused us", "ATen us",
      "ratio", "GB/s");
  for (const Bench& bench : all) {
    if (bench.name.find(filter) != std::string::npos) {
      run(bench);
    }
  }
  return 0;
}
