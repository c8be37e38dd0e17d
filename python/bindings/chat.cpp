// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Running conversations. `ChatHandle` is what omni.Chat wraps: one answer
// at a time, computed without the interpreter lock, ended by Ctrl-C or from any thread.
#include "omni/chat/chat.h"

#include <c10/core/InferenceMode.h>

#include <atomic>
#include <mutex>
#include <stdexcept>

#include "python/bindings/arrays.h"
#include "python/bindings/interrupt.h"
#include "python/bindings/parts_of_message.h"

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

// Ends an answer from another thread, also one that has not begun yet.
struct Cancellation {
  std::atomic<bool> is_wanted = false;
};

using OptionalCancellation = std::optional<std::shared_ptr<Cancellation>>;

class ChatHandle {
 public:
  ChatHandle(
      std::shared_ptr<OmniModelImpl> model,
      std::string system,
      std::string tools,
      std::optional<bool> thinks,
      int64_t bytes,
      bool captures_decode)
      : chat_(
            OmniModel(std::move(model)),
            {.system = std::move(system),
             .cache_bytes = bytes,
             .wants_cancel = [this] { return wants_cancel_ && wants_cancel_(); },
             .prompt = {.thinks = thinks, .tools = std::move(tools), .variables = {}},
             .generate = {.captures_decode = captures_decode}}) {}

  Reply send(
      const PartsArgument& objects,
      const SamplingOptions& sampling,
      const EventListener& on_event,
      const OptionalCancellation& cancellation) {
    std::vector<Part> parts = parts_of(objects);
    return say(
        [&](const EventCallback& listener) {
          return chat_.send(std::move(parts), sampling, listener);
        },
        on_event, cancellation);
  }

  Reply send_tool_results(
      const std::vector<ToolResult>& results,
      const SamplingOptions& sampling,
      const EventListener& on_event,
      const OptionalCancellation& cancellation) {
    return say(
        [&](const EventCallback& listener) {
          return chat_.send_tool_results(results, sampling, listener);
        },
        on_event, cancellation);
  }

  std::optional<bool> thinks() {
    const auto turn = take_turn();
    return chat_.prompt_options().thinks;
  }

  void set_thinks(std::optional<bool> thinks) {
    const auto turn = take_turn();
    chat_.prompt_options().thinks = thinks;
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
  // One turn, `speak`, computed without the interpreter lock.
  template <class Speak>
  Reply say(
      Speak speak,
      const EventListener& on_event,
      const OptionalCancellation& cancellation) {
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
        reply = speak(listener);
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

} // namespace

void bind_chat(py::module_& module) {
  py::class_<Cancellation, std::shared_ptr<Cancellation>>(
      module, "Cancellation", "Ends an answer before its next id, from any thread.")
      .def(py::init<>())
      .def("cancel", [](Cancellation& self) { self.is_wanted = true; })
      .def_property_readonly(
          "is_wanted", [](const Cancellation& self) { return self.is_wanted.load(); });
  py::class_<ChatHandle>(module, "ChatHandle", "What omni.Chat is made of.")
      .def(
          py::init<
              std::shared_ptr<OmniModelImpl>, std::string, std::string,
              std::optional<bool>, int64_t, bool>(),
          py::arg("model"), py::kw_only(), py::arg("system") = "",
          py::arg("tools") = "", py::arg("thinks") = py::none(),
          py::arg("cache_bytes") = ChatOptions().cache_bytes,
          py::arg("captures_decode") = GenerateOptions().captures_decode)
      .def(
          "send", &ChatHandle::send, py::arg("parts"), py::kw_only(),
          py::arg("sampling") = SamplingOptions(), py::arg("on_event") = py::none(),
          py::arg("cancellation") = py::none())
      .def(
          "send_tool_results", &ChatHandle::send_tool_results, py::arg("results"),
          py::kw_only(), py::arg("sampling") = SamplingOptions(),
          py::arg("on_event") = py::none(), py::arg("cancellation") = py::none())
      .def_property("thinks", &ChatHandle::thinks, &ChatHandle::set_thinks)
      .def("reset", &ChatHandle::reset)
      .def("undo", &ChatHandle::undo)
      .def_property_readonly("conversation", &ChatHandle::conversation);
}

} // namespace omni::python
