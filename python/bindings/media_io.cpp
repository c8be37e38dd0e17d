// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Files and bytes into media values and back.
#include "encoders/image_processor.h"
#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"

namespace omni::python {
namespace {

const char* format_name(SampleFormat format) {
  switch (format) {
    case SampleFormat::Int16:
      return "int16";
    case SampleFormat::Int24:
      return "int24";
    case SampleFormat::Float32:
      return "float32";
  }
  return "";
}

const char* interpolation_name(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::Nearest:
      return "nearest";
    case Interpolation::Bilinear:
      return "bilinear";
    case Interpolation::Bicubic:
      return "bicubic";
  }
  return "";
}

} // namespace
} // namespace omni::python

namespace pybind11::detail {

template <>
struct type_caster<omni::SampleFormat> : omni::python::NameCaster<
                                             omni::SampleFormat,
                                             &omni::python::format_name,
                                             &omni::python::enum_from_name<
                                                 omni::SampleFormat,
                                                 omni::SampleFormat::Float32,
                                                 &omni::python::format_name>> {};
template <>
struct type_caster<omni::Interpolation> : omni::python::NameCaster<
                                              omni::Interpolation,
                                              &omni::python::interpolation_name,
                                              &omni::python::enum_from_name<
                                                  omni::Interpolation,
                                                  omni::Interpolation::Bicubic,
                                                  &omni::python::interpolation_name>> {
};

} // namespace pybind11::detail

