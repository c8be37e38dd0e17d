// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// swiglu and geglu: act(gate) * up (arXiv 2002.05202), of one merged tensor or of two.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/gated_unit.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

const char* name_of(Gate kind) {
  return kind == Gate::Silu ? "swiglu" : "geglu";
}

} // namespace

void check_gated_unit(Gate kind, const at::Tensor& gate, const at::Tensor& up) {
  const char* op = name_of(kind);
  check_floating(gate, op, "gate");
  TORCH_CHECK_TYPE(
      gate.scalar_type() == up.scalar_type(), "[", op,
      "] expected gate and up of one dtype, got ", gate.scalar_type(), " and ",
      up.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      gate.dim() >= 1 && gate.sizes() == up.sizes(), "[", op,
      "] expected gate and up of one shape [.., F], got ", gate.sizes(), " and ",
      up.sizes(), ".");
}

void check_gated_unit(Gate kind, const at::Tensor& gate_up) {
  const char* op = name_of(kind);
  check_floating(gate_up, op, "gate_up");
  TORCH_CHECK_VALUE(
      gate_up.dim() >= 1 && gate_up.size(-1) % 2 == 0, "[", op,
      "] expected gate_up [.., 2F], got ", gate_up.sizes(), ".");
}

void check_gated_unit_backward(
    Gate kind,
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up) {
  check_gated_unit(kind, gate, up);
  check_gradient_like(grad, gate, name_of(kind));
}

void check_gated_unit_backward(
    Gate kind,
    const at::Tensor& grad,
    const at::Tensor& gate_up) {
  check_gated_unit(kind, gate_up);
  check_gradient_like(grad, gate_up.narrow(-1, 0, gate_up.size(-1) / 2), name_of(kind));
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <typename Signature>
auto find_op(const std::string& name, const char* overload) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(name.c_str(), overload)
      .typed<Signature>();
}

// What torch::autograd keeps of `form`, and back.
template <typename... Form>
void keep(AutogradContext* context, Form... form) {
  ((context->saved_data["is_tanh"] = form), ...);
}
template <typename Form>
Form kept(AutogradContext* context) {
  return context->saved_data["is_tanh"].toBool();
}

// Of one tensor [.., 2F].
template <typename... Form>
struct Merged : torch::autograd::Function<Merged<Form...>> {
  static at::Tensor call(const at::Tensor& gate_up, Form... form) {
    static const auto op = find_op<at::Tensor(const at::Tensor&, Form...)>(
        std::string("omni::") + name_of(gate_of(form...)), "");
    return op.call(gate_up, form...);
  }

  static at::Tensor
  call_backward(const at::Tensor& grad, const at::Tensor& gate_up, Form... form) {
    static const auto op =
        find_op<at::Tensor(const at::Tensor&, const at::Tensor&, Form...)>(
            std::string("omni::") + name_of(gate_of(form...)) + "_backward", "");
    return op.call(grad, gate_up, form...);
  }

  static at::Tensor by_reference(const at::Tensor& gate_up, Form... form) {
    check_gated_unit(gate_of(form...), gate_up);
    const NoAutocast no_autocast;
    const std::vector<at::Tensor> halves = gate_up.chunk(2, -1);
    return reference::gated_unit(gate_of(form...), halves[0], halves[1]);
  }

  static at::Tensor
  forward(AutogradContext* context, const at::Tensor& gate_up, Form... form) {
    context->save_for_backward({gate_up});
    keep(context, form...);
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(gate_up, form...);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list inputs = {call_backward(
        grads[0], context->get_saved_variables()[0], kept<Form>(context)...)};
    inputs.resize(1 + sizeof...(Form));
    return inputs;
  }

  static at::Tensor by_autograd(const at::Tensor& gate_up, Form... form) {
    if (!needs_gradient({gate_up})) {
      const at::AutoDispatchBelowADInplaceOrView below_autograd;
      return call(gate_up, form...);
    }
    return takes_fused_path(name_of(gate_of(form...)), {gate_up})
        ? Merged::apply(gate_up, form...)
        : by_reference(gate_up, form...);
  }

  static at::Tensor meta(const at::Tensor& gate_up, Form... form) {
    check_gated_unit(gate_of(form...), gate_up);
    std::vector<int64_t> sizes = gate_up.sizes().vec();
    sizes.back() /= 2;
    return at::empty(sizes, gate_up.options());
  }

  static at::Tensor
  meta_backward(const at::Tensor& /*grad*/, const at::Tensor& gate_up, Form...) {
    return at::empty(gate_up.sizes(), gate_up.options());
  }
};

