// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Calls on CPU tensors go to the CUDA kernels: every op that has one, which are all of
// libomni_kernels_cuda_emulated, gets a CPU kernel that hands the call on. What has
// none stays what it is. That library's registrations come before those of a program.
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <memory>
#include <vector>

namespace omni::kernels::testing {
namespace {

void call_cuda(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  op.callBoxedForDispatchKey(c10::DispatchKey::CUDA, *stack);
}

// That a kernel takes the place of another is meant here.
struct NoWarnings : c10::WarningHandler {
  void process(const c10::Warning& /*warning*/) override {}
};

// Registered as long as the program runs.
const auto routes = [] {
  NoWarnings no_warnings;
  const c10::WarningUtils::WarningHandlerGuard guard(&no_warnings);
  auto library = std::make_unique<torch::Library>(
      torch::Library::IMPL, "omni", c10::DispatchKey::CPU, __FILE__, __LINE__);
  for (const auto& name : c10::Dispatcher::singleton().getRegistrationsForDispatchKey(
           c10::DispatchKey::CUDA)) {
    if (name.name.starts_with("omni::")) {
      library->impl(
          c10::toString(name).c_str(),
          torch::CppFunction::makeFromBoxedFunction<&call_cuda>());
    }
  }
  return library;
}();

} // namespace
} // namespace omni::kernels::testing
