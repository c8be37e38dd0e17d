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
from machine_limits import Limit
from measured import Measured
from peers import PYTHON
from verdicts import Outcome, State

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
    of_load: dict[str, int] = field(default_factory=dict)  # bytes, as engine_pipe.loaded() says
    of_answer: dict[str, int] = field(default_factory=dict)  # as its memory() says
    engine: Engine | None = field(default=None, repr=False)

    def start(self, missing: dict[str, str]) -> None:
        if self.needs in missing:
            self.reason = missing[self.needs]
        if self.reason or self.engine:
            return
        self.engine = Engine(self.name, [self.python, HERE / self.program])
        if answer := self.ask("load", **self.load):
            self.seconds_of_load = answer.pop("load_seconds")
            self.of_load = {name: int(value) for name, value in answer.items()}

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
        """Of an engine that has answered for the first time."""
        if answer := self.ask("memory"):
            self.of_answer = answer

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
    seconds: list[float] = field(default_factory=list)  # of all that a round asks for
    percent_of_limit: float | None = None
    limit_note: str | None = None
    ratio: float | None = None  # ours by this
    wanted: float | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.rates) if self.rates else None


@dataclass
class Figure:
    """A number that stands for itself, as words; `outcome` where it has a bound, else its
    `value` where it is one of several like it."""

    text: str
    outcome: Outcome | None = None
    value: str = ""


@dataclass
class Figures:
    """What is measured without a peer to beat, by the name of what it is."""

    key: str
    title: str
    lines: dict[str, Figure] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)  # the numbers of the lines
    rounds: int = 1
    notes: tuple[str, ...] = ()  # printed below the table
    measured: Measured | None = None
    is_earlier: bool = False  # measured by another run than the one that prints it

    def run(self, rounds: int) -> None:
        """Nothing is left to do."""

    def judge(self) -> None:
        """Each line was, when it was made."""

    def outcomes(self) -> list[Outcome]:
        return [line.outcome for line in self.lines.values() if line.outcome]

    def wrong(self) -> list[str]:
        return []


@dataclass
class Contest:
    """Work that `do` with `arguments` is; its limit is that of the machine in the same
    unit, for each contestant."""

    key: str
    title: str
    unit: str
    do: str
    arguments: dict[str, Any]
    contestants: list[Contestant]
    targets: tuple[Target, ...] = ()
    limit: Callable[[Contestant], Limit] | None = None
    shows_seconds: bool = False
    scores: list[Score] = field(default_factory=list)
    rounds: int = 0
    notes: tuple[str, ...] = ()
    measured: Measured | None = None
    is_earlier: bool = False

    def run(self, rounds: int) -> None:
        self.rounds = rounds
        self.scores = [Score(contestant) for contestant in self.contestants]
        for score in self.scores:
            score.contestant.ask(self.do, **self.arguments)  # warms up
        for _ in range(rounds):
            for score in self.scores:
                if answer := score.contestant.ask(self.do, **self.arguments):
                    score.rates.append(answer["count"] / answer["seconds"])
                    score.seconds.append(answer["seconds"])
        self.judge()

    def by_name(self) -> dict[str, Score]:
        return {score.contestant.name: score for score in self.scores}

    def judge(self) -> None:
        """May be asked again: of the machine's limits the latest count."""
        for score in self.scores:
            if score.median and self.limit:
                limit = self.limit(score.contestant)
                score.limit_note = limit.note
                score.percent_of_limit = 100 * score.median / limit.rate if limit.rate else None
            score.ratio = self.ratio(score.contestant.rival or "", score)
        for target in self.targets:
            best = self.best_of(target)
            if best and best.contestant.rival == target.ours:
                best.wanted = target.factor

    def ratio(self, name: str, score: Score) -> float | None:
        """Of one of ours by `score`, None where either did not run."""
        ours = self.by_name().get(name)
        if not (ours and ours.rates and score.rates):
            return None
        return statistics.median(a / b for a, b in zip(ours.rates, score.rates, strict=False))

    def best_of(self, target: Target) -> Score | None:
        by_name = self.by_name()
        running = [by_name[name] for name in target.peers if by_name[name].median]
        return max(running, key=lambda score: score.median) if running else None

    def outcomes(self) -> list[Outcome]:
        """Of every target; of one whose peers, or ours, did not run, `open`."""
        made = []
        for target in self.targets:
            best = self.best_of(target)
            name = best.contestant.name if best else " or ".join(target.peers)
            ratio = self.ratio(target.ours, best) if best else None
            state = State.OPEN
            if ratio is not None:
                state = State.MET if ratio >= target.factor else State.SHORT
            found = "not measured" if ratio is None else f"{ratio:.2f}"
            what = f"{self.title}: {target.ours} by {name}"
            made.append(Outcome(what, f"{target.factor:.2f}", found, state))
        return made

    def wrong(self) -> list[str]:
        return [
            f"{self.title}: {score.contestant.name}: {score.contestant.check}"
            for score in self.scores
            if not score.contestant.is_right
        ]
