// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/op_table.h"

#include <ATen/CPUGeneratorImpl.h>

#include "kernels/reference.h"

namespace omni::kernels::testing {
namespace {

constexpr int64_t kFsqDims = 4;
const std::vector<int64_t> kLevels = {8, 5, 5, 5};

OpCase rms_norm_case(std::string variant, int64_t width, RmsNormOptions options) {
  return {
      .op = "rms_norm",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {normal({rows, width}, dtype, 1), normal({width}, dtype, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {rms_norm(in[0], in[1], options)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::rms_norm(in[0], in[1], options)};
      },
      .num_differentiable = 2,
      .float32_gradient_tolerance = 1e-5};
}

// `branch` says in which dtype x comes when the rest is float32.
OpCase add_rms_norm_case(
    std::string variant,
    int64_t width,
    RmsNormOptions options,
    bool has_float_residual) {
  return {
      .op = "add_rms_norm",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        const bool mixed = has_float_residual && dtype == at::kBFloat16;
        return {
            normal({2, rows, width}, dtype, 1),
            normal({2, rows, width}, mixed ? at::kFloat : dtype, 2),
            normal({width}, mixed ? at::kFloat : dtype, 3)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        const auto out = add_rms_norm(in[0], in[1], in[2], options);
        return {out.normed, out.sum};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        const auto out = reference::add_rms_norm(in[0], in[1], in[2], options);
        return {out.normed, out.sum};
      },
      .num_differentiable = 3,
      .bfloat16_tolerance = 1.6e-2,
      .float32_gradient_tolerance = 1e-5};
}

OpCase quantized_add_rms_norm_case(std::string variant, bool has_residual) {
  const RmsNormOptions options{1e-5, 1.0, 0.25};
  const auto dequantized = [](const QuantizedRmsNorm& out) -> Tensors {
    return {out.quantized.to(at::kFloat) * out.scales.unsqueeze(-1), out.sum};
  };
  const auto residual = [=](const Tensors& in) {
    return has_residual ? std::optional<at::Tensor>(in[2]) : std::nullopt;
  };
  return {
      .op = "quantized_add_rms_norm",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({2, rows, 33}, dtype, 1), normal({33}, dtype, 3),
            normal({2, rows, 33}, at::kFloat, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return dequantized(quantized_add_rms_norm(in[0], residual(in), in[1], options));
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return dequantized(
            reference::quantized_add_rms_norm(in[0], residual(in), in[1], options));
      },
      // A sum rounded to bfloat16 moves an entry by a step, a 127th of the largest.
      .bfloat16_tolerance = 0.1};
}

OpCase residual_vq_case(bool is_encode) {
  return {
      .op = is_encode ? "residual_vq_encode" : "residual_vq_decode",
      .variant = "3 stages",
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        const at::Tensor codes =
            (at::arange(0, 6 * rows, at::kLong) * 13).remainder(21).view({2, rows, 3});
        return {
            is_encode ? normal({2, rows, 19}, dtype, 1) : codes,
            normal({3, 21, 19}, dtype, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {
            is_encode ? residual_vq_encode(in[0], in[1])
                      : residual_vq_decode(in[0], in[1])};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {
            is_encode ? reference::residual_vq_encode(in[0], in[1])
                      : reference::residual_vq_decode(in[0], in[1])};
      }};
}

OpCase splice_rows_case() {
  return {
      .op = "splice_rows",
      .variant = "every third slot",
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        const at::Tensor indices = at::arange(0, rows, at::kLong) * 3;
        return {
            normal({2, 2 * rows, 33}, dtype, 1), normal({rows, 33}, dtype, 2),
            indices.flip(0)};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {splice_rows(in[0], in[1], in[2])};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::splice_rows(in[0], in[1], in[2])};
      },
      .num_differentiable = 2,
      .float32_tolerance = 0.0,
      .bfloat16_tolerance = 0.0,
      .float32_gradient_tolerance = 0.0,
      .bfloat16_gradient_tolerance = 0.0};
}

OpCase patchify_case(std::string variant, PatchifyOptions options) {
  const int64_t cell = options.patch_size * options.merge;
  return {
      .op = "patchify",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType) -> Tensors {
        return {(normal({rows, 2 * cell, 3 * cell, 3}, at::kFloat, 1).abs() * 80.0)
                    .clamp_max(255)
                    .to(at::kByte)};
      },
      .fused = [=](const Tensors& in) -> Tensors { return {patchify(in[0], options)}; },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::patchify(in[0], options)};
      }};
}

OpCase fsq_values_case(bool is_encode) {
  return {
      .op = is_encode ? "fsq_encode" : "fsq_quantize",
      .variant = "8 5 5 5",
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {normal({rows, 3, kFsqDims}, dtype, 1)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {is_encode ? fsq_encode(in[0], kLevels) : fsq_quantize(in[0], kLevels)};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {
            is_encode ? reference::fsq_encode(in[0], kLevels)
                      : reference::fsq_quantize(in[0], kLevels)};
      },
      .num_differentiable = is_encode ? size_t{0} : size_t{1},
      .is_smooth = false};
}

