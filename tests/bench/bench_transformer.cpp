// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bench_transformer [training | decoding | attention] [THREADS]: rows/s of forward and
// backward of a decoder of nano's size (D 256, 6 layers, 4 heads of 64, F 704) over
// 8 x 512 rows packed with segments of 60 to 140, in float32 and with bf16 autocast; ms
// a token of decoding; its attention alone beside LibTorch's, a call a segment and one
// call with a mask; on one and two threads. Medians of the wall clock; rivals are timed
// in turns. Two threads say nothing on a busy machine: each waits for the other.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels/reference.h"
#include "omni/transformer/row_spans.h"
#include "omni/transformer/transformer.h"

namespace {

using namespace omni;
using Work = std::function<void()>;

constexpr int64_t kBatch = 8, kLength = 512, kRows = kBatch * kLength;
constexpr int64_t kWidth = 256, kHeads = 4, kHeadWidth = 64, kCached = 512;

TransformerConfig nano_config() {
  TransformerConfig config;
  config.vocab_size = 4224;
  config.width = kWidth;
  LayerConfig layer;
  layer.num_heads = kHeads;
  layer.num_kv_heads = kHeads;
  layer.head_width = kHeadWidth;
  layer.has_qk_norm = true;
  layer.feed_forward_width = 704;
  config.layers.assign(6, layer);
  return config;
}

at::Tensor make_segments() {
  std::mt19937 random(0);
  std::uniform_int_distribution<int64_t> lengths(60, 140);
  const at::Tensor segments = at::empty({kBatch, kLength}, at::kLong);
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t begin = 0, id = 0; begin < kLength; ++id) {
      const int64_t length = std::min(lengths(random), kLength - begin);
      segments[b].narrow(0, begin, length).fill_(id);
      begin += length;
    }
  }
  return segments;
}

// Median seconds of each work, timed in turns.
std::vector<double> seconds_of(const std::vector<Work>& works, int turns) {
  std::vector<std::vector<double>> times(works.size());
  for (int turn = 0; turn <= turns; ++turn) {
    for (size_t i = 0; i < works.size(); ++i) {
      const auto begin = std::chrono::steady_clock::now();
      works[i]();
      const std::chrono::duration<double> spent =
          std::chrono::steady_clock::now() - begin;
      if (turn > 0) { // the first warms up
        times[i].push_back(spent.count());
      }
    }
  }
  std::vector<double> medians;
  for (auto& of_work : times) {
    std::sort(of_work.begin(), of_work.end());
    medians.push_back(of_work[of_work.size() / 2]);
  }
  return medians;
}

void bench_training() {
  Transformer model(nano_config());
  const at::Tensor ids = at::randint(0, 4224, {kBatch, kLength});
  const at::Tensor positions =
      at::arange(kLength, at::kFloat).view({1, -1, 1}).expand({kBatch, kLength, 3});
  const at::Tensor segments = make_segments();
  const auto step = [&](bool in_bfloat16, bool backward) {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, in_bfloat16);
    const at::Tensor hidden = model->forward({model->embed(ids), positions, segments});
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    if (backward) {
      model->zero_grad();
      hidden.backward(at::ones_like(hidden));
    }
  };
  const std::vector<double> seconds = seconds_of(
      {[&] { step(false, false); }, [&] { step(false, true); },
       [&] { step(true, false); }, [&] { step(true, true); }},
      7);
  const char* names[] = {
      "float32 forward", "float32 forward + backward", "bf16 autocast forward",
      "bf16 autocast forward + backward"};
  for (size_t i = 0; i < seconds.size(); ++i) {
    std::printf(
        "%d thread(s)  %-34s %8.1f ms  %8.0f rows/s\n", at::get_num_threads(), names[i],
        seconds[i] * 1e3, kRows / seconds[i]);
  }
}

void bench_decoding(at::ScalarType dtype) {
  const c10::InferenceMode guard;
  const TransformerConfig config = nano_config();
  Transformer model(config);
  model->to(dtype);
  KvCache cache(config, {.capacity_tokens = 1024, .dtype = dtype});
  const auto run = [&](int64_t length) {
    const at::Tensor ids = at::zeros({1, length}, at::kLong);
    const at::Tensor hidden =
        model->forward({model->embed(ids), at::zeros({1, length, 3}), {}}, cache);
    model->logits(hidden.narrow(1, length - 1, 1));
  };
  const std::vector<double> seconds = seconds_of(
      {[&] {
         cache.truncate(0);
         run(kCached);
       },
       [&] {
         for (int i = 0; i < 20; ++i) {
           run(1);
         }
         cache.truncate(kCached);
       }},
      9);
  std::printf(
      "%d thread(s)  %-34s %8.2f ms prefill of %ld, %6.3f ms a token after it\n",
      at::get_num_threads(), at::toString(dtype), seconds[0] * 1e3,
      static_cast<long>(kCached), seconds[1] * 1e3 / 20);
}

void bench_attention(at::ScalarType dtype) {
  const auto options = at::TensorOptions(dtype);
  const auto leaf = [&] {
    return at::randn({kRows, kHeads, kHeadWidth}, options).set_requires_grad(true);
  };
  const at::Tensor q = leaf(), k = leaf(), v = leaf();
  const at::Tensor grad = at::randn({kRows, kHeads, kHeadWidth}, options);
  const at::Tensor segments = make_segments();
  const std::vector<kernels::RowSpan> spans = segment_spans(segments);
  const at::Tensor sees =
      segments.unsqueeze(2)
          .eq(segments.unsqueeze(1))
          .logical_and(kernels::reference::causal_mask(kLength, kLength, 0, at::kCPU));
  const at::Tensor mask = at::zeros({kBatch, 1, kLength, kLength}, options)
                              .masked_fill(sees.logical_not().unsqueeze(1), -INFINITY);
  const double scale = 0.125;
  const auto heads_first = [&](const at::Tensor& x) {
    return x.view({kBatch, kLength, kHeads, kHeadWidth}).transpose(1, 2);
  };
  const std::vector<double> seconds = seconds_of(
      {[&] {
         kernels::causal_attention(q, k, v, spans, {scale, 0}).backward(grad);
       },
       [&] {
         kernels::reference::causal_attention(q, k, v, spans, {scale, 0})
             .backward(grad);
       },
       [&] {
         at::scaled_dot_product_attention(
             heads_first(q), heads_first(k), heads_first(v), mask, 0.0, false, scale)
             .transpose(1, 2)
             .reshape(q.sizes())
             .backward(grad);
       }},
      7);
  std::printf(
      "%d thread(s)  %-9s attention, forward + backward: %6.1f ms by span, %6.1f ms a "
      "call a segment, %6.1f ms one call with a mask\n",
      at::get_num_threads(), at::toString(dtype), seconds[0] * 1e3, seconds[1] * 1e3,
      seconds[2] * 1e3);
}

} // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  const int threads = argc > 2 ? std::atoi(argv[2]) : 0; // 0: one, then two
  for (const int count : {1, 2}) {
    if (threads != 0 && threads != count) {
      continue;
    }
    at::set_num_threads(count);
    if (only.empty() || only == "training") {
      bench_training();
    }
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      if (only.empty() || only == "decoding") {
        bench_decoding(dtype);
      }
      if (only.empty() || only == "attention") {
        bench_attention(dtype);
      }
    }
  }
}
