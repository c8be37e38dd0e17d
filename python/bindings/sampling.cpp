// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How answers are drawn, and what they report while they come.
#include "omni/model/sampling_options.h"

#include "omni/generate/event.h"
#include "python/bindings/fields.h"

namespace omni::python {
namespace {

void bind_options(py::module_& module) {
  py::class_<SamplingOptions> options(
      module, "SamplingOptions",
      R"(How ids are drawn and when generation ends.

What is None is what the model recommends (`OmniModel.sampling_defaults`), and else the
neutral value in brackets.

Args:
    temperature: 0: always the most likely id (0).
    top_k: 0: all (0).
    top_p: nucleus mass in (0, 1] (1).
    min_p: share of the largest probability, in [0, 1) (0).
    repetition_penalty: on text ids already there; 1: none (1).
    seed: same seed, same ids.
    max_text_tokens, max_images, max_speech_codes: limits; 25 speech codes a second.
    image_temperature: of image codes (1).
    image_guidance_scale: classifier-free guidance; 1: none (1).
    speech_temperature: of speech codes (0).
    stop: text ends before the first of these.
    modalities: what may come out. Empty: text, and pictures where the model decides
        to draw. ["image"]: a picture at once. ["speech"]: text, then the speech that
        says it.)");
  bind_fields(
      options, "SamplingOptions", Field{"temperature", &SamplingOptions::temperature},
      Field{"top_k", &SamplingOptions::top_k}, Field{"top_p", &SamplingOptions::top_p},
      Field{"min_p", &SamplingOptions::min_p},
      Field{"repetition_penalty", &SamplingOptions::repetition_penalty},
      Field{"seed", &SamplingOptions::seed},
      Field{"max_text_tokens", &SamplingOptions::max_text_tokens},
      Field{"max_images", &SamplingOptions::max_images},
      Field{"max_speech_codes", &SamplingOptions::max_speech_codes},
      Field{"image_temperature", &SamplingOptions::image_temperature},
      Field{"image_guidance_scale", &SamplingOptions::image_guidance_scale},
      Field{"speech_temperature", &SamplingOptions::speech_temperature},
      Field{"stop", &SamplingOptions::stop},
      Field{"modalities", &SamplingOptions::modalities});
}

void bind_event(py::module_& module) {
  py::class_<Event>(
      module, "Event", "What a running answer reports: look at `kind` first.")
      .def_readonly(
          "kind", &Event::kind,
          "\"text\": a piece of text; \"drawing\": a picture is on its way; \"image\": "
          "finished; \"speech\": a chunk that follows the one before without a gap; "
          "\"done\": the last event.")
      .def_readonly("text", &Event::text)
      .def_property_readonly(
          "image",
          [](const Event& self) {
            return self.kind == Event::Kind::Image ? std::optional(self.image)
                                                   : std::nullopt;
          })
      .def_property_readonly(
          "speech",
          [](const Event& self) {
            return self.kind == Event::Kind::Speech ? std::optional(self.speech)
                                                    : std::nullopt;
          })
      .def_readonly("num_done", &Event::num_done, "Codes of a drawing so far.")
      .def_readonly("num_total", &Event::num_total, "Codes of a whole drawing.")
      .def("__repr__", [](const py::object& self) {
        const auto& event = self.cast<const Event&>();
        std::string text = std::string("Event('") + event_kind_name(event.kind) + "'";
        const auto add = [&](const char* name) {
          text.append(", ").append(name).append("=");
          text += py::repr(self.attr(name)).cast<std::string>();
        };
        switch (event.kind) {
          case Event::Kind::Text:
            add("text");
            break;
          case Event::Kind::Drawing:
            add("num_done");
            add("num_total");
            break;
          case Event::Kind::Image:
            add("image");
            break;
          case Event::Kind::Speech:
            add("speech");
            break;
          case Event::Kind::Done:
            break;
        }
        return text + ")";
      });
}

} // namespace

void bind_sampling(py::module_& module) {
  bind_options(module);
  bind_event(module);
}

} // namespace omni::python
