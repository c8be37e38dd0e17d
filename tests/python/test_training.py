# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni.train: the C++ trainer from a dict or a file, heard and stopped from Python."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

import omni


@pytest.fixture
def run(config: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A run over six pictures, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for i in range(6):
        pixels = torch.full((16, 16, 3), 40 * i, dtype=torch.uint8)
        pixels[4:12, 4:12, i % 3] = 255
        omni.write_image(omni.Image(pixels), tmp_path / "data" / f"s{i}.0.png")
        sample = {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "draw"}]},
                {"role": "assistant", "content": [{"type": "image", "file": "0.png"}]},
            ]
        }
        (tmp_path / "data" / f"s{i}.json").write_text(json.dumps(sample))
    model = {"name": "codec", "image_codec": config["image_codec"]}
    (tmp_path / "model.json").write_text(json.dumps(model))
    return {
        "objective": "image_codec",
        "model": "model.json",
        "output": "out",
        "train": [{"data": "data"}],
        "steps": 25,
        "batch_size": 3,
        "log_every": 1,
        "num_threads": 1,
        "checkpoint_every_seconds": 1e9,
        "optimizer": {"learning_rate": 5e-3},
    }


def test_training_reports_falling_losses_and_saves_a_model(run: dict, tmp_path: Path) -> None:
    events: list[omni.TrainEvent] = []
    threads = torch.get_num_threads()
    assert omni.train(run, on_log=events.append) is True
    assert torch.get_num_threads() == threads
    kinds = [event.kind for event in events]
    assert kinds[0] == "started" and kinds[-1] == "finished" and kinds.count("step") == 25
    steps = [event for event in events if event.kind == "step"]
    assert [event.step for event in steps] == list(range(1, 26))
    totals = [sum(event.losses.values()) for event in steps]
    assert sum(totals[-5:]) < 0.9 * sum(totals[:5])
    assert steps[0].num_steps == 25 and "psnr" in steps[0].figures
    assert repr(steps[0]).startswith("TrainEvent('step', step=1 of 25, losses={")
    trained = omni.load(tmp_path / "out" / "model")
    assert trained.image_codec is not None and trained.transformer is None


def test_a_run_stops_when_asked_and_goes_on(run: dict) -> None:
    events: list[omni.TrainEvent] = []
    assert omni.train(run, wants_stop=lambda: True) is False
    assert omni.train(run, on_log=events.append, wants_stop=lambda: events[-1].step == 4) is False
    assert events[0].kind == "resumed" and events[0].step == 1
    events.clear()
    Path("train.json").write_text(json.dumps(run))
    assert omni.train("train.json", on_log=events.append)
    assert events[0].kind == "resumed" and events[0].step == 4


def test_ctrl_c_saves_and_then_raises(run: dict) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def listen(event: omni.TrainEvent) -> None:
        if event.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            omni.train(run, on_log=listen)
    finally:
        signal.signal(signal.SIGINT, before)
    events: list[omni.TrainEvent] = []
    assert omni.train(run, on_log=events.append)
    assert events[0].kind == "resumed" and 3 <= events[0].step <= 5


def test_overrides_and_errors(run: dict) -> None:
    events: list[omni.TrainEvent] = []
    assert omni.train(run, overrides=["steps=2", "output=other"], on_log=events.append)
    assert events[-1].num_steps == 2 and Path("other/model/config.json").exists()
    with pytest.raises(ValueError, match=r"^\[config\].*stepz"):
        omni.train({**run, "stepz": 3})
    with pytest.raises(OSError, match="none.json"):
        omni.train("none.json")
    assert omni.train(run, overrides=["steps=2"])
    with pytest.raises(ValueError, match="batch_size"):
        omni.train({**run, "batch_size": 2}, overrides=["steps=2"])


def test_an_error_in_a_listener_stops_the_run(run: dict) -> None:
    def listen(event: omni.TrainEvent) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="^mine$"):
        omni.train(run, on_log=listen)
    with pytest.raises(ZeroDivisionError):
        omni.train(run, wants_stop=lambda: 1 / 0)