// Of two tensors [.., F].
template <typename... Form>
struct Pair : torch::autograd::Function<Pair<Form...>> {
  static at::Tensor call(const at::Tensor& gate, const at::Tensor& up, Form... form) {
    static const auto op =
        find_op<at::Tensor(const at::Tensor&, const at::Tensor&, Form...)>(
            std::string("omni::") + name_of(gate_of(form...)), "pair");
    return op.call(gate, up, form...);
  }

  static std::tuple<at::Tensor, at::Tensor> call_backward(
      const at::Tensor& grad,
      const at::Tensor& gate,
      const at::Tensor& up,
      Form... form) {
    static const auto op = find_op<std::tuple<at::Tensor, at::Tensor>(
        const at::Tensor&, const at::Tensor&, const at::Tensor&, Form...)>(
        std::string("omni::") + name_of(gate_of(form...)) + "_backward", "pair");
    return op.call(grad, gate, up, form...);
  }

  static at::Tensor
  by_reference(const at::Tensor& gate, const at::Tensor& up, Form... form) {
    check_gated_unit(gate_of(form...), gate, up);
    const NoAutocast no_autocast;
    return reference::gated_unit(gate_of(form...), gate, up);
  }

  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& gate,
      const at::Tensor& up,
      Form... form) {
    context->save_for_backward({gate, up});
    keep(context, form...);
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(gate, up, form...);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto [grad_gate, grad_up] =
        call_backward(grads[0], saved[0], saved[1], kept<Form>(context)...);
    variable_list inputs = {grad_gate, grad_up};
    inputs.resize(2 + sizeof...(Form));
    return inputs;
  }

  static at::Tensor
  by_autograd(const at::Tensor& gate, const at::Tensor& up, Form... form) {
    if (!needs_gradient({gate, up})) {
      const at::AutoDispatchBelowADInplaceOrView below_autograd;
      return call(gate, up, form...);
    }
    return takes_fused_path(name_of(gate_of(form...)), {gate, up})
        ? Pair::apply(gate, up, form...)
        : by_reference(gate, up, form...);
  }

  static at::Tensor meta(const at::Tensor& gate, const at::Tensor& up, Form... form) {
    check_gated_unit(gate_of(form...), gate, up);
    return at::empty(gate.sizes(), gate.options());
  }

  static std::tuple<at::Tensor, at::Tensor> meta_backward(
      const at::Tensor& /*grad*/,
      const at::Tensor& gate,
      const at::Tensor& up,
      Form...) {
    return {
        at::empty(gate.sizes(), gate.options()), at::empty(up.sizes(), up.options())};
  }
};

} // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  return Merged<>::call(gate_up);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return Pair<>::call(gate, up);
}

at::Tensor geglu(const at::Tensor& gate_up, Gelu form) {
  return Merged<bool>::call(gate_up, form == Gelu::Tanh);
}

at::Tensor geglu(const at::Tensor& gate, const at::Tensor& up, Gelu form) {
  return Pair<bool>::call(gate, up, form == Gelu::Tanh);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("swiglu(Tensor gate_up) -> Tensor");
  m.def("swiglu.pair(Tensor gate, Tensor up) -> Tensor");
  m.def("swiglu_backward(Tensor grad, Tensor gate_up) -> Tensor");
  m.def(
      "swiglu_backward.pair(Tensor grad, Tensor gate, Tensor up) -> (Tensor, Tensor)");
  m.def("geglu(Tensor gate_up, bool is_tanh=False) -> Tensor");
  m.def("geglu.pair(Tensor gate, Tensor up, bool is_tanh=False) -> Tensor");
  m.def("geglu_backward(Tensor grad, Tensor gate_up, bool is_tanh) -> Tensor");
  m.def(
      "geglu_backward.pair(Tensor grad, Tensor gate, Tensor up, bool is_tanh) -> "
      "(Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("swiglu", &Merged<>::by_reference);
  m.impl("swiglu.pair", &Pair<>::by_reference);
  m.impl("geglu", &Merged<bool>::by_reference);
  m.impl("geglu.pair", &Pair<bool>::by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("swiglu", &Merged<>::meta);
  m.impl("swiglu.pair", &Pair<>::meta);
  m.impl("swiglu_backward", &Merged<>::meta_backward);
  m.impl("swiglu_backward.pair", &Pair<>::meta_backward);
  m.impl("geglu", &Merged<bool>::meta);
  m.impl("geglu.pair", &Pair<bool>::meta);
  m.impl("geglu_backward", &Merged<bool>::meta_backward);
  m.impl("geglu_backward.pair", &Pair<bool>::meta_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("swiglu", &Merged<>::by_autograd);
  m.impl("swiglu.pair", &Pair<>::by_autograd);
  m.impl("geglu", &Merged<bool>::by_autograd);
  m.impl("geglu.pair", &Pair<bool>::by_autograd);
}

} // namespace omni::kernels
