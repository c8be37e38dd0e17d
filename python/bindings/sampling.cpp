// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How answers are drawn, and what they report while they come.
#include "omni/model/sampling_options.h"

#include <c10/util/Exception.h>

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
    repetition_penalty: on ids that the prompt or the answer's text has; logits above 0
        are divided by it, others multiplied, as in transformers; 1: none (1).
    presence_penalty: off the logit of a text id that the answer has; usually -2 to 2, as
        with OpenAI and vLLM; 0: none (0).
    frequency_penalty: off it for each time that the answer has the id; usually -2 to 2;
        0: none (0).
    seed: same seed, same ids.
    max_text_tokens: limit of text (none for a published model, whose text ends with the
        turn or the context; 256 for one of ours).
    max_images, max_speech_codes: limits; 25 speech codes a second.
    image_temperature: of image codes (1).
    image_guidance_scale: classifier-free guidance; 1: none (1).
    speech_temperature: of speech codes (0).
    stop: text ends before the first of these; a special token is looked for as an id.
    modalities: what may come out. Empty: text, and pictures where the model decides
        to draw. ["image"]: a picture at once. ["speech"]: text, then the speech that
        says it.)");
  bind_fields(
      options, "SamplingOptions", Field{"temperature", &SamplingOptions::temperature},
      Field{"top_k", &SamplingOptions::top_k}, Field{"top_p", &SamplingOptions::top_p},
      Field{"min_p", &SamplingOptions::min_p},
      Field{"repetition_penalty", &SamplingOptions::repetition_penalty},
      Field{"presence_penalty", &SamplingOptions::presence_penalty},
      Field{"frequency_penalty", &SamplingOptions::frequency_penalty},
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

Event make_event(
    Event::Kind kind,
    std::string text,
    std::optional<Image> image,
    std::optional<Waveform> speech,
    int64_t num_done,
    int64_t num_total,
    std::optional<ToolCall> call) {
  const auto check = [&](const char* field, bool is_given, Event::Kind only) {
    TORCH_CHECK_VALUE(
        is_given == (kind == only), "[event] expected `", field, "` for the kind \"",
        event_kind_name(only), "\" alone, got the kind \"", event_kind_name(kind),
        "\" ", is_given ? "with" : "without", " it.");
  };
  check("image", image.has_value(), Event::Kind::Image);
  check("speech", speech.has_value(), Event::Kind::Speech);
  check("call", call.has_value(), Event::Kind::ToolCall);
  return {
      kind,     std::move(text), image.value_or(Image()),  speech.value_or(Waveform()),
      num_done, num_total,       call.value_or(ToolCall())};
}

std::optional<ToolCall> call_of(const Event& event) {
  return event.kind == Event::Kind::ToolCall ? std::optional(event.call) : std::nullopt;
}

std::optional<Image> image_of(const Event& event) {
  return event.kind == Event::Kind::Image ? std::optional(event.image) : std::nullopt;
}

std::optional<Waveform> speech_of(const Event& event) {
  return event.kind == Event::Kind::Speech ? std::optional(event.speech) : std::nullopt;
}

void bind_generation_event(py::module_& module) {
  py::class_<Event> bound(
      module, "Event",
      R"(What a running answer reports: look at `kind` first.

Attributes:
    kind: "text": a piece of text; "reasoning": a piece of what the model thinks before
        it answers; "tool_call": a function it wants to be called; "drawing": a picture
        is on its way; "image": it is finished; "speech": a chunk that follows the one
        before without a gap; "done": the last event.
    text: of "text" and "reasoning", whole characters; else empty.
    image: of "image", an Image of uint8 [Y, X, 3]; else None.
    speech: of "speech", a Waveform of float32 [S]; else None.
    num_done, num_total: of "drawing", codes so far and of the whole picture; else 0.
    call: of "tool_call", a ToolCall; else None.)");
  bound.def(
      py::init(&make_event), py::arg("kind"), py::kw_only(), py::arg("text") = "",
      py::arg("image") = py::none(), py::arg("speech") = py::none(),
      py::arg("num_done") = 0, py::arg("num_total") = 0, py::arg("call") = py::none());
  bound.def_readonly("kind", &Event::kind);
  bound.def_readonly("text", &Event::text);
  bound.def_property_readonly("image", &image_of);
  bound.def_property_readonly("speech", &speech_of);
  bound.def_readonly("num_done", &Event::num_done);
  bound.def_readonly("num_total", &Event::num_total);
  bound.def_property_readonly("call", &call_of);
  bind_equality(
      bound,
      py::make_tuple(
          "kind", "text", "image", "speech", "num_done", "num_total", "call"));
  bound.def(py::pickle(
      [](const Event& self) {
        return py::make_tuple(
            self.kind, self.text, image_of(self), speech_of(self), self.num_done,
            self.num_total, call_of(self));
      },
      [](const py::tuple& state) {
        return make_event(
            state[0].cast<Event::Kind>(), state[1].cast<std::string>(),
            state[2].cast<std::optional<Image>>(),
            state[3].cast<std::optional<Waveform>>(), state[4].cast<int64_t>(),
            state[5].cast<int64_t>(), state[6].cast<std::optional<ToolCall>>());
      }));
  bound.def("__repr__", [](const py::object& self) {
    const auto& event = self.cast<const Event&>();
    std::string text = std::string("Event('") + event_kind_name(event.kind) + "'";
    const auto add = [&](const char* name) {
      text.append(", ").append(name).append("=");
      text += py::repr(self.attr(name)).cast<std::string>();
    };
    switch (event.kind) {
      case Event::Kind::Text:
      case Event::Kind::Reasoning:
        add("text");
        break;
      case Event::Kind::ToolCall:
        add("call");
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
  bind_generation_event(module);
}

} // namespace omni::python
