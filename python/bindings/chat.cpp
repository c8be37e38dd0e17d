// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Conversations and their receipts. `ChatHandle` is what omni.Chat wraps: one answer
// at a time, computed without the interpreter lock, ended by Ctrl-C or from any thread.
#include "omni/chat/chat.h"

#include <c10/core/InferenceMode.h>

#include <atomic>
#include <mutex>
#include <stdexcept>

#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"
#include "python/bindings/interrupt.h"
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

static void make_ordinary(Reply& reply) {
  for (Image& image : reply.images) {
    make_ordinary(image.pixels);
  }
  if (reply.speech) {
    make_ordinary(reply.speech->samples);
  }
}

namespace {

using ReceiptList = Typed<"omni.receipt.Receipt">;

// Ends an answer from another thread, also one that has not begun yet.
struct Cancellation {
  std::atomic<bool> is_wanted = false;
};

class ChatHandle {
 public:
  ChatHandle(std::shared_ptr<OmniModelImpl> model, std::string system, int64_t bytes)
      : chat_(
            OmniModel(std::move(model)),
            {.system = std::move(system), .cache_bytes = bytes, .wants_cancel = [this] {
               return wants_cancel_ && wants_cancel_();
             }}) {}

  Reply send(
      const PartsArgument& objects,
      const SamplingOptions& sampling,
      const EventListener& on_event,
      const std::optional<std::shared_ptr<Cancellation>>& cancellation) {
    std::vector<Part> parts = parts_of(objects);
    const auto turn = take_turn();
    Interruption interruption;
    EventCallback listener;
    if (!on_event.is_none()) {
      listener = [&](const Event& event) {
        return tell(on_event, event, interruption);
      };
    }
    Reply reply;
    {
      const py::gil_scoped_release release;
      wants_cancel_ = [&] {
        return (cancellation && (*cancellation)->is_wanted) || interruption.is_wanted();
      };
      try {
        reply = chat_.send(std::move(parts), sampling, listener);
      } catch (...) {
        wants_cancel_ = {};
        throw;
      }
      wants_cancel_ = {};
      make_ordinary(reply);
    }
    interruption.rethrow();
    return reply;
  }

  void reset() {
    const auto turn = take_turn();
    chat_.reset();
  }

  bool undo() {
    const auto turn = take_turn();
    return chat_.undo();
  }

  std::vector<Message> conversation() {
    const auto turn = take_turn();
    std::vector<Message> messages = chat_.conversation().messages;
    for (Message& message : messages) {
      for (Part& part : message.parts) {
        make_ordinary(part);
      }
    }
    return messages;
  }

 private:
  std::unique_lock<std::mutex> take_turn() {
    std::unique_lock<std::mutex> turn(mutex_, std::try_to_lock);
    if (!turn.owns_lock()) {
      throw std::runtime_error(
          "[chat] expected one call at a time, got another while an answer is being "
          "given. Finish or close() its stream first, or use a second Chat.");
    }
    return turn;
  }

  // One event to a Python listener; False from it, or an error in it, ends the answer.
  static bool
  tell(const py::object& on_event, Event event, Interruption& interruption) {
    if (interruption.has_error()) {
      return false;
    }
    const c10::InferenceMode ordinary(false);
    make_ordinary(event);
    const py::gil_scoped_acquire lock;
    try {
      return !on_event(std::move(event)).is(py::bool_(false));
    } catch (py::error_already_set& error) {
      interruption.keep(error);
      return false;
    }
  }

  std::mutex mutex_;
  std::function<bool()> wants_cancel_;
  Chat chat_;
};

void bind_results(py::module_& module) {
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

void bind_reply(py::module_& module) {
  py::class_<Reply> bound(
      module, "Reply",
      R"(An answer: text, pictures, speech and receipts.

Attributes:
    text: the whole text; empty when there is none.
    images: pictures drawn, in order, each an Image of uint8 [Y, X, 3].
    speech: a Waveform of float32 [S], or None.
    receipt: a Receipt: a list of one MediaReceipt for each media input, in order.
    usage: how many tokens, a Usage.
    seconds: how long it took, a Timing.
    stop_reason: "end_of_turn", "length", "stop_string" or "cancelled".)");
  bound.def(
      py::init([](std::string text, std::vector<Image> images,
                  std::optional<Waveform> speech, std::vector<MediaReceipt> receipt,
                  Usage usage, Timing seconds, StopReason stop_reason) {
        return Reply{
            std::move(text), std::move(images), std::move(speech), std::move(receipt),
            usage,           seconds,           stop_reason};
      }),
      py::kw_only(), py::arg("text") = "", py::arg("images") = std::vector<Image>(),
      py::arg("speech") = py::none(), py::arg("receipt") = std::vector<MediaReceipt>(),
      py::arg("usage") = Usage(), py::arg("seconds") = Timing(),
      py::arg("stop_reason") = StopReason::EndOfTurn);
  bound.def_readonly("text", &Reply::text);
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
          "text", "images", "speech", "receipt", "usage", "seconds", "stop_reason"));
  bound.def("__str__", [](const Reply& self) { return self.text; })
      .def(
          "__repr__",
          [](const py::object& self) {
            const auto& reply = self.cast<const Reply&>();
            std::string text =
                "Reply(" + py::repr(self.attr("text")).cast<std::string>();
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
                self.text, self.images, self.speech, self.receipt, self.usage,
                self.seconds, self.stop_reason);
          },
          [](const py::tuple& state) {
            return Reply{
                state[0].cast<std::string>(),
                state[1].cast<std::vector<Image>>(),
                state[2].cast<std::optional<Waveform>>(),
                state[3].cast<std::vector<MediaReceipt>>(),
                state[4].cast<Usage>(),
                state[5].cast<Timing>(),
                state[6].cast<StopReason>()};
          }));
}

} // namespace

void bind_chat(py::module_& module) {
  bind_results(module);
  bind_reply(module);
  py::class_<Cancellation, std::shared_ptr<Cancellation>>(
      module, "Cancellation", "Ends an answer before its next id, from any thread.")
      .def(py::init<>())
      .def("cancel", [](Cancellation& self) { self.is_wanted = true; })
      .def_property_readonly(
          "is_wanted", [](const Cancellation& self) { return self.is_wanted.load(); });
  py::class_<ChatHandle>(module, "ChatHandle", "What omni.Chat is made of.")
      .def(
          py::init<std::shared_ptr<OmniModelImpl>, std::string, int64_t>(),
          py::arg("model"), py::kw_only(), py::arg("system") = "",
          py::arg("cache_bytes") = ChatOptions().cache_bytes)
      .def(
          "send", &ChatHandle::send, py::arg("parts"), py::kw_only(),
          py::arg("sampling") = SamplingOptions(), py::arg("on_event") = py::none(),
          py::arg("cancellation") = py::none())
      .def("reset", &ChatHandle::reset)
      .def("undo", &ChatHandle::undo)
      .def_property_readonly("conversation", &ChatHandle::conversation);
}

} // namespace omni::python
