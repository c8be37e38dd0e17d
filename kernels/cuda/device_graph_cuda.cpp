// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A CUDA graph of work on a device. The one source here that needs CUDA's own headers,
// by way of torch's.
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <utility>

#include "kernels/device_graph.h"

namespace omni::kernels::cuda {
namespace {

// Libraries that the work calls (cuBLAS) make their handles, workspaces and choices in
// the first runs, which a stream that is captured must not; torch runs a module so
// often before it is captured too.
constexpr int kWarmUpRuns = 3;

// `later` continues after what `earlier` has been given to do.
void continue_after(
    const c10::cuda::CUDAStream& later,
    const c10::cuda::CUDAStream& earlier) {
  at::cuda::CUDAEvent event;
  event.record(earlier);
  event.block(later);
}

// Of the current stream, which must not stay in capture where an error ends it.
class Capture {
 public:
  explicit Capture(at::cuda::CUDAGraph& graph) : graph_(&graph) {
    // What other threads do meanwhile on streams of their own is no part of it.
    graph.capture_begin(/*pool=*/{0, 0}, cudaStreamCaptureModeThreadLocal);
  }
  ~Capture() {
    if (graph_ == nullptr) {
      return;
    }
    try {
      graph_->capture_end();
    } catch (const c10::Error&) {
      // What went wrong is on its way already; the next call that looks for an error of
      // CUDA's must not find this one.
      static_cast<void>(cudaGetLastError());
    }
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void end() {
    std::exchange(graph_, nullptr)->capture_end();
  }

 private:
  at::cuda::CUDAGraph* graph_; // null: it has ended
};

class CudaGraph : public DeviceGraph {
 public:
  explicit CudaGraph(at::Device device) : device_(device) {}

  void record(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard on_device(device_);
    graph_ = nullptr; // and its memory
    // The default stream cannot be captured.
    const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream();
    const c10::cuda::CUDAStream side =
        c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device_.index());
    continue_after(side, caller);
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    {
      const c10::cuda::CUDAStreamGuard on_side(side);
      for (int i = 0; i < kWarmUpRuns; ++i) {
        work();
      }
      Capture capture(*graph);
      work();
      capture.end();
    }
    continue_after(caller, side);
    graph_ = std::move(graph);
  }

  void replay() override {
    const c10::cuda::CUDAGuard on_device(device_);
    graph_->replay();
  }

 private:
  at::Device device_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_; // null: nothing is recorded
};

// As long as the library is loaded, which is for good.
const auto registration = register_device_graph(
    c10::DeviceType::CUDA,
    [](at::Device device) { return std::make_unique<CudaGraph>(device); });

} // namespace
} // namespace omni::kernels::cuda
