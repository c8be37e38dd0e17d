# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Files and bytes into values and back."""

import inspect
from pathlib import Path

import pytest
import torch

import omni

MEDIA = Path(__file__).resolve().parents[2] / "examples" / "media"


@pytest.mark.parametrize("kind", [str, Path])
def test_pictures_round_trip(picture: omni.Image, tmp_path: Path, kind: type) -> None:
    path = tmp_path / "그림.png"
    omni.write_image(picture, kind(path))
    read = omni.read_image(kind(path))
    assert read == picture
    assert read.source == str(path)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_bytes_like_objects_decode(picture: omni.Image, wrap: type) -> None:
    content = omni.encode_png(picture)
    assert content.startswith(b"\x89PNG")
    assert omni.decode_image(wrap(content), name="mine").source == "mine"
    assert omni.decode_image(wrap(content)) == picture


def test_views_with_gaps_are_refused(picture: omni.Image) -> None:
    content = omni.encode_png(picture)
    with pytest.raises(BufferError):
        omni.decode_image(memoryview(content)[::2])


def test_jpeg_quality_is_a_trade(picture: omni.Image) -> None:
    small = omni.encode_jpeg(picture, quality=10)
    assert len(small) < len(omni.encode_jpeg(picture))
    assert omni.decode_image(small).pixels.shape == picture.pixels.shape


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_sounds_round_trip(sound: omni.Waveform, tmp_path: Path, name: str) -> None:
    omni.write_audio(sound, tmp_path / name, format="int24")
    read = omni.read_audio(tmp_path / name)
    assert read.sample_rate_hz == 16000
    torch.testing.assert_close(read.samples, sound.samples, atol=2**-22, rtol=0)


def test_encoded_sounds(sound: omni.Waveform) -> None:
    assert omni.decode_audio(omni.encode_wav(sound, format="float32")) == sound
    assert omni.encode_flac(sound).startswith(b"fLaC")
    half = omni.resample(sound, rate_hz=8000)
    assert half.sample_rate_hz == 8000 and abs(half.duration_seconds - 1.0) < 1e-3
    with pytest.raises(ValueError, match="Int16 or Int24, got Float32"):
        omni.encode_flac(sound, format="float32")


def test_video_options_are_keywords() -> None:
    clip = omni.read_video(MEDIA / "clip.mp4", frames_per_second=2.0)
    assert clip.frames.shape[0] == len(clip.times_seconds) == 4
    assert clip.audio is not None
    late = omni.read_video(MEDIA / "clip.mp4", begin_seconds=1.0, with_audio=False, max_frames=1)
    assert late.audio is None and late.frames.shape[0] == 1
    content = (MEDIA / "clip.mp4").read_bytes()
    assert omni.decode_video(content, frames_per_second=2.0) == clip
    with pytest.raises(TypeError):
        omni.read_video(MEDIA / "clip.mp4", 1.0)


def test_a_budget_is_held() -> None:
    with pytest.raises(OSError, match="read_image.*bytes"):
        omni.read_image(MEDIA / "scene.png", budget=omni.MediaBudget(max_bytes=100))


def test_resize_pixels(picture: omni.Image) -> None:
    small = omni.resize_pixels(picture.pixels, height=10, width=15, interpolation="bicubic")
    assert small.shape == (10, 15, 3) and small.dtype == torch.uint8


def test_docstrings_and_defaults_are_visible() -> None:
    for name in omni.__all__:
        if inspect.isroutine(getattr(omni, name)):
            assert getattr(omni, name).__doc__, name
    assert "frames_per_second" in omni.read_video.__doc__
    parameters = inspect.signature(omni.Chat.send).parameters
    assert parameters["temperature"].default is None  # as the model recommends
    assert list(parameters)[:4] == ["self", "parts", "on_event", "sampling"]
