# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""One piece of work that several engines do in turns: first right, then fast.

Every contestant is an engine in a process of its own that stays loaded; a round asks each
once, so that what slows the machine slows all. A ratio is the median over the rounds of
ours by theirs in the same round."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine_pipe import Engine, EngineError
from peers import PYTHON

HERE = Path(__file__).resolve().parent


@dataclass
class Contestant:
    """An engine and what it is asked. `rival` is the name of ours it is measured by, None
    for ours. What kept it from taking part is its `reason`."""

    name: str
    program: str  # of this folder
    load: dict[str, Any]
    format_name: str
    python: str | Path = PYTHON
    needs: str | None = None  # a package of requirements-peers.txt
    rival: str | None = None
    reason: str | None = None
    check: str = "not checked"
    is_right: bool = True
    seconds_of_load: float | None = None
    load_added_bytes: int | None = None
    peak_bytes: int | None = None
    engine: Engine | None = field(default=None, repr=False)

    def start(self, missing: dict[str, str]) -> None:
        if self.needs in missing:
            self.reason = missing[self.needs]
        if self.reason or self.engine:
            return
        self.engine = Engine(self.name, [self.python, HERE / self.program])
        answer = self.ask("load", **self.load)
        if answer:
            self.seconds_of_load = answer["load_seconds"]
            self.load_added_bytes = int(answer["load_peak_bytes"] - answer["before_load_bytes"])

    def ask(self, do: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer; None when there is none, of which `reason` then tells."""
        if self.reason:
            return None
        try:
            return self.engine.ask(do, **arguments)
        except EngineError as error:
            self.reason = str(error)
            return None

    def note_memory(self) -> None:
        if answer := self.ask("memory"):
            self.peak_bytes = answer["peak_bytes"]

    def stop(self) -> None:
        if self.engine:
            self.engine.close()
            self.engine = None


@dataclass(frozen=True)
class Target:
    """Ours is to be at least `factor` times as fast as the best of `peers`."""

    ours: str
    peers: tuple[str, ...]
    factor: float


@dataclass
class Score:
    """What a contestant reached in a contest: a rate in each round, the higher the better."""

    contestant: Contestant
    rates: list[float] = field(default_factory=list)
    percent_of_limit: float | None = None
    ratio: float | None = None  # ours by this
    wanted: float | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.rates) if self.rates else None


@dataclass
class Figures:
    """What is measured without a peer to beat, by the name of what it is."""

    key: str
    title: str
    lines: dict[str, str] = field(default_factory=dict)

    def run(self, rounds: int) -> None:
        """Nothing is left to do."""


@dataclass
class Contest:
    """Work that `do` with `arguments` is; its limit is that of the machine in the same
    unit, by format."""

    key: str
    title: str
    unit: str
    do: str
    arguments: dict[str, Any]
    contestants: list[Contestant]
    targets: tuple[Target, ...] = ()
    limit: Callable[[str], float] | None = None
    scores: list[Score] = field(default_factory=list)

    def run(self, rounds: int) -> None:
        self.scores = [Score(contestant) for contestant in self.contestants]
        for score in self.scores:
            score.contestant.ask(self.do, **self.arguments)  # warms up
        for _ in range(rounds):
            for score in self.scores:
                if answer := score.contestant.ask(self.do, **self.arguments):
                    score.rates.append(answer["count"] / answer["seconds"])
        self.judge()

    def judge(self) -> None:
        by_name = {score.contestant.name: score for score in self.scores}
        for score in self.scores:
            if score.median and self.limit:
                highest = self.limit(score.contestant.format_name)
                score.percent_of_limit = 100 * score.median / highest
            ours = by_name.get(score.contestant.rival or "")
            if ours and ours.rates and score.rates:
                pairs = zip(ours.rates, score.rates, strict=False)
                score.ratio = statistics.median(a / b for a, b in pairs)
        for target in self.targets:
            running = [by_name[name] for name in target.peers if by_name[name].median]
            if running:
                max(running, key=lambda score: score.median).wanted = target.factor
