// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Files and bytes into sound and back.
#include "encoders/media/audio_io.h"
#include "python/bindings/arrays.h"

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

} // namespace pybind11::detail

namespace omni::python {

void bind_sound_io(py::module_& module) {
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
      "read_audio() of a file in memory (any bytes-like object); `name` stands for the "
      "path in errors and receipts. OSError for what is no such file.");
  module.def(
      "resample", &resample, py::arg("waveform"), py::kw_only(), py::arg("rate_hz"),
      ReleaseLock(),
      R"(The same sound at another rate, band-limited.

Args:
    waveform: float32 [S], at 1 to 1,000,000 Hz.
    rate_hz: samples a second of the result, in the same range.

Returns:
    A Waveform of ceil(S * rate_hz / sample_rate_hz) samples, or one less; at its own
    rate `waveform` itself.

Raises:
    ValueError: for a rate out of range, or rates too far apart.

Example:
    >>> omni.resample(omni.Waveform(torch.zeros(24000), sample_rate_hz=24000), rate_hz=16000)
    Waveform(1.00 s at 16000 Hz))");
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
      R"(Sound as a file in memory.

Args:
    waveform: float32 [S]; what lies outside [-1, 1] is clipped in whole-number formats.
    format: of a sample: "int16", "int24" or "float32".

Returns:
    The bytes of a WAV file.

Raises:
    ValueError: for another format, samples that are not finite, or 4 GiB and more.

Example:
    >>> omni.decode_audio(omni.encode_wav(waveform, format="float32")) == waveform
    True)");
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
      R"(Sound as a file in memory, compressed without loss.

Args:
    waveform: float32 [S]; what lies outside [-1, 1] is clipped.
    format: of a sample: "int16" or "int24".

Returns:
    The bytes of a FLAC file.

Raises:
    ValueError: for another format, a rate that FLAC cannot hold, or samples that are not
        finite. NotImplementedError: where FFmpeg is built without FLAC.

Example:
    >>> omni.encode_flac(waveform)[:4]
    b'fLaC')");
}

} // namespace omni::python
