# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-train as a person meets it: start, Ctrl-C, go on, use what came out, mistakes."""

import json
import math
import os
import re
import signal
import subprocess
import time
import wave
from pathlib import Path

import pytest
from PIL import Image

from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("OMNI_BUILD", ROOT / "build")) / "bin"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm"}


def write_samples(folder: Path, count: int) -> None:
    """Pictures with a question, and a sound that the answer says."""
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (32, 32), (40 * i % 250, 90, 200)).save(folder / f"s{i}.0.png")
        with wave.open(str(folder / f"s{i}.1.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            levels = (int(9000 * math.sin(t * (0.05 + 0.01 * i))) for t in range(8000))
            file.writeframes(b"".join(v.to_bytes(2, "little", signed=True) for v in levels))
        asked = [{"type": "image", "file": "0.png"}, {"type": "text", "text": "what?"}]
        said = {"type": "speech", "file": "1.wav", "text": "this one"}
        said["words"] = [["this", 0.0], ["one", 0.2]]
        messages = [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": "this one"}, said]},
        ]
        text = json.dumps({"kind": "test", "messages": messages})
        (folder / f"s{i}.json").write_text(text, encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path):
    """Writes a configuration of the tiny model with `changes`; its path."""
    subprocess.run([BIN / "make_tiny_model", tmp_path / "tiny"], check=True)
    write_samples(tmp_path / "data", 4)

    def write(**changes) -> Path:
        values = {
            "objective": "image_codec", "model": "tiny/config.json", "output": "out",
            "tokenizer": "tiny/tokenizer.model", "train": [{"data": "data"}],
            "steps": 100000, "batch_size": 2, "log_every": 1, "num_threads": 1,
            "checkpoint_every_seconds": 1e9, "options": {"pack_tokens": 128},
        }  # fmt: skip
        path = tmp_path / "train.json"
        path.write_text(json.dumps({**values, **changes}), encoding="utf-8")
        return path

    return write


def run(*arguments, code: int = 0) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [BIN / "omni-train", *arguments], env=ENVIRONMENT, text=True, capture_output=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def stop_after_steps(path: Path, sent: signal.Signals, num_steps: int = 3) -> str:
    """What it printed when it was stopped after that many lines of steps."""
    running = subprocess.Popen(
        [BIN / "omni-train", path], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE
    )
    lines = []
    for line in running.stdout:
        lines.append(line)
        if line.startswith("step ") and sum(x.startswith("step ") for x in lines) == num_steps:
            running.send_signal(sent)
    assert running.wait(60) == 130
    return "".join(lines)


def test_ctrl_c_saves_and_the_same_command_goes_on(config) -> None:
    path = config()
    first = stop_after_steps(path, signal.SIGINT)
    assert "training from the beginning, 100000 steps in float32" in first
    assert re.search(r"^step 1/100000  \S+ \d+\.\d{4}.* tokens/s  \d+:\d\d:\d\d left$", first, re.M)
    stopped = int(re.search(r"stopped after step (\d+); run the same command", first)[1])
    assert stopped >= 3
    second = stop_after_steps(path, signal.SIGTERM)
    assert f"resuming after step {stopped} of 100000 in float32" in second
    assert int(re.search(r"^step (\d+)/", second, re.M)[1]) == stopped + 1
    refused = run(path, "--override", "batch_size=3", code=1)
    assert "batch_size" in refused.stderr


def kill_after(path: Path, text: str, seconds: float) -> None:
    """Kills a run that long after it printed a line that begins with `text`."""
    running = subprocess.Popen(
        [BIN / "omni-train", path], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE
    )
    assert any(line.startswith(text) for line in running.stdout)
    time.sleep(seconds)
    running.kill()
    running.stdout.close()
    assert running.wait(60) == -signal.SIGKILL


def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(config, tmp_path: Path) -> None:
    # More steps than any of these runs gets to; how often a run saves may change.
    changes = {"steps": 60, "ema_decay": 0.9}
    run(config(**changes, output="whole"))
    path = config(**changes, output="killed", checkpoint_every_seconds=0.0)
    kill_after(path, "training from", 0.0)
    kill_after(path, "step ", 0.01)  # within the first checkpoint
    for seconds in (0.0, 0.013, 0.041, 0.097):
        kill_after(path, "saved step ", seconds)
    done = run(config(**changes, output="killed"))
    resumed = re.search(r"^resuming after step (\d+) of 60 in float32$", done.stdout, re.M)
    assert resumed and 4 <= int(resumed[1]) < 60
    for file in ("log.jsonl", "model/model.safetensors"):
        whole = (tmp_path / "whole" / file).read_bytes()
        assert (tmp_path / "killed" / file).read_bytes() == whole, file
    # What the kills left half written is gone.
    folders = {folder.name for folder in (tmp_path / "killed" / "checkpoints").iterdir()}
    assert "step-00000060" in folders and len(folders) == 2
    assert all(re.fullmatch(r"step-\d{8}", name) for name in folders)


def test_what_was_trained_can_be_talked_to(config, tmp_path: Path) -> None:
    path = config(objective="joint", steps=2, evaluate=[{"name": "same", "data": "data"}])
    done = run(path)
    assert "evaluated same at step 2" in done.stdout
    assert re.search(r"^done: ", done.stdout, re.M)
    chat = [BIN / "omni-chat", "--model", tmp_path / "out" / "model", "--max-tokens", "4"]
    said = subprocess.run(
        [*chat, "--json", "what?"], env=ENVIRONMENT, text=True, capture_output=True, check=True
    )
    assert json.loads(said.stdout)["usage"]["answer_tokens"] > 0
    assert run(path).stdout.count("step ") <= 1  # it is done: nothing is trained again


def test_progress_rewrites_its_line_at_a_terminal(config, tmp_path: Path) -> None:
    screen = Terminal([BIN / "omni-train", config()], cwd=tmp_path, environment=ENVIRONMENT)
    screen.wait_for("step 3/")
    assert "\r\x1b[Kstep 2/100000" in screen.seen
    screen.type("\x03")
    screen.wait_for("stopped after step")
    assert screen.exit_code() == 130
    screen.close()


@pytest.mark.parametrize(
    "changes, texts",
    [
        ({"stepz": 3}, ["train.json", "stepz"]),
        ({"optimizer": {"learning_rat": 1}}, ["optimizer.learning_rat"]),
        ({"steps": "many"}, ["steps", "many"]),
        ({"objective": "everything"}, ["everything", "joint"]),
        ({"train": [{"data": "nowhere"}]}, ["nowhere"]),
        ({"model": "nowhere.json"}, ["nowhere.json"]),
        ({"precision": "float8"}, ["precision", "float8"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes_in_the_configuration_are_named(config, changes, texts) -> None:
    done = run(config(**changes), code=1)
    for text in texts:
        assert text in done.stderr
    assert len(done.stderr.splitlines()) <= 2 and "C++" not in done.stderr


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        ([], 2, "config"),
        (["--nonsense", "x.json"], 2, "--nonsense"),
        (["none.json"], 1, "none.json"),
        (["{config}", "--override", "steps"], 1, "steps"),
        (["{config}", "--override", "stepz=3"], 1, "stepz"),
    ],
)
def test_mistakes_on_the_command_line(config, arguments, code: int, text: str) -> None:
    path = str(config())
    done = run(*(word.replace("{config}", path) for word in arguments), code=code)
    assert text in done.stderr


def test_a_configuration_that_is_not_json_says_where(config) -> None:
    path = config()
    path.write_text('{"steps": 3,, }')
    done = run(path, code=1)
    assert "train.json" in done.stderr and "byte" in done.stderr
