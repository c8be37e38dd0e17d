# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Training steps of omni-nano's backbone beside PyTorch, and omni-nano's own figures."""

import statistics
import sys
from collections.abc import Iterator

from contest import Contest, Contestant, Figure, Figures, Target
from engine_pipe import ROOT
from machine_limits import of_products

FOLDER = ROOT / "build" / "bench" / "training"
MOST_APART = 1e-3  # of the first loss


def training_contest(
    is_quick: bool, limits: dict[str, float], missing: dict[str, str]
) -> Iterator[Contest]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    everyone = [
        Contestant(name, "run_training.py", {"engine": engine, "folder": str(FOLDER)}, "bf16",
                   python=sys.executable, rival=rival)
        for name, engine, rival in (
            ("Omni", "omni", None),
            ("PyTorch eager", "eager", "Omni"),
            ("PyTorch compiled", "compiled", "Omni"),
        )
    ]  # fmt: skip
    try:
        wanted = None
        for one in everyone:
            one.start(missing)
            if got := one.ask("loss"):
                wanted = wanted or got["loss"]
                apart = abs(got["loss"] - wanted) / wanted
                one.is_right = apart <= MOST_APART
                one.check = f"loss {got['loss']:.4f}{'' if one.is_right else ': WRONG'}"
            one.ask("train", steps=1)
            one.note_memory()
        work = everyone[0].ask("operations")
        title = f"training the nano backbone, packed rows{', ' + work['dtype'] if work else ''}"
        yield Contest(
            "train", title, "ids/s", "train",
            {"steps": 1 if is_quick else 2}, everyone,
            (
                Target("Omni", ("PyTorch eager",), 1.3),
                Target("Omni", ("PyTorch compiled",), 1.0),
            ),
            (lambda _: of_products(limits, work["dtype"], work["operations_per_id"]))
            if work else None,
        )  # fmt: skip
    finally:
        for one in everyone:
            one.stop()


def nano_figures(rounds: int) -> Iterator[Figures]:
    model = Contestant("omni-nano", "run_nano.py", {}, "bf16", python=sys.executable)
    found = Figures("nano", "omni-nano", rounds=rounds)
    works = {
        "an answer about a picture": ("picture_answer", "s"),
        "a drawing": ("drawing", "s"),
        "speech, seconds of work for one of sound": ("speech", ""),
    }
    try:
        model.start({})
        for name, (do, unit) in works.items():
            answers = [model.ask(do) for _ in range(rounds + 1)][1:]  # the first warms up
            if model.reason:
                found.lines[name] = Figure(model.reason)
                break
            seconds = statistics.median(answer["seconds"] for answer in answers)
            found.lines[name] = Figure(f"{seconds:.3f} {unit} ({answers[0]['note']})")
            found.records.append({"name": name, "seconds": seconds})
        yield found
    finally:
        model.stop()
