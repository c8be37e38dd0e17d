// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Attention within spans, and of new rows over a cache. On a CUDA device the reference
// is what is wanted: a scaled_dot_product_attention a span, with its own gradient.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    int64_t window) {
  check_floating(q, "causal_attention", "q");
  check_floating(k, "causal_attention", "k");
  check_floating(v, "causal_attention", "v");
  const bool matches = q.dim() == 3 && k.dim() == 3 && k.sizes() == v.sizes() &&
      k.size(0) == q.size(0) && k.size(2) == q.size(2) && k.size(1) >= 1 &&
      q.size(1) % k.size(1) == 0;
  TORCH_CHECK_VALUE(
      matches,
      "[causal_attention] expected q [L, H, K], k and v [L, G, K] with G dividing H, "
      "got ",
      q.sizes(), ", ", k.sizes(), " and ", v.sizes(), ".");
  TORCH_CHECK_VALUE(
      window >= 0, "[causal_attention] expected a window from 0 (none), got ", window,
      ".");
  int64_t end = 0;
  bool fits = spans.size() % 2 == 0;
  for (size_t i = 0; fits && i < spans.size(); i += 2) {
    fits = spans[i] >= end && spans[i + 1] >= 1 && spans[i + 1] <= q.size(0) - spans[i];
    end = spans[i] + spans[i + 1];
  }
  TORCH_CHECK_VALUE(
      fits,
      "[causal_attention] expected spans begin, length, begin, length, ... in order, "
      "apart and within ",
      q.size(0), " rows, got ", spans, ".");
}

void check_cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    int64_t window) {
  check_floating(q, "cached_causal_attention", "q");
  check_floating(keys, "cached_causal_attention", "keys");
  check_floating(values, "cached_causal_attention", "values");
  const bool matches = q.dim() == 3 && keys.dim() == 3 &&
      keys.sizes() == values.sizes() && keys.size(2) == q.size(2) &&
      keys.size(1) >= q.size(0) && keys.size(0) >= 1 && q.size(1) % keys.size(0) == 0;
  TORCH_CHECK_VALUE(
      matches,
      "[cached_causal_attention] expected q [L, H, K], keys and values [G, S, K] with "
      "G "
      "dividing H and S >= L, got ",
      q.sizes(), ", ", keys.sizes(), " and ", values.sizes(), ".");
  TORCH_CHECK_VALUE(
      window >= 0, "[cached_causal_attention] expected a window from 0 (none), got ",
      window, ".");
}

std::vector<RowSpan> to_row_spans(at::IntArrayRef spans) {
  std::vector<RowSpan> made;
  for (size_t i = 0; i + 1 < spans.size(); i += 2) {
    made.push_back({spans[i], spans[i + 1]});
  }
  return made;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<int64_t> flat(const std::vector<RowSpan>& spans) {
  std::vector<int64_t> made;
  for (const RowSpan& span : spans) {
    made.insert(made.end(), {span.begin, span.length});
  }
  return made;
}

at::Tensor call(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::causal_attention", "")
                             .typed<decltype(call)>();
  return op.call(q, k, v, spans, scale, window);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_backward(
    const at::Tensor& grad,
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const at::Tensor& out,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::causal_attention_backward", "")
                             .typed<decltype(call_backward)>();
  return op.call(grad, q, k, v, out, spans, scale, window);
}

at::Tensor call_cached(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    int64_t window) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::cached_causal_attention", "")
                             .typed<decltype(call_cached)>();
  return op.call(q, keys, values, scale, window);
}

at::Tensor by_reference(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  check_causal_attention(q, k, v, spans, window);
  const NoAutocast no_autocast;
  return reference::causal_attention(q, k, v, to_row_spans(spans), {scale, window});
}

at::Tensor cached_by_reference(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    int64_t window) {
  check_cached_causal_attention(q, keys, values, window);
  const NoAutocast no_autocast;
  return reference::cached_causal_attention(q, keys, values, {scale, window});
}

struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      at::IntArrayRef spans,
      double scale,
      int64_t window) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    at::Tensor out = call(q, k, v, spans, scale, window);
    context->save_for_backward({q, k, v, out});
    context->saved_data["spans"] = spans.vec();
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "[causal_attention] expected to be differentiated once, got "
        "create_graph=True.");
    const variable_list saved = context->get_saved_variables();
    const auto [q, k, v] = call_backward(
        grads[0], saved[0], saved[1], saved[2], saved[3],
        context->saved_data["spans"].toIntVector(),
        context->saved_data["scale"].toDouble(), context->saved_data["window"].toInt());
    return {q, k, v, {}, {}, {}};
  }
};

at::Tensor by_autograd(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    double scale,
    int64_t window) {
  if (!needs_gradient({q, k, v})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(q, k, v, spans, scale, window);
  }
  if (!takes_cpu_path({q, k, v})) {
    return by_reference(q, k, v, spans, scale, window);
  }
  return Attention::apply(q, k, v, spans, scale, window);
}

at::Tensor meta(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    at::IntArrayRef spans,
    double /*scale*/,
    int64_t window) {
  check_causal_attention(q, k, v, spans, window);
  return at::empty(q.sizes(), q.options());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> meta_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const at::Tensor& /*out*/,
    at::IntArrayRef /*spans*/,
    double /*scale*/,
    int64_t /*window*/) {
  const auto like = [](const at::Tensor& x) {
    return at::empty(x.sizes(), x.options());
  };
  return {like(q), like(k), like(v)};
}

at::Tensor meta_cached(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double /*scale*/,
    int64_t window) {
  check_cached_causal_attention(q, keys, values, window);
  return at::empty(q.sizes(), q.options());
}

} // namespace

at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  return call(q, k, v, flat(spans), options.scale, options.window);
}

at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options) {
  return call_cached(q, keys, values, options.scale, options.window);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  // spans: begin, length, begin, length, ...
  m.def(
      "causal_attention(Tensor q, Tensor k, Tensor v, int[] spans, float scale=1.0, "
      "int window=0) -> Tensor");
  // Gradients of q, k and v.
  m.def(
      "causal_attention_backward(Tensor grad, Tensor q, Tensor k, Tensor v, Tensor "
      "out, "
      "int[] spans, float scale, int window) -> (Tensor, Tensor, Tensor)");
  m.def(
      "cached_causal_attention(Tensor q, Tensor keys, Tensor values, float scale=1.0, "
      "int window=0) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("causal_attention", &by_reference);
  m.impl("cached_causal_attention", &cached_by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("causal_attention", &meta);
  m.impl("causal_attention_backward", &meta_backward);
  m.impl("cached_causal_attention", &meta_cached);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("causal_attention", &by_autograd);
}

} // namespace omni::kernels
