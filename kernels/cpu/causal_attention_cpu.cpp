// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Causal attention within spans, and of new rows over a cache. Per span and head L^2 K
// multiplications forward and five times that in the pair of passes, in products of
// float32; memory is one tile of scores a thread. A task is a span, or some of its
// heads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>

#include "kernels/backward_checks.h"
#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/prefill_tensors.h"
#include "kernels/cpu/rows.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

// Note [Attention by span]
// Training rows are packed: 8 rows of 512 hold 40 sequences of about 100. The flash
// kernel of LibTorch with a mask computes all 512 x 512 scores, and its backward pass
// is slow for short sequences, in bf16 most. Here a task is one span; a tile of its
// query rows meets only the keys it can see, so the masked part of other spans, of the
// future and of rows beyond the window is never computed. Products are batched over
// heads in float32. The backward pass computes the probabilities again, as flash
// attention does, so memory is one tile, not L x L.

constexpr int64_t kTileRows = 128;

// Workers of parallel_for have no autograd or autocast state of ours, the caller's
// thread has: in both, plain tensors.
class PlainTensors {
 private:
  at::AutoDispatchBelowADInplaceOrView below_autograd_;
  NoAutocast no_autocast_;
};

// Keys that a tile of query rows sees: [begin, end) of its span.
struct Tile {
  int64_t row = 0, num_rows = 0; // query rows, counted in the span
  int64_t key = 0, num_keys = 0;
};

std::vector<Tile> tiles_of(int64_t num_queries, int64_t num_keys, int64_t window) {
  const int64_t shift = num_keys - num_queries;
  std::vector<Tile> tiles;
  for (int64_t row = 0; row < num_queries; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, num_queries - row);
    const int64_t key = window > 0 ? std::max<int64_t>(0, row + shift - window + 1) : 0;
    tiles.push_back({row, rows, key, row + shift + rows - key});
  }
  return tiles;
}

// Writes -inf over the scores [H, rows, keys] that a tile's queries do not see.
void hide_unseen(at::Tensor& scores, const Tile& tile, int64_t shift, int64_t window) {
  float* data = scores.mutable_data_ptr<float>();
  const float hidden = -std::numeric_limits<float>::infinity();
  for (int64_t h = 0; h < scores.size(0); ++h) {
    for (int64_t i = 0; i < tile.num_rows; ++i, data += tile.num_keys) {
      const int64_t own = tile.row + i + shift - tile.key; // key of the query itself
      std::fill(data + own + 1, data + tile.num_keys, hidden);
      if (window > 0 && own - window + 1 > 0) {
        std::fill(data, data + (own - window + 1), hidden);
      }
    }
  }
}

// [G, L, K] -> [H, L, K] in float32, each group for its H / G query heads.
at::Tensor repeat_groups(const at::Tensor& x_GLK, int64_t num_heads) {
  const at::Tensor x = x_GLK.to(at::kFloat);
  const int64_t groups = x.size(0);
  if (groups == num_heads) {
    return x;
  }
  return x.unsqueeze(1)
      .expand({groups, num_heads / groups, x.size(1), x.size(2)})
      .reshape({num_heads, x.size(1), x.size(2)});
}

// softmax(scale q k^T) [H, rows, keys] of a tile.
at::Tensor tile_probabilities(
    const at::Tensor& q_HLK,
    const at::Tensor& k_HLK,
    const Tile& tile,
    int64_t shift,
    const CausalAttentionOptions& options) {
  at::Tensor scores = at::bmm(
                          q_HLK.narrow(1, tile.row, tile.num_rows),
                          k_HLK.narrow(1, tile.key, tile.num_keys).transpose(1, 2))
                          .mul_(options.scale);
  hide_unseen(scores, tile, shift, options.window);
  return at::softmax(scores, -1);
}

