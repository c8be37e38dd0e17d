// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The computations of a model's learnt parts, as functions of the model: omni.parts
// gives them to the torch modules that hold the parameters. Gradients flow as in C++.
#include <c10/util/Exception.h>

#include "omni/model/omni_model.h"
#include "python/bindings/bindings.h"

namespace omni::python {
namespace {

using Losses = std::pair<
    std::vector<std::pair<std::string, at::Tensor>>,
    std::vector<std::pair<std::string, at::Tensor>>>;

// A part that the model has; else ValueError by name.
template <class Part>
Part& present(Part& part, const char* name) {
  TORCH_CHECK_VALUE(
      part, "[model] expected a model with `", name, "`, got one without it.");
  return part;
}

Transformer& transformer(OmniModelImpl& model) {
  return present(model.transformer, "transformer");
}
ImageCodec& image_codec(OmniModelImpl& model) {
  return present(model.image_codec, "image_codec");
}
SpeechCodec& speech_codec(OmniModelImpl& model) {
  return present(model.speech_codec, "speech_codec");
}
Vocoder& vocoder(OmniModelImpl& model) {
  return present(model.vocoder, "vocoder");
}
Conformer& conformer(OmniModelImpl& model) {
  return present(model.conformer, "conformer");
}

Losses losses_of(CodecLosses losses) {
  return {std::move(losses.terms), std::move(losses.figures)};
}

void bind_transformer(py::module_& module) {
  module.def(
      "transformer_embed",
      [](OmniModelImpl& model, const at::Tensor& ids) {
        return transformer(model)->embed(ids);
      },
      py::arg("model"), py::arg("ids"), ReleaseLock());
  module.def(
      "transformer_forward",
      [](OmniModelImpl& model, const at::Tensor& hidden, const at::Tensor& positions,
         const std::optional<at::Tensor>& segments) {
        return transformer(model)->forward(
            {hidden, positions, segments.value_or(at::Tensor())});
      },
      py::arg("model"), py::arg("hidden"), py::arg("positions"),
      py::arg("segments") = py::none(), ReleaseLock());
  module.def(
      "transformer_logits",
      [](OmniModelImpl& model, const at::Tensor& hidden) {
        return transformer(model)->logits(hidden);
      },
      py::arg("model"), py::arg("hidden"), ReleaseLock());
}

void bind_encoders(py::module_& module) {
  module.def(
      "vit_forward",
      [](OmniModelImpl& model, const at::Tensor& patches,
         const std::vector<std::array<int64_t, 3>>& grids) {
        std::vector<PatchGrid> values;
        for (const auto& grid : grids) {
          values.push_back({grid[0], grid[1], grid[2]});
        }
        return present(model.vit, "vit")->forward(patches, values);
      },
      py::arg("model"), py::arg("patches"), py::arg("grids"), ReleaseLock());
  module.def(
      "conformer_forward",
      [](OmniModelImpl& model, const at::Tensor& mel, const at::Tensor& lengths) {
        ConformerOutput output = conformer(model)->forward(mel, lengths);
        return std::pair(output.rows, output.lengths);
      },
      py::arg("model"), py::arg("mel"), py::arg("lengths"), ReleaseLock());
  module.def(
      "conformer_ctc_logits",
      [](OmniModelImpl& model, const at::Tensor& rows) {
        return conformer(model)->ctc_logits(rows);
      },
      py::arg("model"), py::arg("rows"), ReleaseLock());
  module.def(
      "vision_projector_forward",
      [](OmniModelImpl& model, const at::Tensor& rows) {
        return present(model.vision_projector, "vision_projector")->forward(rows);
      },
      py::arg("model"), py::arg("rows"), ReleaseLock());
  module.def(
      "audio_projector_forward",
      [](OmniModelImpl& model, const at::Tensor& rows) {
        return present(model.audio_projector, "audio_projector")->forward(rows);
      },
      py::arg("model"), py::arg("rows"), ReleaseLock());
}

void bind_codecs(py::module_& module) {
  module.def(
      "image_codec_encode",
      [](OmniModelImpl& model, const at::Tensor& pixels) {
        return image_codec(model)->encode(pixels);
      },
      py::arg("model"), py::arg("pixels"), ReleaseLock());
  module.def(
      "image_codec_decode",
      [](OmniModelImpl& model, const at::Tensor& codes) {
        return image_codec(model)->decode(codes);
      },
      py::arg("model"), py::arg("codes"), ReleaseLock());
  module.def(
      "image_codec_losses",
      [](OmniModelImpl& model, const at::Tensor& pixels) {
        return losses_of(image_codec(model)->losses(pixels));
      },
      py::arg("model"), py::arg("pixels"), ReleaseLock());
  module.def(
      "speech_codec_encode",
      [](OmniModelImpl& model, const at::Tensor& mel) {
        return speech_codec(model)->encode(mel);
      },
      py::arg("model"), py::arg("mel"), ReleaseLock());
  module.def(
      "speech_codec_decode",
      [](OmniModelImpl& model, const at::Tensor& codes) {
        return speech_codec(model)->decode(codes);
      },
      py::arg("model"), py::arg("codes"), ReleaseLock());
  module.def(
      "speech_codec_losses",
      [](OmniModelImpl& model, const at::Tensor& mel, const at::Tensor& lengths) {
        return losses_of(speech_codec(model)->losses(mel, lengths));
      },
      py::arg("model"), py::arg("mel"), py::arg("lengths"), ReleaseLock());
  module.def(
      "vocoder_forward",
      [](OmniModelImpl& model, const at::Tensor& mel) {
        return vocoder(model)->forward(mel);
      },
      py::arg("model"), py::arg("mel"), ReleaseLock());
  module.def(
      "vocoder_losses",
      [](OmniModelImpl& model, const at::Tensor& mel, const at::Tensor& samples) {
        return losses_of(vocoder(model)->losses(mel, samples));
      },
      py::arg("model"), py::arg("mel"), py::arg("samples"), ReleaseLock());
}

} // namespace

void bind_parts(py::module_& module) {
  bind_transformer(module);
  bind_encoders(module);
  bind_codecs(module);
}

} // namespace omni::python