OpCase fsq_decode_case() {
  return {
      .op = "fsq_decode",
      .variant = "8 5 5 5",
      .inputs = [](int64_t rows, at::ScalarType) -> Tensors {
        return {
            (at::arange(0, 3 * rows, at::kLong) * 37).remainder(1000).view({3, rows})};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {fsq_decode(in[0], kLevels)};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::fsq_decode(in[0], kLevels)};
      }};
}

OpCase
linear_cross_entropy_case(std::string variant, double multiplier, double z_loss) {
  const auto options = [=](const Tensors& in) {
    return LinearCrossEntropyOptions{multiplier, z_loss, in[3].to(at::kFloat)};
  };
  return {
      .op = "linear_cross_entropy",
      .variant = std::move(variant),
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        at::Tensor targets = (at::arange(0, rows, at::kLong) * 11).remainder(37);
        if (rows > 1) {
          targets.slice(0, 1, rows, 3).fill_(kIgnoredTarget);
        }
        return {
            normal({rows, 24}, dtype, 1), normal({37, 24}, dtype, 2) * 0.3, targets,
            normal({rows}, at::kFloat, 3).abs()};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        const auto out = linear_cross_entropy(in[0], in[1], in[2], options(in));
        return {out.loss, out.row_losses};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        const auto out =
            reference::linear_cross_entropy(in[0], in[1], in[2], options(in));
        return {out.loss, out.row_losses};
      },
      .num_differentiable = 2,
      .float32_tolerance = 5e-6,
      .float32_gradient_tolerance = 1e-5};
}

OpCase depthwise_conv1d_case(std::string variant, int64_t kernel, int64_t channels) {
  return {
      .op = "depthwise_conv1d",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({2, rows, channels}, dtype, 1), normal({kernel, channels}, dtype, 2),
            normal({channels}, dtype, 3)};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {depthwise_conv1d(in[0], in[1], in[2])};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::depthwise_conv1d(in[0], in[1], in[2])};
      },
      .num_differentiable = 3,
      .float32_gradient_tolerance = 1e-5};
}

} // namespace

const std::vector<OpCase>& op_table() {
  static const std::vector<OpCase> table = [] {
    std::vector<OpCase> cases = {
        rms_norm_case("odd width", 33, {}),
        rms_norm_case("offset", 64, {.eps = 1e-5, .weight_offset = 1.0}),
        add_rms_norm_case("odd width", 33, {}, false),
        add_rms_norm_case("offset, multiplier", 48, {1e-5, 1.0, 0.25}, false),
        add_rms_norm_case("float32 residual", 40, {}, true),
        quantized_add_rms_norm_case("residual", true),
        quantized_add_rms_norm_case("no residual", false),
        splice_rows_case(),
        patchify_case("8, merge 2", {.patch_size = 8, .merge = 2}),
        patchify_case("3, merge 1", {{0.4, 0.5, 0.6}, {0.2, 0.3, 0.4}, 3, 1}),
        fsq_values_case(true),
        fsq_values_case(false),
        fsq_decode_case(),
        residual_vq_case(true),
        residual_vq_case(false),
        linear_cross_entropy_case("plain", 1.0, 0.0),
        linear_cross_entropy_case("multiplier, z-loss", 0.5, 1e-2),
        depthwise_conv1d_case("7 taps", 7, 33),
        depthwise_conv1d_case("1 tap, 1 channel", 1, 1)};
    for (const auto& more :
         {attention_cases(), feed_forward_cases(), packed_linear_cases()}) {
      cases.insert(cases.end(), more.begin(), more.end());
    }
    return cases;
  }();
  return table;
}

at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype, uint64_t seed) {
  return at::randn(
             sizes, at::make_generator<at::CPUGeneratorImpl>(seed),
             at::TensorOptions(at::kDouble))
      .to(dtype);
}

Tensors in_float64(const Tensors& tensors) {
  Tensors converted;
  for (const at::Tensor& tensor : tensors) {
    const bool floating = tensor.defined() && at::isFloatingType(tensor.scalar_type());
    converted.push_back(floating ? tensor.to(at::kDouble) : tensor);
  }
  return converted;
}

std::string difference(const Tensors& got, const Tensors& expected, double tolerance) {
  if (got.size() != expected.size()) {
    return "number of outputs";
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i].sizes() != expected[i].sizes()) {
      return c10::str(
          "output ", i, " is ", got[i].sizes(), ", not ", expected[i].sizes());
    }
    if (got[i].numel() == 0) {
      continue;
    }
    const at::Tensor wanted = expected[i].to(at::kDouble);
    const at::Tensor error =
        (got[i].to(at::kDouble) - wanted).abs() / (wanted.abs() + 1.0);
    const double worst = error.max().item<double>();
    if (!(worst <= tolerance)) { // NaN fails too.
      return c10::str("output ", i, " is off by ", worst, " > ", tolerance);
    }
  }
  return "";
}

} // namespace omni::kernels::testing
