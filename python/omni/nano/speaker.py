# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The model under evaluation behind a few calls: what is sent, what comes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import omni

from .recipe import Sample

Value = str | omni.Image | omni.Waveform | omni.VideoClip
# What becomes of a part before it is sent; None leaves it out.
Change = Callable[[Value], Value | None]


@dataclass(frozen=True)
class Settings:
    """How answers are drawn, the same for every task."""

    # Twice and more what the longest true answers take; the rest is running on.
    max_text_tokens: int = 96
    max_speech_codes: int = 300
    sampling: dict[str, Any] = field(default_factory=dict)  # of SamplingOptions


def value_of(sample: Sample, part: dict[str, Any]) -> Value:
    """A part of a user's message as the value that is sent."""
    if part["type"] == "text":
        return str(part["text"])
    data, name = sample.files[part["file"]], part["file"]
    if part["type"] == "image":
        return omni.decode_image(data, name=name)
    if part["type"] == "audio":
        return omni.decode_audio(data, name=name)
    return omni.decode_video(data, name=name)


def without_media(value: Value) -> Value | None:
    return value if isinstance(value, str) else None


def without_soundtrack(value: Value) -> Value | None:
    """A clip as it is but silent."""
    if not isinstance(value, omni.VideoClip) or value.audio is None:
        return value
    silence = torch.zeros_like(value.audio.samples)
    return omni.VideoClip(
        value.frames,
        times_seconds=value.times_seconds,
        audio=omni.Waveform(silence, sample_rate_hz=value.audio.sample_rate_hz),
        audio_start_seconds=value.audio_start_seconds,
        duration_seconds=value.duration_seconds,
        source=value.source,
    )


def text_of(parts: Sequence[dict[str, Any]]) -> str:
    """The text parts of a message or an answer."""
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


class Speaker:
    """One model and one running conversation with it."""

    def __init__(self, model: omni.OmniModel, settings: Settings | None = None) -> None:
        self.model = model
        self.settings = settings or Settings()
        self._chat = omni.Chat(model, cache_bytes=16 << 20) if model.transformer else None

    @classmethod
    def load(cls, folder: Path | None, settings: Settings | None = None) -> "Speaker":
        """Of a model folder, or the embedded model."""
        return cls(omni.load(folder), settings)

    def begin(self) -> None:
        """Starts a conversation of its own."""
        if self._chat is not None:
            self._chat.reset()

    def ask(
        self, *values: Value, modalities: Sequence[str] = (), seed: int = 0
    ) -> omni.Reply | None:
        """The answer, or None where the conversation has grown beyond the model's
        positions: an endless answer before it, which counts as wrong."""
        if self._chat is None:
            raise ValueError("[evaluate] expected a model with a transformer, got codecs alone.")
        options: dict[str, Any] = {
            "max_text_tokens": self.settings.max_text_tokens,
            "max_speech_codes": self.settings.max_speech_codes,
            "modalities": list(modalities),
            "seed": seed,
        } | self.settings.sampling
        try:
            return self._chat.send(*values, **options)
        except ValueError as error:
            if "expected a conversation of at most" in str(error):
                return None
            raise

    def ask_parts(
        self,
        sample: Sample,
        parts: Sequence[dict[str, Any]],
        *,
        change: Change | None = None,
        modalities: Sequence[str] = (),
        seed: int = 0,
    ) -> omni.Reply | None:
        """`ask` with a message of a sample; None too when `change` leaves nothing."""
        values = [value_of(sample, part) for part in parts]
        kept = [v if change is None else change(v) for v in values]
        left = [v for v in kept if v is not None]
        return self.ask(*left, modalities=modalities, seed=seed) if left else None


def image_levels(image: omni.Image) -> np.ndarray[Any, Any]:
    """uint8 [Y, X, 3]."""
    return image.pixels.numpy()


def speech_samples(reply: omni.Reply | None) -> np.ndarray[Any, Any]:
    """float32 [S] at 16 kHz; a moment of silence where nothing was said."""
    if reply is None or reply.speech is None or reply.speech.samples.numel() < 1600:
        return np.zeros(1600, dtype=np.float32)
    speech = reply.speech
    if speech.sample_rate_hz != 16000:
        speech = omni.resample(speech, rate_hz=16000)
    return speech.samples.to(torch.float32).numpy()
