// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Image, Waveform, VideoClip: values around the tensors they hold, never copies.
#include <ATen/Functions.h>

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "omni/core/media.h"
#include "python/bindings/arrays.h"
#include "python/bindings/bindings.h"

namespace omni::python {
namespace {

std::string source_text(const std::string& source) {
  return source.empty() ? std::string()
                        : ", source=" + py::repr(py::str(source)).cast<std::string>();
}

std::string repr(const Image& image) {
  std::ostringstream text;
  text << "Image(uint8 " << image.pixels.sizes() << source_text(image.source) << ")";
  return text.str();
}

std::string repr(const Waveform& waveform) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << "Waveform("
       << waveform.duration_seconds() << " s at " << waveform.sample_rate_hz << " Hz"
       << source_text(waveform.source) << ")";
  return text.str();
}

std::string repr(const VideoClip& clip) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << "VideoClip(uint8 "
       << clip.frames.sizes() << " at " << clip.times_seconds[0].item<double>()
       << " to " << clip.times_seconds[-1].item<double>() << " s";
  if (clip.audio) {
    text << ", audio=" << repr(*clip.audio);
  }
  text << source_text(clip.source) << ")";
  return text.str();
}

bool is_equal(const Image& a, const Image& b) {
  return at::equal(a.pixels, b.pixels);
}

bool is_equal(const Waveform& a, const Waveform& b) {
  return a.sample_rate_hz == b.sample_rate_hz && at::equal(a.samples, b.samples);
}

bool is_equal(const VideoClip& a, const VideoClip& b) {
  return a.audio.has_value() == b.audio.has_value() &&
      (!a.audio || is_equal(*a.audio, *b.audio)) &&
      a.audio_start_seconds == b.audio_start_seconds &&
      a.duration_seconds == b.duration_seconds && at::equal(a.frames, b.frames) &&
      at::equal(a.times_seconds, b.times_seconds);
}

// ==, repr, and the array protocols of the tensor that the value is.
template <class Value>
void bind_value(py::class_<Value>& bound, at::Tensor Value::*tensor) {
  bound.def("__repr__", [](const Value& self) { return repr(self); });
  bound.def(
      "__eq__",
      [](const Value& self, const py::object& other) -> py::object {
        if (!py::isinstance<Value>(other)) {
          return py::reinterpret_borrow<py::object>(Py_NotImplemented);
        }
        return py::bool_(is_equal(self, other.cast<const Value&>()));
      },
      py::arg("other"), "Whether the contents agree; `source` does not count.");
  bound.def_readwrite(
      "source", &Value::source, "What receipts call it: a path, \"bytes\" or empty.");
  bound.def(
      "__array__",
      [tensor](const Value& self, const py::object& dtype, const py::object& copy) {
        const py::object array = py::cast(self.*tensor).attr("numpy")();
        const py::module_ numpy = py::module_::import("numpy");
        if (copy.is_none() || !copy.cast<bool>()) {
          return numpy.attr("asarray")(array, dtype).template cast<py::object>();
        }
        return numpy.attr("array")(array, dtype).template cast<py::object>();
      },
      py::arg("dtype") = py::none(), py::arg("copy") = py::none());
  bound.def("__dlpack__", [tensor](const Value& self, const py::kwargs& options) {
    return py::cast(self.*tensor).attr("__dlpack__")(**options);
  });
  bound.def("__dlpack_device__", [tensor](const Value& self) {
    return py::cast(self.*tensor).attr("__dlpack_device__")();
  });
}

Waveform make_waveform(
    const ArrayArgument& samples,
    int64_t sample_rate_hz,
    std::string source) {
  Waveform waveform{tensor_of(samples), sample_rate_hz, std::move(source)};
  check_waveform(waveform, "waveform");
  return waveform;
}

void bind_image(py::module_& module) {
  py::class_<Image> image(module, "Image", "A picture: `pixels` uint8 [Y, X, 3], RGB.");
  image.def(
      py::init([](const ArrayArgument& pixels, std::string source) {
        Image value{tensor_of(pixels), std::move(source)};
        check_image(value, "image");
        return value;
      }),
      py::arg("pixels"), py::kw_only(), py::arg("source") = "",
      R"(A picture over the memory of `pixels`, not a copy.

Args:
    pixels: uint8 [Y, X, 3], RGB: a torch.Tensor, a NumPy array, any DLPack object.
    source: what receipts call it, such as a path.

Raises:
    TypeError: of another dtype. ValueError: of another shape, or empty.

Example:
    >>> omni.Image(torch.zeros(480, 640, 3, dtype=torch.uint8))
    Image(uint8 [480, 640, 3]))");
  image.def_readonly("pixels", &Image::pixels, "uint8 [Y, X, 3], RGB.");
  image.def_property_readonly("height", &Image::height, "In pixels.");
  image.def_property_readonly("width", &Image::width, "In pixels.");
  bind_value(image, &Image::pixels);
  image.def(py::pickle(
      [](const Image& self) { return py::make_tuple(self.pixels, self.source); },
      [](const py::tuple& state) {
        return Image{state[0].cast<at::Tensor>(), state[1].cast<std::string>()};
      }));
}

