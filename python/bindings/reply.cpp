// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What an answer amounts to: the reply, its receipts, calls of tools and their results.
#include "omni/chat/chat.h"
#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"
#include "python/bindings/parts_of_message.h"

namespace pybind11::detail {

template <>
struct type_caster<omni::StopReason> : omni::python::NameCaster<
                                           omni::StopReason,
                                           &omni::stop_reason_name,
                                           &omni::python::enum_from_name<
                                               omni::StopReason,
                                               omni::StopReason::Cancelled,
                                               &omni::stop_reason_name>> {};

} // namespace pybind11::detail

namespace omni::python {
namespace {

using ReceiptList = Typed<"omni.receipt.Receipt">;

void bind_receipts(py::module_& module) {
  py::class_<MediaReceipt> receipt(
      module, "MediaReceipt",
      R"(What became of one media input of a message.

Attributes:
    modality: "image", "audio" or "video".
    source: a path, "bytes", what the value was given, or empty.
    height, width: pixels as decoded; 0 for sound.
    num_frames: frames of a clip given to the model.
    frame_times_seconds: of those frames, from the clip's begin.
    sample_rate_hz: samples a second as decoded; 0 without sound.
    seconds_heard: of the sound given to the model.
    token_begin, token_end: its rows in the sequence, half-open.
    encode_seconds: from pixels and samples to rows; 0 when `was_cached`.
    was_cached: whether rows of an earlier turn were used again.
    dropped: sentences that say what was left out and why; empty: nothing.)");
  bind_fields(
      receipt, "MediaReceipt", Field{"modality", &MediaReceipt::modality},
      Field{"source", &MediaReceipt::source}, Field{"height", &MediaReceipt::height},
      Field{"width", &MediaReceipt::width},
      Field{"num_frames", &MediaReceipt::num_frames},
      Field{"frame_times_seconds", &MediaReceipt::frame_times_seconds},
      Field{"sample_rate_hz", &MediaReceipt::sample_rate_hz},
      Field{"seconds_heard", &MediaReceipt::seconds_heard},
      Field{"token_begin", &MediaReceipt::token_begin},
      Field{"token_end", &MediaReceipt::token_end},
      Field{"encode_seconds", &MediaReceipt::encode_seconds},
      Field{"was_cached", &MediaReceipt::was_cached},
      Field{"dropped", &MediaReceipt::dropped});
  receipt.def("__str__", [](const MediaReceipt& self) { return describe(self); });
  py::class_<Usage> usage(
      module, "Usage",
      R"(Tokens of one answer.

Attributes:
    prompt_tokens: of the whole sequence before the answer, rows of media too.
    prefilled_tokens: of those, what was computed now and not found in the cache.
    answer_tokens: ids given, of any kind.)");
  bind_fields(
      usage, "Usage", Field{"prompt_tokens", &Usage::prompt_tokens},
      Field{"prefilled_tokens", &Usage::prefilled_tokens},
      Field{"answer_tokens", &Usage::answer_tokens});
  py::class_<Timing> timing(
      module, "Timing",
      R"(Seconds of one answer.

Attributes:
    encode: media into rows.
    prefill: from then to the first id.
    generate: from there to the end: ids, pictures and sound.
    total: all of it.)");
  bind_fields(
      timing, "Timing", Field{"encode", &Timing::encode},
      Field{"prefill", &Timing::prefill}, Field{"generate", &Timing::generate},
      Field{"total", &Timing::total});
}

void bind_answer(py::module_& module) {
  py::class_<Reply> bound(
      module, "Reply",
      R"(An answer: text, pictures, speech and receipts.

Attributes:
    text: the answer itself; empty when there is none.
    reasoning: what a published model thought before it answered; else empty.
    tool_calls: ToolCalls that the model wants to be answered, in order.
    images: pictures drawn, in order, each an Image of uint8 [Y, X, 3].
    speech: a Waveform of float32 [S], or None.
    receipt: a Receipt: a list of one MediaReceipt for each media input, in order.
    usage: how many tokens, a Usage.
    seconds: how long it took, a Timing.
    stop_reason: "end_of_turn", "length", "stop_string" or "cancelled".)");
  bound.def(
      py::init([](std::string text, std::string reasoning,
                  std::vector<ToolCall> tool_calls, std::vector<Image> images,
                  std::optional<Waveform> speech, std::vector<MediaReceipt> receipt,
                  Usage usage, Timing seconds, StopReason stop_reason) {
        return Reply{
            std::move(text),
            std::move(reasoning),
            std::move(tool_calls),
            std::move(images),
            std::move(speech),
            std::move(receipt),
            usage,
            seconds,
            stop_reason};
      }),
      py::kw_only(), py::arg("text") = "", py::arg("reasoning") = "",
      py::arg("tool_calls") = std::vector<ToolCall>(),
      py::arg("images") = std::vector<Image>(), py::arg("speech") = py::none(),
      py::arg("receipt") = std::vector<MediaReceipt>(), py::arg("usage") = Usage(),
      py::arg("seconds") = Timing(), py::arg("stop_reason") = StopReason::EndOfTurn);
  bound.def_readonly("text", &Reply::text);
  bound.def_readonly("reasoning", &Reply::reasoning);
  bound.def_readonly("tool_calls", &Reply::tool_calls);
  bound.def_readonly("images", &Reply::images);
  bound.def_readonly("speech", &Reply::speech);
  bound.def_property_readonly("receipt", [](const Reply& self) -> ReceiptList {
    return py::module_::import("omni.receipt").attr("Receipt")(self.receipt);
  });
  bound.def_readonly("usage", &Reply::usage);
  bound.def_readonly("seconds", &Reply::seconds);
  bound.def_readonly("stop_reason", &Reply::stop_reason);
  bind_equality(
      bound,
      py::make_tuple(
          "text", "reasoning", "tool_calls", "images", "speech", "receipt", "usage",
          "seconds", "stop_reason"));
  bound.def("__str__", [](const Reply& self) { return self.text; })
      .def(
          "__repr__",
          [](const py::object& self) {
            const auto& reply = self.cast<const Reply&>();
            std::string text =
                "Reply(" + py::repr(self.attr("text")).cast<std::string>();
            if (!reply.reasoning.empty()) {
              text +=
                  ", reasoning=" + py::repr(self.attr("reasoning")).cast<std::string>();
            }
            if (!reply.tool_calls.empty()) {
              text += ", tool_calls=" +
                  py::repr(self.attr("tool_calls")).cast<std::string>();
            }
            if (!reply.images.empty()) {
              text += ", images=" + py::repr(self.attr("images")).cast<std::string>();
            }
            if (reply.speech) {
              text += ", speech=" + py::repr(self.attr("speech")).cast<std::string>();
            }
            return text + ", stop_reason='" + stop_reason_name(reply.stop_reason) +
                "')";
          })
      .def(py::pickle(
          [](const Reply& self) {
            return py::make_tuple(
                self.text, self.reasoning, self.tool_calls, self.images, self.speech,
                self.receipt, self.usage, self.seconds, self.stop_reason);
          },
          [](const py::tuple& state) {
            return Reply{
                state[0].cast<std::string>(),
                state[1].cast<std::string>(),
                state[2].cast<std::vector<ToolCall>>(),
                state[3].cast<std::vector<Image>>(),
                state[4].cast<std::optional<Waveform>>(),
                state[5].cast<std::vector<MediaReceipt>>(),
                state[6].cast<Usage>(),
                state[7].cast<Timing>(),
                state[8].cast<StopReason>()};
          }));
}

void bind_tools(py::module_& module) {
  py::class_<ToolCall> call(
      module, "ToolCall",
      R"(A function that a model asks to be called.

Attributes:
    name: of the function.
    arguments: a JSON object as text: json.loads() reads it.
    id: as the model named the call, else "call00000", "call00001", ...)");
  bind_fields(
      call, "ToolCall", Field{"name", &ToolCall::name},
      Field{"arguments", &ToolCall::arguments}, Field{"id", &ToolCall::id});
  py::class_<ToolResult> result(
      module, "ToolResult",
      R"(What a function gave back, for Chat.send_tool_results().

Attributes:
    content: text, JSON or not.
    name: of the function; empty: not said.
    call_id: `id` of the ToolCall it is for; empty: not said.)");
  bind_fields(
      result, "ToolResult", Field{"content", &ToolResult::content},
      Field{"name", &ToolResult::name}, Field{"call_id", &ToolResult::call_id});
}

} // namespace

void bind_reply(py::module_& module) {
  bind_tools(module);
  bind_receipts(module);
  bind_answer(module);
}

} // namespace omni::python
