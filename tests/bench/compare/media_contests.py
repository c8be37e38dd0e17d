# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Files into patch rows: 32 frames of a clip, a JPEG; text into ids."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from contest import HERE, Contest, Contestant, Target
from encoder_contests import compare_answers
from engine_pipe import ROOT, Engine
from machine_limits import Limit
from published_weights import smollm2

MEDIA = ROOT / "build" / "bench" / "media"
# What is cut into patches of 14 in cells of two: the multiples of 28 next to a third of the
# clip's size, and next to the picture's.
CLIP_SIZE = {"height": 252, "width": 448}
PICTURE_SIZE = {"height": 1036, "width": 1036}
NO_LIMIT = Limit(None, "neither memory nor arithmetic alone limits the decoding of files and text")
# Decoders and resizers round apart; by the norm of the difference over the norm.
MOST_APART = {"float32": 0.05}


def ffmpeg(target: Path, *arguments: str) -> Path:
    if target.exists():
        return target
    if not shutil.which("ffmpeg"):
        raise OSError("expected the program ffmpeg to make clips with, got none")
    MEDIA.mkdir(parents=True, exist_ok=True)
    part = target.with_stem(target.stem + "-part")
    subprocess.run(
        ["ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", *arguments, part], check=True
    )
    return part.rename(target)


def clip() -> Path:
    """30 s at 30 frames a second and 3 Mbit/s, as films are sent; x264 itself chooses where
    a picture stands from which decoding can start (each 250 frames at the latest)."""
    source = "testsrc2=size=1280x720:rate=30:duration=30,noise=alls=6:allf=t"
    settings = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", "3M", "-pix_fmt", "yuv420p")
    return ffmpeg(MEDIA / "clip.mp4", "-i", source, *settings)


def picture() -> Path:
    source = "mandelbrot=size=1024x1024"
    return ffmpeg(MEDIA / "picture.jpg", "-i", source, "-frames:v", "1", "-q:v", "3")


def media_contest(key: str, missing: dict[str, str]) -> Iterator[Contest]:
    def of(name: str, decoder: str, **settings) -> Contestant:
        load = {"engine": "transformers", "decoder": decoder}
        return Contestant(name, "run_media.py", load, "float32", rival="Omni", **settings)

    ours = Contestant("Omni", "run_media.py", {"engine": "omni"}, "float32", python=sys.executable)
    if key == "video":
        peers = [of("torchcodec, transformers", "torchcodec", needs="torchcodec")]
        work = {"kind": "clip", "path": str(clip()), **CLIP_SIZE}
        title, factor = "32 frames of a 30 s clip of 720p into patches", 1.2
    else:
        peers = [
            of("PIL, transformers", "PIL", needs="torchvision"),
            of("torchvision, transformers", "torchvision", needs="torchvision"),
        ]
        work = {"kind": "image", "path": str(picture()), **PICTURE_SIZE}
        title, factor = "a JPEG of 1024 x 1024 into patches", 1.5
    everyone = [ours, *peers]
    try:
        for one in everyone:
            one.start(missing)
        compare_answers(everyone, MOST_APART, **work)
        yield Contest(
            key, title, "clips/s" if key == "video" else "pictures/s", "process", work, everyone,
            (Target("Omni", tuple(peer.name for peer in peers), factor),), lambda _: NO_LIMIT,
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()


def write_text(num_bytes: int) -> Path:
    path = MEDIA / f"text-{num_bytes}.txt"
    if not path.exists():
        MEDIA.mkdir(parents=True, exist_ok=True)
        writer = Engine("text", [sys.executable, HERE / "run_tokenizer.py"])
        try:
            writer.ask("write_text", to=str(path), num_bytes=num_bytes)
        finally:
            writer.close()
    return path


def tokenizer_contest(is_quick: bool, missing: dict[str, str]) -> Iterator[Contest]:
    text = write_text(1_000_000 if is_quick else 10_000_000)
    load = {"path": str(smollm2() / "tokenizer.json"), "text_file": str(text)}
    everyone = [
        Contestant("Omni", "run_tokenizer.py", {"engine": "omni", **load}, "text",
                   python=sys.executable),
        Contestant("tokenizers", "run_tokenizer.py", {"engine": "tokenizers", **load}, "text",
                   needs="tokenizers", rival="Omni"),
    ]  # fmt: skip
    try:
        wanted = None
        for one in everyone:
            one.start(missing)
            got = one.ask("digest")
            one.note_memory()
            if got is None:
                continue
            wanted = wanted or got
            one.is_right = got == wanted
            one.check = f"{got['count']:,} ids{'' if one.is_right else ': WRONG'}"
        yield Contest(
            "tokenizer", "text to ids by SmolLM2's tokenizer, one thread", "MB/s", "encode", {},
            everyone, limit=lambda _: NO_LIMIT,
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()
