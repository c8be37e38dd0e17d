// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = x W^T + b, of the transformer and of the encoders; or many maps of one shape,
// each for a block of rows, as experts are. Unlike torch::nn::Linear it leaves its
// parameters unset when built, so that loading a checkpoint never pays for random
// numbers it then overwrites. Without gradients it uses the packed form of its weight,
// once that has been made.
#pragma once

#include <torch/nn.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/packed_linear.h"
#include "omni/core/value_stamp.h"

namespace omni {

struct LinearMapOptions {
  int64_t input_width = 0;
  int64_t output_width = 0;
  bool has_bias = false;
  int64_t num_maps = 0; // of which each takes a block of rows, without bias; 0: one map
};

class LinearMapImpl : public torch::nn::Module {
 public:
  explicit LinearMapImpl(const LinearMapOptions& options);
  // x [..., input_width] -> [..., output_width].
  at::Tensor forward(const at::Tensor& x);
  // x [N, input_width] in blocks of counts[i] rows, a block for each of `num_maps` ->
  // [N, output_width].
  at::Tensor forward_blocks(const at::Tensor& x, at::IntArrayRef counts);
  // Weight normal with deviation `weight_std`, bias 0.
  void reset_parameters(double weight_std);

  // Makes the packed form of a bfloat16 weight on the CPU, where a product with it is
  // faster, unless there is one of the weight as it is now.
  void prepare();
  // What that form would take; 0 where none is to be made, as of many maps, of which a
  // row needs few.
  [[nodiscard]] int64_t bytes_to_prepare() const;
  // Null when there is none, or the weight has changed since.
  [[nodiscard]] const kernels::PackedWeight* packed() const;

  // Numbers in `weight`, quantized or not.
  [[nodiscard]] int64_t num_weights() const {
    return num_weights_;
  }
  // Replaces the weight by one of few bits; from then on there are no gradients.
  void quantize(kernels::WeightFormat format);
  // The same for a weight that is yet to be read: the memory of `panels` is unset.
  void expect_quantized(kernels::WeightFormat format);
  // Panels go to the device, on the CPU or CUDA, and keep their bytes.
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking) override;
  void to(torch::Dtype dtype, bool non_blocking) override;
  void to(torch::Device device, bool non_blocking) override;

  // [output_width, input_width], of many maps [num_maps, ..]; undefined once quantized.
  at::Tensor weight;
  at::Tensor panels; // of a quantized weight, as kernels::PackedWeight has them
  at::Tensor bias; // [output_width] or undefined

 private:
  void set_quantized(kernels::PackedWeight weight);
  void check_device(torch::Device device) const;
  void check_gradient(const at::Tensor& x) const;

  struct Packed {
    kernels::PackedWeight weight;
    std::optional<ValueStamp> source; // of the weight it was made from; none: quantized
  };
  void set_packed(std::unique_ptr<const Packed> packed);

  int64_t num_weights_ = 0;
  std::unique_ptr<const Packed> owned_;
  std::atomic<const Packed*> packed_{nullptr}; // what is owned, for threads that read
};
TORCH_MODULE(LinearMap);

// The packed forms of all of `maps`, which double what their bfloat16 weights take:
// made where that leaves most of the memory to others. Any number of threads may ask at
// once.
void prepare_where_there_is_room(const std::vector<LinearMap>& maps);

} // namespace omni
