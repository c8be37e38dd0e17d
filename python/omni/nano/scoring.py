# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Scores of answers and of guessing, and the rows that a table is made of."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One question, what is right and what was answered."""

    kind: str
    question: str
    expected: str
    got: str
    turn: int = 0  # of its conversation

    @property
    def is_right(self) -> bool:
        return self.got.strip() == self.expected


def is_korean(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)


def share(values: Iterable[bool]) -> float:
    """Of those that are true; ValueError of none."""
    listed = list(values)
    if not listed:
        raise ValueError("[scoring] expected at least one answer, got none.")
    return sum(listed) / len(listed)


def accuracy(answers: Sequence[Answer]) -> float:
    return share(answer.is_right for answer in answers)


def accuracy_by_kind(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[answer.kind].append(answer)
    return {
        kind: {"value": accuracy(group), "count": len(group)}
        for kind, group in sorted(groups.items())
    }


def half_width(value: float, count: int) -> float:
    """Half of Wilson's 95 % interval of a share."""
    z = 1.96
    spread = math.sqrt(value * (1 - value) / count + z * z / (4 * count * count))
    return z * spread / (1 + z * z / count)


class Guesser:
    """What can be answered without looking: learnt from training's questions alone.

    Args:
        training: (kind, question, answer) of training samples.
    """

    MANY = 5  # times a question must have been trained for its own answers to count

    def __init__(self, training: Iterable[tuple[str, str, str]]) -> None:
        self._by_kind: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
        self._by_question: dict[str, Counter[str]] = defaultdict(Counter)
        self._by_place: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
        rows = list(training)
        for kind, question, answer in rows:
            self._by_kind[kind, is_korean(question)][answer] += 1
            self._by_question[question][answer] += 1
        for kind, question, answer in rows:
            named = self._named(kind, question)
            label = f"@{named.index(answer)}" if answer in named else answer
            self._by_place[kind, is_korean(question)][label] += 1

    def majority(self, kind: str, question: str) -> str:
        """The most frequent answer to questions of that kind in that language."""
        return _most_common(self._by_kind[kind, is_korean(question)])

    def from_question(self, kind: str, question: str) -> str:
        """The best guess that the wording allows: this very question's most frequent
        answer; else, as of its kind, an answer or "the thing that it names first"."""
        same = self._by_question.get(question, Counter())
        if same.total() >= self.MANY:
            return _most_common(same)
        named = self._named(kind, question)
        for label, _ in self._by_place[kind, is_korean(question)].most_common():
            if not label.startswith("@"):
                return label
            if int(label[1:]) < len(named):
                return named[int(label[1:])]
        return self.majority(kind, question)

    def _named(self, kind: str, question: str) -> list[str]:
        """Answers of this kind that the question itself names, in its order; the
        longer of two that begin together."""
        found: dict[int, str] = {}
        for answer in self._by_kind[kind, is_korean(question)]:
            at = question.find(answer)
            if at >= 0 and len(answer) > len(found.get(at, "")):
                found[at] = answer
        return [found[at] for at in sorted(found)]


def _most_common(counts: Counter[str]) -> str:
    return counts.most_common(1)[0][0] if counts else ""


def guessing(guesser: Guesser, answers: Sequence[Answer]) -> dict[str, float]:
    """What the two ways of guessing score on these questions."""
    return {
        "majority": share(guesser.majority(a.kind, a.question) == a.expected for a in answers),
        "question alone": share(
            guesser.from_question(a.kind, a.question) == a.expected for a in answers
        ),
    }


# Baselines that do without the medium; what a sound or a clip adds is above all of them.
WITHOUT_MEDIA = ("majority", "question alone", "blind", "silent")


@dataclass
class Row:
    """One measure of one task: a line of the table."""

    task: str
    measure: str
    judge: str
    values: dict[str, float] = field(default_factory=dict)  # by split
    counts: dict[str, int] = field(default_factory=dict)  # what they are counted over
    # By name ("majority", "blind", "true media"), then split.
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    unit: str = "%"  # or "dB"; shares are kept in [0, 1]
    target: str = ""  # what this version is asked for
    details: dict[str, Any] = field(default_factory=dict)

    def add(
        self, split: str, value: float, count: int, baselines: Mapping[str, float] | None = None
    ) -> "Row":
        """A figure of one split, and what it stands beside."""
        self.values[split], self.counts[split] = value, count
        for name, baseline in (baselines or {}).items():
            self.baselines.setdefault(name, {})[split] = baseline
        return self

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def two_thirds_target(row: Row, split: str = "heldout") -> str:
    """Two thirds of the way from the best that is reached without the media to 100 %."""
    ways = (row.baselines.get(name, {}) for name in WITHOUT_MEDIA)
    blind = max(values.get(split, 0.0) for values in ways)
    return f"≥ {100 * (blind + 2 / 3 * (1 - blind)):.1f} % held-out"
