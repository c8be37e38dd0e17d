// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/support/recorded_calls.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <string>
#include <utility>
#include <vector>

namespace omni::testing {
namespace {

constexpr auto kRecording = c10::DispatchKey::TESTING_ONLY_GenericMode;

struct RecordedCall {
  c10::OperatorHandle op;
  std::vector<c10::IValue> arguments;
  std::vector<c10::IValue> results;
};

thread_local std::vector<RecordedCall>* recorded = nullptr; // null: nothing is

void record_call(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard only_the_outermost(kRecording);
  const size_t num_arguments = op.schema().arguments().size();
  std::vector<c10::IValue> arguments(
      stack->end() - static_cast<ptrdiff_t>(num_arguments), stack->end());
  op.callBoxed(stack);
  const size_t num_results = op.schema().returns().size();
  recorded->push_back(
      {op,
       std::move(arguments),
       {stack->end() - static_cast<ptrdiff_t>(num_results), stack->end()}});
}

// A view of what was recorded shows what was written there already.
void write_over(const c10::IValue& old, const c10::IValue& result) {
  if (old.isTensorList()) {
    const auto olds = old.toTensorVector(), results = result.toTensorVector();
    for (size_t i = 0; i < olds.size(); ++i) {
      write_over(olds[i], results[i]);
    }
  } else if (old.isTensor() && !old.toTensor().is_alias_of(result.toTensor())) {
    old.toTensor().copy_(result.toTensor());
  }
}

void call_again(const RecordedCall& call) {
  torch::jit::Stack stack = call.arguments;
  call.op.callBoxed(&stack);
  for (size_t i = 0; i < call.results.size(); ++i) {
    write_over(call.results[i], stack[i]);
  }
}

class CallGraph : public kernels::DeviceGraph {
 public:
  explicit CallGraph(std::shared_ptr<RecordingCounts> counts)
      : counts_(std::move(counts)) {}

  void record(const std::function<void()>& work) override {
    calls_.clear();
    work(); // as a device is warmed up
    {
      const c10::impl::IncludeDispatchKeyGuard on(kRecording);
      recorded = &calls_;
      work();
      recorded = nullptr;
    }
    ++counts_->recordings;
    counts_->calls = calls_.size();
  }

  void replay() override {
    ++counts_->replays;
    for (const RecordedCall& call : calls_) {
      call_again(call);
    }
  }

 private:
  std::shared_ptr<RecordingCounts> counts_;
  std::vector<RecordedCall> calls_;
};

thread_local std::set<std::string>* seen_names = nullptr;

std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
  seen_names->insert(function.name());
  return nullptr;
}

} // namespace

RecordedCalls::RecordedCalls()
    : before_(kernels::register_device_graph(
          c10::DeviceType::CPU,
          [counts = counts_](at::Device) {
            return std::make_unique<CallGraph>(counts);
          })) {}

RecordedCalls::~RecordedCalls() {
  kernels::register_device_graph(c10::DeviceType::CPU, before_);
}

std::set<std::string> called_operators(const std::function<void()>& call) {
  std::set<std::string> names;
  seen_names = &names;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&see).scopes({at::RecordScope::FUNCTION}));
  call();
  at::removeCallback(handle);
  seen_names = nullptr;
  return names;
}

std::set<std::string> waiting_operators(const std::function<void()>& call) {
  std::set<std::string> waiting;
  for (const std::string& name : called_operators(call)) {
    for (const char* part :
         {"::item", "::_local_scalar_dense", "::nonzero", "::is_nonzero", "::equal",
          "::masked_select", "::unique", "::bincount", "::allclose"}) {
      if (name.find(part) != std::string::npos) {
        waiting.insert(name);
      }
    }
  }
  return waiting;
}

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&record_call>());
}

} // namespace omni::testing
