# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Image, Waveform, VideoClip: views of memory, equality, pickling, repr."""

import copy
import pickle

import numpy as np
import pytest
import torch

import omni


class Lender:
    """Any library's array that speaks DLPack."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


def test_tensors_are_held_and_not_copied() -> None:
    pixels = torch.zeros(4, 5, 3, dtype=torch.uint8)
    image = omni.Image(pixels)
    assert image.pixels is pixels
    samples = torch.zeros(7)
    assert omni.Waveform(samples, sample_rate_hz=8000).samples.data_ptr() == samples.data_ptr()
    frames = torch.zeros(2, 4, 5, 3, dtype=torch.uint8)
    clip = omni.VideoClip(frames, times_seconds=[0.0, 0.5])
    assert clip.frames.data_ptr() == frames.data_ptr()


def test_numpy_and_dlpack_share_memory() -> None:
    array = np.zeros((4, 5, 3), dtype=np.uint8)
    image = omni.Image(array)
    assert image.pixels.data_ptr() == array.ctypes.data
    array[0, 0, 0] = 9
    assert image.pixels[0, 0, 0] == 9
    lent = torch.zeros(16)
    assert omni.Waveform(Lender(lent), sample_rate_hz=8000).samples.data_ptr() == lent.data_ptr()
    # And back out again.
    assert np.asarray(image).ctypes.data == array.ctypes.data
    assert torch.from_dlpack(image).data_ptr() == array.ctypes.data
    assert np.array(image, copy=True).ctypes.data != array.ctypes.data


def test_arrays_outlive_their_owner() -> None:
    image = omni.Image(np.full((4, 5, 3), 7, dtype=np.uint8))
    assert int(image.pixels.sum()) == 7 * 60


def test_what_torch_cannot_view_is_copied() -> None:
    array = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    flipped = omni.Image(array[::-1])
    assert np.array_equal(np.asarray(flipped), array[::-1])
    array.flags.writeable = False
    assert np.array_equal(np.asarray(omni.Image(array)), array)


def test_pil_pictures_are_arrays() -> None:
    pil = pytest.importorskip("PIL.Image")
    picture = pil.new("RGB", (5, 4), (1, 2, 3))
    image = omni.Image(picture)
    assert (image.width, image.height) == (5, 4)
    assert image.pixels[0, 0].tolist() == [1, 2, 3]


def test_repr_says_shape_and_units(
    picture: omni.Image, sound: omni.Waveform, clip: omni.VideoClip
) -> None:
    assert repr(picture) == "Image(uint8 [20, 30, 3], source='picture')"
    assert repr(omni.Waveform(torch.zeros(60000), sample_rate_hz=24000)) == (
        "Waveform(2.50 s at 24000 Hz)"
    )
    assert repr(sound) == "Waveform(1.00 s at 16000 Hz, source='sound')"
    assert repr(clip) == (
        "VideoClip(uint8 [6, 16, 16, 3] at 0.00 to 2.50 s, "
        "audio=Waveform(1.00 s at 16000 Hz, source='sound'), source='clip')"
    )


@pytest.mark.parametrize("name", ["picture", "sound", "clip"])
def test_equality_and_pickling(name: str, request: pytest.FixtureRequest) -> None:
    value = request.getfixturevalue(name)
    twin = pickle.loads(pickle.dumps(value))
    assert twin == value and twin is not value
    assert twin.source == value.source
    assert copy.deepcopy(value) == value
    assert value != "something else" and not (value == 3)
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_values_that_differ() -> None:
    a = omni.Image(torch.zeros(2, 2, 3, dtype=torch.uint8), source="a")
    same = omni.Image(torch.zeros(2, 2, 3, dtype=torch.uint8), source="b")
    assert a == same  # where it came from does not count
    assert a != omni.Image(torch.ones(2, 2, 3, dtype=torch.uint8))
    assert a != omni.Image(torch.zeros(2, 3, 3, dtype=torch.uint8))
    low = omni.Waveform(torch.zeros(4), sample_rate_hz=8000)
    assert low != omni.Waveform(torch.zeros(4), sample_rate_hz=16000)
    frames = torch.zeros(2, 2, 2, 3, dtype=torch.uint8)
    clip = omni.VideoClip(frames, times_seconds=[0.0, 1.0])
    assert clip != omni.VideoClip(frames, times_seconds=[0.0, 2.0])
    assert clip != omni.VideoClip(frames, times_seconds=[0.0, 1.0], audio=low)


def test_a_clip_lasts_until_its_last_frame_or_sample(sound: omni.Waveform) -> None:
    frames = torch.zeros(2, 2, 2, 3, dtype=torch.uint8)
    clip = omni.VideoClip(frames, times_seconds=[0.0, 0.25])
    assert clip.duration_seconds == 0.25
    heard = omni.VideoClip(frames, times_seconds=[0.0, 0.25], audio=sound, audio_start_seconds=0.5)
    assert heard.duration_seconds == 1.5


def test_plain_values_are_immutable_and_compare() -> None:
    options = omni.SamplingOptions(temperature=0.5, stop=["x"], modalities=["image"])
    assert options == omni.SamplingOptions(temperature=0.5, stop=["x"], modalities=["image"])
    assert options != omni.SamplingOptions(temperature=0.5)
    assert repr(options) == ("SamplingOptions(temperature=0.5, stop=['x'], modalities=['image'])")
    assert pickle.loads(pickle.dumps(options)) == options
    with pytest.raises(AttributeError):
        options.temperature = 1.0
    budget = omni.MediaBudget(max_bytes=10)
    assert pickle.loads(pickle.dumps(budget)) == budget
    assert repr(budget) == "MediaBudget(max_bytes=10)"
