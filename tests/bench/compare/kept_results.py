# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Results as JSON and back: a run keeps those of contests that it does not run.

They stand in one table only where they are of one machine and of the same weights; else the
file is begun anew."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contest import Contest, Contestant, Figure, Figures, Score, Target
from measured import Measured
from verdicts import Outcome, State

FORM = 2  # of the file; rises when what is read changes
MUST_AGREE = ("processor", "threads", "weights")
Result = Contest | Figures


def plain(contestant: Contestant) -> dict[str, Any]:
    left_out = {"engine", "python"}
    names = [f.name for f in dataclasses.fields(contestant) if f.name not in left_out]
    return {name: getattr(contestant, name) for name in names}


def fields_of(score: Score) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(score) if f.name != "contestant"]
    return {"median": score.median} | {name: getattr(score, name) for name in names}


def as_plain(result: Result) -> dict[str, Any]:
    """With every round of every engine."""
    measured = dataclasses.asdict(result.measured) if result.measured else None
    made = {
        "key": result.key, "title": result.title, "notes": result.notes, "measured": measured,
    }  # fmt: skip
    if isinstance(result, Figures):
        lines = {name: dataclasses.asdict(figure) for name, figure in result.lines.items()}
        return made | {"figures": lines, "records": result.records}
    return made | {
        "unit": result.unit,
        "shows_seconds": result.shows_seconds,
        "targets": [dataclasses.asdict(target) for target in result.targets],
        "engines": [plain(score.contestant) | fields_of(score) for score in result.scores],
    }


def as_json(results: Sequence[Result], about: dict[str, Any]) -> str:
    outcomes = [dataclasses.asdict(one) for result in results for one in result.outcomes()]
    made = [as_plain(result) for result in results]
    everything = {"form": FORM} | about | {"outcomes": outcomes, "results": made}
    return json.dumps(everything, indent=1, ensure_ascii=False)


def score_of(read: dict[str, Any]) -> Score:
    def of(kind: type) -> dict[str, Any]:
        return {f.name: read[f.name] for f in dataclasses.fields(kind) if f.name in read}

    return Score(Contestant(**of(Contestant)), **of(Score))


def figure_of(read: dict[str, Any]) -> Figure:
    outcome = read["outcome"]
    if outcome:
        outcome = Outcome(**outcome | {"state": State(outcome["state"])})
    return Figure(read["text"], outcome, read["value"])


def from_plain(read: dict[str, Any]) -> Result:
    """Of an earlier run; without what it would take to measure again."""
    shared = {
        "notes": tuple(read["notes"]), "is_earlier": True,
        "measured": Measured(**read["measured"]) if read["measured"] else None,
    }  # fmt: skip
    if "figures" in read:
        lines = {name: figure_of(figure) for name, figure in read["figures"].items()}
        return Figures(read["key"], read["title"], lines, read["records"], **shared)
    scores = [score_of(engine) for engine in read["engines"]]
    targets = tuple(
        Target(one["ours"], tuple(one["peers"]), one["factor"]) for one in read["targets"]
    )
    return Contest(
        read["key"], read["title"], read["unit"], "", {},
        [score.contestant for score in scores], targets, None, read["shows_seconds"], scores,
        **shared,
    )  # fmt: skip


def read_results(path: Path) -> tuple[dict[str, Any], list[Result]]:
    """What the file says about itself, and its results. OSError where there is none that
    can be read."""
    try:
        read = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise OSError(f"{path} is no JSON: {error}") from error
    if read.get("form") != FORM:
        raise OSError(f"{path} is of form {read.get('form')}, not {FORM}")
    results = [from_plain(one) for one in read.pop("results")]
    return read, results


def kept_results(path: Path, about: dict[str, Any]) -> tuple[list[Result], str | None]:
    """Those of the file that may stand beside results of now, and why there are none."""
    if not path.exists():
        return [], None
    try:
        read, results = read_results(path)
    except OSError as error:
        return [], str(error)
    for name in MUST_AGREE:
        if read[name] != about[name]:
            return [], f"{name} was {read[name]}, and is {about[name]}"
    return results, None


def merged(earlier: list[Result], fresh: list[Result], order: Sequence[str]) -> list[Result]:
    """The fresh ones in place of earlier ones of the same key, all in a fixed order."""
    by_key = {result.key: result for result in [*earlier, *fresh]}
    return sorted(by_key.values(), key=lambda result: order.index(result.key))
