# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The house rules that can be checked by reading: size, headers, layers, names."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]  # fmt: skip
SOURCES = [f for f in FILES if f.suffix in {".h", ".cpp", ".cuh", ".cu", ".py", ".sh", ".cmake"}]
CODE = [f for f in SOURCES if f.suffix in {".h", ".cpp", ".cuh", ".cu"}]

# Folder → folders it may include from. Lower levels are always allowed.
LEVELS = [
    {"kernels"},
    {"omni/core"},
    {"encoders", "tokenizers", "omni/transformer"},
    {"omni/model", "omni/families"},
    {"omni/generate", "omni/conversation"},
    {"omni/chat", "omni/train"},
]
TOGETHER = {"omni/model", "omni/families"}  # may include each other


def layer_of(path: str) -> str | None:
    for level in LEVELS:
        for layer in level:
            if path.startswith(layer + "/"):
                return layer
    return None


def level_of(layer: str) -> int:
    return next(i for i, level in enumerate(LEVELS) if layer in level)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_size_and_licence(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400, f"{relative(path)} has {len(lines)} lines; 400 are the limit"
    head = "\n".join(lines[:4])
    assert "SPDX-License-Identifier: Apache-2.0" in head, f"{relative(path)}: no SPDX line"


@pytest.mark.parametrize("path", [f for f in CODE if layer_of(relative(f))], ids=relative)
def test_layers(path: Path) -> None:
    own = layer_of(relative(path))
    for included in re.findall(r'#include "([^"]+)"', path.read_text(encoding="utf-8")):
        other = layer_of(included)
        if other is None or other == own or {own, other} <= TOGETHER:
            continue
        assert level_of(other) < level_of(own), f"{relative(path)} includes {included}"


def test_names() -> None:
    banned = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base|impl)(_|$)")
    for path in SOURCES:
        for part in path.relative_to(ROOT).with_suffix("").parts:
            assert not banned.search(part), relative(path)


def test_top_level() -> None:
    allowed = {"omni", "encoders", "tokenizers", "kernels", "python", "examples", "tests"}
    folders = {f.relative_to(ROOT).parts[0] for f in FILES if len(f.relative_to(ROOT).parts) > 1}
    assert {name for name in folders if not name.startswith(".")} <= allowed


@pytest.mark.parametrize("path", [f for f in CODE if f.suffix == ".h"], ids=relative)
def test_headers(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "#pragma once" in text, relative(path)
    is_public = layer_of(relative(path)) and not text.count("Internal:")
    if is_public and relative(path) not in INTERNAL_HEADERS:
        for library in (
            "nlohmann",
            "libav",
            "opencv2",
            "turbojpeg",
            "pybind11",
            "sentencepiece_processor",
        ):
            assert library not in text, f"{relative(path)} shows {library} to its users"


# Headers that are not installed: they exist for the sources beside them.
INTERNAL_HEADERS = {
    relative(f)
    for f in CODE
    if f.suffix == ".h" and relative(f).startswith(("encoders/media/av/", "omni/core/json"))
}