// Writes the rows of q [H, L, K] over keys and values [H, S, K] to out [H, L, K].
void attend(
    const at::Tensor& q_HLK,
    const at::Tensor& k_HLK,
    const at::Tensor& v_HLK,
    const at::Tensor& out_HLK,
    const CausalAttentionOptions& options) {
  const int64_t shift = k_HLK.size(1) - q_HLK.size(1);
  for (const Tile& tile : tiles_of(q_HLK.size(1), k_HLK.size(1), options.window)) {
    const at::Tensor probabilities =
        tile_probabilities(q_HLK, k_HLK, tile, shift, options);
    out_HLK.narrow(1, tile.row, tile.num_rows)
        .copy_(at::bmm(probabilities, v_HLK.narrow(1, tile.key, tile.num_keys)));
  }
}

// Runs work(span, first group, number of groups): a task a span, split by groups when
// spans are too few to fill the threads.
template <typename Work>
void for_each_task(size_t num_spans, int64_t groups, const Work& work) {
  const auto spans = static_cast<int64_t>(num_spans);
  int64_t parts = 1;
  while (spans * parts < 2 * at::get_num_threads() && groups % (2 * parts) == 0) {
    parts *= 2;
  }
  const int64_t per_part = groups / parts;
  at::parallel_for(0, spans * parts, 1, [&](int64_t begin, int64_t end) {
    const PlainTensors plain;
    for (int64_t task = begin; task < end; ++task) {
      work(static_cast<size_t>(task / parts), task % parts * per_part, per_part);
    }
  });
}

// The rows of a span and some heads or groups of x [L, H, K]: [heads, rows, K].
at::Tensor part(const at::Tensor& x, const RowSpan& span, int64_t head, int64_t heads) {
  return x.narrow(0, span.begin, span.length).narrow(1, head, heads).transpose(0, 1);
}

at::Tensor attend_spans(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  const int64_t groups = k.size(1), repeat = q.size(1) / groups;
  at::Tensor out = at::zeros(q.sizes(), q.options());
  for_each_task(spans.size(), groups, [&](size_t s, int64_t group, int64_t count) {
    const RowSpan& span = spans[s];
    const int64_t head = group * repeat, heads = count * repeat;
    attend(
        repeat_groups(part(q, span, head, heads), heads),
        repeat_groups(part(k, span, group, count), heads),
        repeat_groups(part(v, span, group, count), heads), part(out, span, head, heads),
        options);
  });
  return out;
}

// Writes the sums over each group's heads [H, L, K] to [G, L, K].
void sum_groups(const at::Tensor& heads_HLK, const at::Tensor& sums_GLK) {
  const int64_t groups = sums_GLK.size(0);
  const at::Tensor by_group = heads_HLK.view(
      {groups, heads_HLK.size(0) / groups, heads_HLK.size(1), heads_HLK.size(2)});
  sums_GLK.copy_(by_group.size(1) == 1 ? by_group.squeeze(1) : by_group.sum(1));
}

struct Gradients {
  at::Tensor q, k, v;
};

Gradients attend_spans_backward(
    const at::Tensor& grad_out,
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const at::Tensor& out,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  const int64_t groups = k.size(1), repeat = q.size(1) / groups;
  Gradients grads{
      at::zeros(q.sizes(), q.options()), at::zeros(k.sizes(), k.options()),
      at::zeros(v.sizes(), v.options())};
  for_each_task(spans.size(), groups, [&](size_t s, int64_t group, int64_t count) {
    const RowSpan& span = spans[s];
    const int64_t head = group * repeat, heads = count * repeat;
    const at::Tensor q_HLK = repeat_groups(part(q, span, head, heads), heads);
    const at::Tensor k_HLK = repeat_groups(part(k, span, group, count), heads);
    const at::Tensor v_HLK = repeat_groups(part(v, span, group, count), heads);
    const at::Tensor out_HLK = repeat_groups(part(out, span, head, heads), heads);
    const at::Tensor grad_HLK = repeat_groups(part(grad_out, span, head, heads), heads);
    const at::Tensor delta = (out_HLK * grad_HLK).sum(-1, true); // [H, L, 1]
    const at::Tensor q_grad = part(grads.q, span, head, heads);
    const at::Tensor k_grad = at::zeros(k_HLK.sizes(), k_HLK.options());
    const at::Tensor v_grad = at::zeros(v_HLK.sizes(), v_HLK.options());
    for (const Tile& tile : tiles_of(span.length, span.length, options.window)) {
      const auto rows = [&](const at::Tensor& x) {
        return x.narrow(1, tile.row, tile.num_rows);
      };
      const auto keys = [&](const at::Tensor& x) {
        return x.narrow(1, tile.key, tile.num_keys);
      };
      const at::Tensor probabilities =
          tile_probabilities(q_HLK, k_HLK, tile, 0, options);
      keys(v_grad).add_(at::bmm(probabilities.transpose(1, 2), rows(grad_HLK)));
      const at::Tensor score_grad = at::bmm(rows(grad_HLK), keys(v_HLK).transpose(1, 2))
                                        .sub_(rows(delta))
                                        .mul_(probabilities)
                                        .mul_(options.scale);
      rows(q_grad).copy_(at::bmm(score_grad, keys(k_HLK)));
      keys(k_grad).add_(at::bmm(score_grad.transpose(1, 2), rows(q_HLK)));
    }
    sum_groups(k_grad, part(grads.k, span, group, count));
    sum_groups(v_grad, part(grads.v, span, group, count));
  });
  return grads;
}

