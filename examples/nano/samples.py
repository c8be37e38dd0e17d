# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A training sample in the making, and shards of them in the WebDataset convention."""

import io
import json
import tarfile
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass
class Sample:
    kind: str
    messages: list[dict] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict = field(default_factory=dict)  # for judges; training does not read them

    def say(self, role: str, *parts: dict | str) -> None:
        content = [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]
        self.messages.append({"role": role, "content": content})

    def ask(self, question: str, answer: str) -> None:
        self.say("user", question)
        self.say("assistant", answer)

    def picture(self, image: Image.Image, labels: dict | None = None) -> dict:
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        part = {"type": "image", "file": self._add("png", buffer.getvalue())}
        return part | ({"labels": labels} if labels else {})

    def sound(self, samples: np.ndarray, rate: int, kind: str = "audio", **extra) -> dict:
        """`samples` float in [-1, 1]; kept as 16-bit WAV."""
        return {"type": kind, "file": self._add("wav", wav_bytes(samples, rate)), **extra}

    def video(self, data: bytes) -> dict:
        return {"type": "video", "file": self._add("mp4", data)}

    def _add(self, extension: str, data: bytes) -> str:
        name = f"{len(self.files)}.{extension}"
        self.files[name] = data
        return name


def wav_bytes(samples: np.ndarray, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        levels = np.clip(np.asarray(samples) * 32767, -32768, 32767)
        file.writeframes(levels.astype("<i2").tobytes())
    return buffer.getvalue()


def write_shard(path: Path, samples) -> int:
    """Writes (key, Sample) pairs into one tar, atomically; returns how many."""
    count = 0
    partial = path.with_suffix(".partial")
    with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
        for key, sample in samples:
            record = {"kind": sample.kind, "messages": sample.messages, "facts": sample.facts}
            files = {"json": json.dumps(record, ensure_ascii=False).encode()} | sample.files
            for name, data in files.items():
                entry = tarfile.TarInfo(f"{key}.{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
            count += 1
    partial.rename(path)
    return count