void bind_waveform(py::module_& module) {
  py::class_<Waveform> waveform(
      module, "Waveform", "Sound: `samples` float32 [S], mono, and their rate.");
  waveform.def(
      py::init(&make_waveform), py::arg("samples"), py::kw_only(),
      py::arg("sample_rate_hz"), py::arg("source") = "",
      R"(Sound over the memory of `samples`, not a copy.

Args:
    samples: float32 [S] in [-1, 1], mono: torch.Tensor, NumPy array, DLPack object.
    sample_rate_hz: samples a second.
    source: what receipts call it, such as a path.

Raises:
    TypeError: of another dtype. ValueError: of another shape, empty, or no rate.

Example:
    >>> omni.Waveform(torch.zeros(24000), sample_rate_hz=16000)
    Waveform(1.50 s at 16000 Hz))");
  waveform.def_readonly(
      "samples", &Waveform::samples, "float32 [S], mono, in [-1, 1].");
  waveform.def_readonly(
      "sample_rate_hz", &Waveform::sample_rate_hz, "Samples a second.");
  waveform.def_property_readonly(
      "duration_seconds", &Waveform::duration_seconds, "Samples over their rate.");
  bind_value(waveform, &Waveform::samples);
  waveform.def(py::pickle(
      [](const Waveform& self) {
        return py::make_tuple(self.samples, self.sample_rate_hz, self.source);
      },
      [](const py::tuple& state) {
        return Waveform{
            state[0].cast<at::Tensor>(), state[1].cast<int64_t>(),
            state[2].cast<std::string>()};
      }));
}

void bind_clip(py::module_& module) {
  py::class_<VideoClip> clip(
      module, "VideoClip",
      "Frames uint8 [N, Y, X, 3] with their times, and a soundtrack on one clock.");
  clip.def(
      py::init([](const ArrayArgument& frames, const ArrayArgument& times_seconds,
                  std::optional<Waveform> audio, double audio_start_seconds,
                  std::optional<double> duration_seconds, std::string source) {
        VideoClip value;
        value.frames = tensor_of(frames);
        value.times_seconds = tensor_of(times_seconds);
        value.audio = std::move(audio);
        value.audio_start_seconds = audio_start_seconds;
        value.source = std::move(source);
        check_video(value, "video_clip");
        value.duration_seconds = duration_seconds.value_or(std::max(
            value.times_seconds[-1].item<double>(),
            value.audio ? audio_start_seconds + value.audio->duration_seconds() : 0.0));
        return value;
      }),
      py::arg("frames"), py::kw_only(), py::arg("times_seconds"),
      py::arg("audio") = py::none(), py::arg("audio_start_seconds") = 0.0,
      py::arg("duration_seconds") = py::none(), py::arg("source") = "",
      R"(A clip over the memory of `frames`, not a copy.

Args:
    frames: uint8 [N, Y, X, 3], RGB: torch.Tensor, NumPy array, DLPack object.
    times_seconds: float64 [N], increasing, of each frame.
    audio: the soundtrack.
    audio_start_seconds: time of its first sample, on the same clock.
    duration_seconds: of the whole clip; None: until the last frame or sample.
    source: what receipts call it, such as a path.

Raises:
    TypeError: of another dtype. ValueError: of another shape, or empty.

Example:
    >>> omni.VideoClip(torch.zeros(2, 48, 64, 3, dtype=torch.uint8),
    ...                times_seconds=[0.0, 0.5])
    VideoClip(uint8 [2, 48, 64, 3] at 0.00 to 0.50 s))");
  clip.def_readonly("frames", &VideoClip::frames, "uint8 [N, Y, X, 3], RGB.");
  clip.def_readonly(
      "times_seconds", &VideoClip::times_seconds,
      "float64 [N], of each frame on the clip's own clock.");
  clip.def_readonly("audio", &VideoClip::audio, "The soundtrack, a Waveform, or None.");
  clip.def_readonly(
      "audio_start_seconds", &VideoClip::audio_start_seconds,
      "Time of the soundtrack's first sample, on the clock of the frames.");
  clip.def_readonly(
      "duration_seconds", &VideoClip::duration_seconds,
      "Of the whole clip, its frames kept or not.");
  clip.def_readonly(
      "num_frames_in_file", &VideoClip::num_frames_in_file,
      "Frames the requested range of the file holds, kept or not; 0: unknown.");
  bind_value(clip, &VideoClip::frames);
  clip.def(py::pickle(
      [](const VideoClip& self) {
        return py::make_tuple(
            self.frames, self.times_seconds, self.audio, self.audio_start_seconds,
            self.duration_seconds, self.num_frames_in_file, self.source);
      },
      [](const py::tuple& state) {
        return VideoClip{
            state[0].cast<at::Tensor>(),
            state[1].cast<at::Tensor>(),
            state[2].cast<std::optional<Waveform>>(),
            state[3].cast<double>(),
            state[4].cast<double>(),
            state[5].cast<int64_t>(),
            state[6].cast<std::string>()};
      }));
}

} // namespace

void bind_media_values(py::module_& module) {
  bind_image(module);
  bind_waveform(module);
  bind_clip(module);
}

} // namespace omni::python
