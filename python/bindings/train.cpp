// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The C++ trainer, heard from Python.
#include <ATen/Parallel.h>

#include "omni/train/trainer.h"
#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"
#include "python/bindings/interrupt.h"

namespace omni::python {
namespace {

const char* kind_name(TrainEvent::Kind kind) {
  switch (kind) {
    case TrainEvent::Kind::LeftOut:
      return "left_out";
    case TrainEvent::Kind::Started:
      return "started";
    case TrainEvent::Kind::Resumed:
      return "resumed";
    case TrainEvent::Kind::Step:
      return "step";
    case TrainEvent::Kind::Evaluated:
      return "evaluated";
    case TrainEvent::Kind::Saved:
      return "saved";
    case TrainEvent::Kind::Finished:
      return "finished";
    case TrainEvent::Kind::Stopped:
      return "stopped";
  }
  return "";
}

} // namespace
} // namespace omni::python

namespace pybind11::detail {

template <>
struct type_caster<omni::TrainEvent::Kind> : omni::python::NameCaster<
                                                 omni::TrainEvent::Kind,
                                                 &omni::python::kind_name,
                                                 &omni::python::enum_from_name<
                                                     omni::TrainEvent::Kind,
                                                     omni::TrainEvent::Kind::Stopped,
                                                     &omni::python::kind_name>> {};

} // namespace pybind11::detail

namespace omni::python {
namespace {

// A run may set the number of threads of the whole process; a notebook goes on after.
class ThreadCountGuard {
 public:
  ThreadCountGuard() : num_threads_(at::get_num_threads()) {}
  ~ThreadCountGuard() {
    at::set_num_threads(num_threads_);
  }
  ThreadCountGuard(const ThreadCountGuard&) = delete;
  ThreadCountGuard& operator=(const ThreadCountGuard&) = delete;

 private:
  int num_threads_;
};

bool run(
    const TrainConfig& config,
    const TrainListener& on_log,
    const StopQuestion& wants_stop) {
  Interruption interruption;
  TrainHooks hooks;
  if (!on_log.is_none()) {
    hooks.on_event = [&](const TrainEvent& event) {
      if (interruption.has_error()) {
        return;
      }
      const py::gil_scoped_acquire lock;
      try {
        on_log(event);
      } catch (py::error_already_set& error) {
        interruption.keep(error);
      }
    };
  }
  hooks.wants_stop = [&] {
    if (interruption.is_wanted() || wants_stop.is_none()) {
      return interruption.has_error();
    }
    const py::gil_scoped_acquire lock;
    try {
      return py::bool_(wants_stop()).cast<bool>();
    } catch (py::error_already_set& error) {
      interruption.keep(error);
      return true;
    }
  };
  bool is_done = false;
  {
    const py::gil_scoped_release release;
    const ThreadCountGuard guard;
    is_done = train(config, hooks);
  }
  interruption.rethrow();
  return is_done;
}

void bind_train_event(py::module_& module) {
  py::class_<TrainEvent> bound(
      module, "TrainEvent",
      R"(What a training run reports: look at `kind` first.

Attributes:
    kind: "left_out": samples of a data set lack what the objective needs; "step": one
        of these each `log_every` steps; "evaluated": one for each set; "started",
        "resumed", "saved", "finished", "stopped": the run itself.
    step, num_steps: steps done, and of the whole run.
    name: of "evaluated" the set, of "saved" the folder, of "left_out" the data.
    precision: of "started" and "resumed", what `precision` is on this machine: "float32"
        or "bfloat16".
    needs, num_left_out: of "left_out", what samples lack and how many they are.
    losses: means by term, without their weights: of "step" since the last one, of
        "evaluated" over the set.
    figures: the same of what is no loss: accuracies in [0, 1], "psnr" in dB, ...
    learning_rate_share: of "step", what the schedule leaves of the learning rates, in
        [0, 1].
    gradient_norm: of "step", Euclidean, before clipping.
    tokens_per_second: of "step": tokens, frames of sound or pictures, as the objective
        counts.
    seconds_left: of "step", until the last one at the speed so far.)");
  bind_plain_fields(
      bound, Field{"kind", &TrainEvent::kind}, Field{"step", &TrainEvent::step},
      Field{"num_steps", &TrainEvent::num_steps}, Field{"name", &TrainEvent::name},
      Field{"precision", &TrainEvent::precision}, Field{"needs", &TrainEvent::needs},
      Field{"num_left_out", &TrainEvent::num_left_out},
      Field{"losses", &TrainEvent::losses}, Field{"figures", &TrainEvent::figures},
      Field{"learning_rate_share", &TrainEvent::learning_rate_share},
      Field{"gradient_norm", &TrainEvent::gradient_norm},
      Field{"tokens_per_second", &TrainEvent::tokens_per_second},
      Field{"seconds_left", &TrainEvent::seconds_left});
  bound.def("__repr__", [](const py::object& self) {
    const auto& event = self.cast<const TrainEvent&>();
    std::string text = std::string("TrainEvent('") + kind_name(event.kind);
    text.append("', step=").append(std::to_string(event.step));
    text.append(" of ").append(std::to_string(event.num_steps));
    if (!event.losses.empty()) {
      text += ", losses=" + py::repr(self.attr("losses")).cast<std::string>();
    }
    return text + ")";
  });
}

} // namespace

void bind_train(py::module_& module) {
  bind_train_event(module);
  module.def(
      "train_file",
      [](const PathArgument& path, const std::vector<std::string>& overrides,
         const TrainListener& on_log, const StopQuestion& wants_stop) {
        return run(
            read_train_config(path_of(path, "train", ""), overrides), on_log,
            wants_stop);
      },
      py::arg("path"), py::kw_only(), py::arg("overrides"), py::arg("on_log"),
      py::arg("wants_stop"));
  module.def(
      "train_json",
      [](const std::string& json, const std::filesystem::path& folder,
         const std::vector<std::string>& overrides, const TrainListener& on_log,
         const StopQuestion& wants_stop) {
        return run(parse_train_config(json, folder, overrides), on_log, wants_stop);
      },
      py::arg("json"), py::kw_only(), py::arg("folder"), py::arg("overrides"),
      py::arg("on_log"), py::arg("wants_stop"));
}

} // namespace omni::python
