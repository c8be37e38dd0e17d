# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""examples/quickstart.sh where everything is there: its conversation, with a tiny model."""

import os
import string
import subprocess
import wave
from pathlib import Path

import pytest
import torch
from PIL import Image

import omni
from machine import ROOT, Machine

BIN = Path(os.environ.get("OMNI_BUILD", ROOT / "build")) / "bin"
SCRIPT = "examples/quickstart.sh"


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made to answer in letters alone: only words can be spoken."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    subprocess.run([BIN / "make_tiny_model", folder], check=True)
    model = omni.load(folder)
    letters = [model.tokenizer.encode(letter)[-1] for letter in string.ascii_lowercase]
    is_other = torch.ones(model.tokenizer.vocab_size, dtype=torch.bool)
    is_other[letters] = False
    table = dict(model.named_parameters())["transformer.embed.weight"]
    with torch.no_grad():  # no letter's logit is zero, and every other text's is
        table[: len(is_other)][is_other] = 0
    model.save(folder.with_name("talker"))
    return folder.with_name("talker")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One that has built Omni: the build folder's bin/ is ours."""
    machine = Machine(tmp_path)
    assert machine.run("omni/cmake/bootstrap.sh", "run").returncode == 0
    assert [line.split()[0] for line in machine.calls()] == [
        "dpkg-query", ".venv/bin/python", "cmake", "ninja",
    ]  # fmt: skip
    (machine.checkout / "build" / "bin").symlink_to(BIN)
    return machine


def test_the_scripted_conversation(machine: Machine, talker: Path) -> None:
    environment = {"OMNI_MODEL": str(talker), "OMP_NUM_THREADS": "1", "HOME": str(machine.folder)}
    done = machine.run(SCRIPT, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all("(cut: " in line for line in done.stderr.splitlines())  # a talker never ends

    # Nothing is installed nor configured again; ninja is asked whether all is built.
    checked, built = machine.calls()
    assert checked == "dpkg-query"
    assert built.startswith("ninja -C build -j ") and built.endswith(" omni-chat omni-train")

    lines = done.stdout.splitlines()
    receipts = [line.split()[1:3] for line in lines if line.startswith("receipt: ")]
    assert receipts == [
        ["image", "examples/media/word.png,"],
        ["image", "examples/media/scene.png,"],
        ["image", "examples/media/scene.png,"],
        ["audio", "examples/media/question.wav,"],
        ["audio", "examples/media/korean.wav,"],
        ["audio", "examples/media/english.wav,"],
        ["audio", "examples/media/sound.wav,"],
        ["video", "examples/media/clip.mp4,"],
    ]
    turns = (ROOT / SCRIPT).read_text(encoding="utf-8").split("TURNS'\n")[1].split("TURNS\n")[0]
    assert [line[2:] for line in lines if line.startswith("> ")] == turns.splitlines()

    out = machine.checkout / "build" / "quickstart"
    assert f"picture: {out.relative_to(machine.checkout)}/answer-1.png" in lines
    with Image.open(out / "answer-1.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (16, 16))
    for number in (1, 2):
        with wave.open(str(out / f"answer-{number}.wav")) as sound:
            assert sound.getframerate() == 16000 and sound.getnframes() > 1000
    hint = (ROOT / SCRIPT).read_text(encoding="utf-8").split("NEXT'\n")[1].split("NEXT\n")[0]
    assert done.stdout.endswith(hint) and "bash tests/run.sh" in hint


def test_arguments_go_to_omni_chat(machine: Machine, talker: Path) -> None:
    done = machine.run(SCRIPT, "--model", str(talker), "--max-tokens", "4", "hello")
    assert done.returncode == 0 and done.stdout.strip()
    assert machine.run(SCRIPT, "--nonsense").returncode == 2