at::Tensor causal_attention_cpu(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  check_causal_attention(q, k, v, spans, window);
  if (!takes_cpu_path({q, k, v})) {
    const NoAutocast no_autocast;
    return reference::causal_attention(q, k, v, to_row_spans(spans), {scale, window});
  }
  return attend_spans(q, k, v, to_row_spans(spans), {scale, window});
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> causal_attention_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const at::Tensor& out,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  check_causal_attention(q, k, v, spans, window);
  check_gradient_like(out, q, "causal_attention_backward", "out");
  check_gradient_like(grad, q, "causal_attention_backward");
  const Gradients of =
      attend_spans_backward(grad, q, k, v, out, to_row_spans(spans), {scale, window});
  return {of.q, of.k, of.v};
}

// Whether prefill_attention.h takes these: it is for bfloat16 alone.
bool takes_prefill(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values) {
  const auto fits = [](const at::Tensor& x) {
    return x.scalar_type() == at::kBFloat16 && x.size(-1) % 2 == 0;
  };
  return cpu::has_prefill_attention() && q.numel() > 0 && fits(q) && fits(keys) &&
      fits(values);
}

at::Tensor prefill(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options) {
  at::Tensor out = cpu::empty({q.size(0), q.size(1), values.size(2)}, q.options());
  const cpu::ThreadTeam team;
  cpu::prefill_attention(
      {q, keys, values, out},
      {.window = options.window, .scale = static_cast<float>(options.scale)}, team);
  return out;
}

at::Tensor cached_causal_attention_cpu(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    int64_t window) {
  check_cached_causal_attention(q, keys, values, window);
  const CausalAttentionOptions options{scale, window};
  if (!takes_cpu_path({q, keys, values})) {
    const NoAutocast no_autocast;
    return reference::cached_causal_attention(q, keys, values, options);
  }
  if (takes_prefill(q, keys, values)) {
    return prefill(
        cpu::with_dense_rows(q), cpu::with_dense_rows(keys),
        cpu::with_dense_rows(values), options);
  }
  at::Tensor out = cpu::empty(q.sizes(), q.options());
  const int64_t groups = keys.size(0), repeat = q.size(1) / groups;
  for_each_task(1, groups, [&](size_t, int64_t group, int64_t count) {
    const int64_t head = group * repeat, heads = count * repeat;
    attend(
        repeat_groups(q.narrow(1, head, heads).transpose(0, 1), heads),
        repeat_groups(keys.narrow(0, group, count), heads),
        repeat_groups(values.narrow(0, group, count), heads),
        out.narrow(1, head, heads).transpose(0, 1), options);
  });
  return out;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("causal_attention", &causal_attention_cpu);
  m.impl("causal_attention_backward", &causal_attention_backward_cpu);
  m.impl("cached_causal_attention", &cached_causal_attention_cpu);
}

} // namespace omni::kernels
