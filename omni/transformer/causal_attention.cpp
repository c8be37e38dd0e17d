// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/causal_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

namespace omni {
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
  c10::impl::ExcludeDispatchKeyGuard no_autocast_{c10::autocast_dispatch_keyset};
};

at::ScalarType compute_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

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
template <typename T>
void hide_unseen(at::Tensor& scores, const Tile& tile, int64_t shift, int64_t window) {
  T* data = scores.mutable_data_ptr<T>();
  const T hidden = -std::numeric_limits<T>::infinity();
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

// [G, L, K] -> [H, L, K] in compute dtype, each group for its H / G query heads.
at::Tensor repeat_groups(const at::Tensor& x_GLK, int64_t num_heads) {
  const at::Tensor x = x_GLK.to(compute_dtype(x_GLK));
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
  if (scores.scalar_type() == at::kDouble) {
    hide_unseen<double>(scores, tile, shift, options.window);
  } else {
    hide_unseen<float>(scores, tile, shift, options.window);
  }
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

class SpanAttention : public torch::autograd::Function<SpanAttention> {
 public:
  static at::Tensor forward(
      torch::autograd::AutogradContext* context,
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const std::vector<int64_t>& flat_spans,
      double scale,
      int64_t window) {
    at::Tensor out = attend_spans(q, k, v, unflatten(flat_spans), {scale, window});
    context->save_for_backward({q, k, v, out});
    context->saved_data["spans"] = flat_spans;
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return out;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      const torch::autograd::variable_list& grads) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "[attention] expected to be differentiated once, got create_graph=True.");
    const auto saved = context->get_saved_variables();
    const Gradients of = attend_spans_backward(
        grads[0], saved[0], saved[1], saved[2], saved[3],
        unflatten(context->saved_data["spans"].toIntVector()),
        {context->saved_data["scale"].toDouble(),
         context->saved_data["window"].toInt()});
    return {of.q, of.k, of.v, {}, {}, {}};
  }

  // begin, length, begin, length, ...: what an AutogradContext can hold.
  static std::vector<int64_t> flatten(const std::vector<RowSpan>& spans) {
    std::vector<int64_t> flat;
    for (const RowSpan& span : spans) {
      flat.insert(flat.end(), {span.begin, span.length});
    }
    return flat;
  }

  static std::vector<RowSpan> unflatten(const std::vector<int64_t>& flat) {
    std::vector<RowSpan> spans;
    for (size_t i = 0; i + 1 < flat.size(); i += 2) {
      spans.push_back({flat[i], flat[i + 1]});
    }
    return spans;
  }
};

} // namespace

at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  if (!q.is_cpu()) {
    return plain_causal_attention(q, k, v, spans, options);
  }
  const bool needs_grad = at::GradMode::is_enabled() &&
      (q.requires_grad() || k.requires_grad() || v.requires_grad());
  if (!needs_grad) {
    return attend_spans(q, k, v, spans, options);
  }
  return SpanAttention::apply(
      q, k, v, SpanAttention::flatten(spans), options.scale, options.window);
}

at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options) {
  const int64_t heads = q.size(1), groups = keys.size(0);
  at::Tensor out = at::empty(q.sizes(), q.options());
  if (!q.is_cpu()) {
    const at::Tensor mask =
        causal_mask(q.size(0), keys.size(1), options.window, q.device());
    out.copy_(at::scaled_dot_product_attention(
                  q.transpose(0, 1), keys, values, mask,
                  /*dropout_p=*/0.0,
                  /*is_causal=*/false, options.scale,
                  /*enable_gqa=*/heads != groups)
                  .transpose(0, 1));
    return out;
  }
  const int64_t repeat = heads / groups;
  for_each_task(1, groups, [&](size_t, int64_t group, int64_t count) {
    const int64_t head = group * repeat, part_heads = count * repeat;
    attend(
        repeat_groups(q.narrow(1, head, part_heads).transpose(0, 1), part_heads),
        repeat_groups(keys.narrow(0, group, count), part_heads),
        repeat_groups(values.narrow(0, group, count), part_heads),
        out.narrow(1, head, part_heads).transpose(0, 1), options);
  });
  return out;
}

at::Tensor plain_causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  at::Tensor out = at::zeros(q.sizes(), q.options());
  for (const RowSpan& span : spans) {
    const auto rows = [&](const at::Tensor& x) {
      return x.narrow(0, span.begin, span.length).transpose(0, 1).unsqueeze(0);
    };
    const bool has_window = options.window > 0 && options.window < span.length;
    const at::Tensor mask = has_window
        ? causal_mask(span.length, span.length, options.window, q.device())
        : at::Tensor();
    const at::Tensor attended_BHLK = at::scaled_dot_product_attention(
        rows(q), rows(k), rows(v),
        mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt,
        /*dropout_p=*/0.0,
        /*is_causal=*/!has_window, options.scale,
        /*enable_gqa=*/q.size(1) != k.size(1));
    out.narrow(0, span.begin, span.length)
        .copy_(attended_BHLK.squeeze(0).transpose(0, 1));
  }
  return out;
}

} // namespace omni
