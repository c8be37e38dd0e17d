// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Files and bytes into pictures and clips, and pictures back.
#include "encoders/image_processor.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"

namespace omni::python {
namespace {

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
      module, "MediaBudget",
      R"(What reading one media file may cost. Held against what is read and decoded, never
against what a header declares; OSError names the limit that a file goes over.

Args:
    max_bytes: of the file or buffer.
    max_image_pixels: of a picture or of one frame.
    max_image_side: pixels.
    max_image_aspect: long side over short side.
    max_audio_seconds: decoded.
    max_video_seconds: of the requested range.
    max_video_frames: frames kept of a clip.
    max_frames_per_second: by the time stamps of a clip's frames.
    max_streams: in one file.
    max_decoded_bytes: of the frames kept, or of the samples.
    max_wall_seconds: of one call.)");
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
      "path in errors and receipts. OSError for what is no such file.");
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
      py::arg("image"),
      R"(A picture as a file in memory, without loss.

Args:
    image: uint8 [Y, X, 3].

Returns:
    The bytes of a PNG file.

Raises:
    ValueError: for a picture that the format cannot hold.

Example:
    >>> omni.decode_image(omni.encode_png(image)) == image
    True)");
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
      R"(A picture as a small file in memory.

Args:
    image: uint8 [Y, X, 3].
    quality: 1 to 100.

Returns:
    The bytes of a JPEG file.

Raises:
    ValueError: for another quality, or a picture that the format cannot hold.

Example:
    >>> omni.decode_image(omni.encode_jpeg(image, quality=80)).width == image.width
    True)");
  module.def(
      "resize_pixels", &resize_pixels, py::arg("pixels"), py::kw_only(),
      py::arg("height"), py::arg("width"),
      py::arg("interpolation") = Interpolation::Bilinear, ReleaseLock(),
      R"(Antialiased resize, equal to PIL's within one level.

Args:
    pixels: uint8 [Y, X, 3], or [N, Y, X, 3] of frames.
    height, width: pixels of the result.
    interpolation: "nearest", "bilinear" or "bicubic".

Returns:
    uint8 [height, width, 3], or [N, height, width, 3].

Raises:
    TypeError: for another dtype or shape. ValueError: for a size below 1, or another
        interpolation.

Example:
    >>> omni.resize_pixels(image.pixels, height=64, width=64).shape
    torch.Size([64, 64, 3]))");
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
      "read_video() of a file in memory (any bytes-like object); `name` stands for the "
      "path in errors and receipts. OSError for what is no such file, ValueError for "
      "senseless options.");
}

} // namespace

void bind_media_io(py::module_& module) {
  bind_budget(module);
  bind_images(module);
  bind_videos(module);
}

} // namespace omni::python