namespace omni::python {
namespace {

// The memory of a bytes-like object, held as long as this lives. BufferError when it
// is not contiguous.
class Bytes {
 public:
  explicit Bytes(const py::buffer& buffer) {
    if (PyObject_GetBuffer(buffer.ptr(), &buffer_, PyBUF_SIMPLE) != 0) {
      throw py::error_already_set();
    }
  }
  ~Bytes() {
    PyBuffer_Release(&buffer_);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  [[nodiscard]] std::string_view view() const {
    return {static_cast<const char*>(buffer_.buf), static_cast<size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

VideoOptions video_options(
    double begin_seconds,
    std::optional<double> end_seconds,
    std::optional<double> frames_per_second,
    std::optional<int64_t> max_frames,
    bool with_audio) {
  return {begin_seconds, end_seconds, frames_per_second, max_frames, with_audio};
}

void bind_budget(py::module_& module) {
  py::class_<MediaBudget> budget(
      module, "MediaBudget", "What reading one media file may cost.");
  bind_fields(
      budget, "MediaBudget", Field{"max_bytes", &MediaBudget::max_bytes},
      Field{"max_image_pixels", &MediaBudget::max_image_pixels},
      Field{"max_image_side", &MediaBudget::max_image_side},
      Field{"max_image_aspect", &MediaBudget::max_image_aspect},
      Field{"max_audio_seconds", &MediaBudget::max_audio_seconds},
      Field{"max_video_seconds", &MediaBudget::max_video_seconds},
      Field{"max_video_frames", &MediaBudget::max_video_frames},
      Field{"max_frames_per_second", &MediaBudget::max_frames_per_second},
      Field{"max_streams", &MediaBudget::max_streams},
      Field{"max_decoded_bytes", &MediaBudget::max_decoded_bytes},
      Field{"max_wall_seconds", &MediaBudget::max_wall_seconds});
}

void bind_images(py::module_& module) {
  module.def(
      "read_image",
      [](const PathArgument& path, const MediaBudget& budget) {
        const auto file = path_of(path, "read_image", "Use decode_image() for bytes.");
        const py::gil_scoped_release release;
        return read_image(file, budget);
      },
      py::arg("path"), py::kw_only(), py::arg("budget") = MediaBudget(),
      R"(A PNG, JPEG, WebP or BMP file as a viewer shows it.

Args:
    path: str or os.PathLike.
    budget: what reading may cost.

Raises:
    OSError: naming the file and the cause.

Example:
    >>> omni.read_image("cat.png")
    Image(uint8 [480, 640, 3], source='cat.png'))");
  module.def(
      "decode_image",
      [](const py::buffer& bytes, const std::string& name, const MediaBudget& budget) {
        const Bytes memory(bytes);
        const py::gil_scoped_release release;
        return decode_image(memory.view(), name, budget);
      },
      py::arg("bytes"), py::kw_only(), py::arg("name") = "bytes",
      py::arg("budget") = MediaBudget(),
      "read_image() of a file in memory (any bytes-like object); `name` stands for the "
      "path in errors and receipts.");
  module.def(
      "write_image",
      [](const Image& image, const PathArgument& path) {
        const auto file = path_of(path, "write_image", "");
        const py::gil_scoped_release release;
        write_image(image, file);
      },
      py::arg("image"), py::arg("path"),
      "Writes .png, .jpg or .jpeg, by the name. ValueError for another, OSError when "
      "it "
      "cannot be written.");
  module.def(
      "encode_png",
      [](const Image& image) {
        std::string bytes;
        {
          const py::gil_scoped_release release;
          bytes = encode_png(image);
        }
        return py::bytes(bytes);
      },
      py::arg("image"), "The bytes of a PNG file.");
  module.def(
      "encode_jpeg",
      [](const Image& image, int quality) {
        std::string bytes;
        {
          const py::gil_scoped_release release;
          bytes = encode_jpeg(image, quality);
        }
        return py::bytes(bytes);
      },
      py::arg("image"), py::kw_only(), py::arg("quality") = 95,
      "The bytes of a JPEG file; quality 1 to 100.");
  module.def(
      "resize_pixels", &resize_pixels, py::arg("pixels"), py::kw_only(),
      py::arg("height"), py::arg("width"),
      py::arg("interpolation") = Interpolation::Bilinear, ReleaseLock(),
      "Antialiased resize of uint8 [Y, X, 3] or [N, Y, X, 3], equal to PIL's within "
      "one "
      "level; \"nearest\", \"bilinear\" or \"bicubic\".");
}

void bind_sounds(py::module_& module) {
  module.def(
      "read_audio",
      [](const PathArgument& path, const MediaBudget& budget) {
        const auto file = path_of(path, "read_audio", "Use decode_audio() for bytes.");
        const py::gil_scoped_release release;
        return read_audio(file, budget);
      },
      py::arg("path"), py::kw_only(), py::arg("budget") = MediaBudget(),
      R"(A WAV, FLAC, MP3, Ogg or AAC file, or a video's soundtrack, at its own rate.

Args:
    path: str or os.PathLike.
    budget: what reading may cost.

Returns:
    The mean of its channels, float32 [S].

Raises:
    OSError: naming the file and the cause.

Example:
    >>> omni.read_audio("question.wav")
    Waveform(2.50 s at 24000 Hz, source='question.wav'))");
  module.def(
      "decode_audio",
      [](const py::buffer& bytes, const std::string& name, const MediaBudget& budget) {
        const Bytes memory(bytes);
        const py::gil_scoped_release release;
        return decode_audio(memory.view(), name, budget);
      },
      py::arg("bytes"), py::kw_only(), py::arg("name") = "bytes",
      py::arg("budget") = MediaBudget(),
      "read_audio() of a file in memory (any bytes-like object).");
  module.def(
      "resample", &resample, py::arg("waveform"), py::kw_only(), py::arg("rate_hz"),
      ReleaseLock(),
      "The same sound at another rate, in [1, 1000000] Hz; band-limited.");
  module.def(
      "write_audio",
      [](const Waveform& waveform, const PathArgument& path, SampleFormat format) {
        const auto file = path_of(path, "write_audio", "");
        const py::gil_scoped_release release;
        write_audio(waveform, file, format);
      },
      py::arg("waveform"), py::arg("path"), py::kw_only(),
      py::arg("format") = SampleFormat::Int16,
      "Writes .wav or .flac, by the name, as \"int16\", \"int24\" or (WAV) "
      "\"float32\". ValueError for another name, OSError when it cannot be written.");
  module.def(
      "encode_wav",
      [](const Waveform& waveform, SampleFormat format) {
        std::string bytes;
        {
          const py::gil_scoped_release release;
          bytes = encode_wav(waveform, format);
        }
        return py::bytes(bytes);
      },
      py::arg("waveform"), py::kw_only(), py::arg("format") = SampleFormat::Int16,
      "The bytes of a WAV file.");
  module.def(
      "encode_flac",
      [](const Waveform& waveform, SampleFormat format) {
        std::string bytes;
        {
          const py::gil_scoped_release release;
          bytes = encode_flac(waveform, format);
        }
        return py::bytes(bytes);
      },
      py::arg("waveform"), py::kw_only(), py::arg("format") = SampleFormat::Int16,
      "The bytes of a FLAC file; \"int16\" or \"int24\".");
}

void bind_videos(py::module_& module) {
  module.def(
      "read_video",
      [](const PathArgument& path, double begin_seconds,
         std::optional<double> end_seconds, std::optional<double> frames_per_second,
         std::optional<int64_t> max_frames, bool with_audio,
         const MediaBudget& budget) {
        const auto file = path_of(path, "read_video", "Use decode_video() for bytes.");
        const py::gil_scoped_release release;
        return read_video(
            file,
            video_options(
                begin_seconds, end_seconds, frames_per_second, max_frames, with_audio),
            budget);
      },
      py::arg("path"), py::kw_only(), py::arg("begin_seconds") = 0.0,
      py::arg("end_seconds") = py::none(), py::arg("frames_per_second") = py::none(),
      py::arg("max_frames") = py::none(), py::arg("with_audio") = true,
      py::arg("budget") = MediaBudget(),
      R"(Frames of an MP4, MOV, MKV, WebM or AVI file and the soundtrack, on one clock.

Args:
    path: str or os.PathLike.
    begin_seconds, end_seconds: the range read; None: to the end.
    frames_per_second: keeps the frames seen at that rate; None: every frame.
    max_frames: thins out evenly to at most so many; None: no such limit.
    with_audio: whether the soundtrack is read.
    budget: what reading may cost.

Raises:
    OSError: naming the file and the cause. ValueError: for senseless options.

Example:
    >>> omni.read_video("clip.mp4", frames_per_second=2)
    VideoClip(uint8 [8, 240, 320, 3] at 0.00 to 3.50 s, audio=Waveform(4.00 s at 48000 Hz), source='clip.mp4'))");
  module.def(
      "decode_video",
      [](const py::buffer& bytes, const std::string& name, double begin_seconds,
         std::optional<double> end_seconds, std::optional<double> frames_per_second,
         std::optional<int64_t> max_frames, bool with_audio,
         const MediaBudget& budget) {
        const Bytes memory(bytes);
        const py::gil_scoped_release release;
        return decode_video(
            memory.view(), name,
            video_options(
                begin_seconds, end_seconds, frames_per_second, max_frames, with_audio),
            budget);
      },
      py::arg("bytes"), py::kw_only(), py::arg("name") = "bytes",
      py::arg("begin_seconds") = 0.0, py::arg("end_seconds") = py::none(),
      py::arg("frames_per_second") = py::none(), py::arg("max_frames") = py::none(),
      py::arg("with_audio") = true, py::arg("budget") = MediaBudget(),
      "read_video() of a file in memory (any bytes-like object).");
}

} // namespace

void bind_media_io(py::module_& module) {
  bind_budget(module);
  bind_images(module);
  bind_sounds(module);
  bind_videos(module);
}

} // namespace omni::python
