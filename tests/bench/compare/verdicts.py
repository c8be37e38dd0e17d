# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What was asked for and what came of it: met, short, or open where nothing was measured.

An outcome that is short is no error, a machine may be a slow one; one whose numbers must
hold on any machine is, and so is an engine that computes something else than it should."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class State(str, Enum):
    MET = "met"
    SHORT = "short"
    OPEN = "open"


@dataclass(frozen=True)
class Outcome:
    what: str
    wanted: str  # as it is printed, with its comparison unless that is "at least"
    found: str
    state: State
    must_hold: bool = False


class Result(Protocol):
    def outcomes(self) -> list[Outcome]: ...
    def wrong(self) -> list[str]: ...


def at_most(
    what: str, found: float | None, most: float, form: str, must_hold: bool = False
) -> Outcome:
    """`form` as of format(); a number that is not one is above any bound."""
    wanted = f"<= {most:{form}}"
    if found is None:
        return Outcome(what, wanted, "not measured", State.OPEN, must_hold)
    state = State.MET if found <= most else State.SHORT
    return Outcome(what, wanted, f"{found:{form}}", state, must_hold)


def at_least(what: str, found: float | None, least: float, form: str) -> Outcome:
    if found is None:
        return Outcome(what, f"{least:{form}}", "not measured", State.OPEN)
    state = State.MET if found >= least else State.SHORT
    return Outcome(what, f"{least:{form}}", f"{found:{form}}", state)


def broken(outcome: Outcome) -> bool:
    return outcome.must_hold and outcome.state is State.SHORT


def summary(results: Sequence[Result]) -> str:
    """How many targets are met, and a line for each that is not."""
    outcomes = [outcome for result in results for outcome in result.outcomes()]
    num_met = sum(outcome.state is State.MET for outcome in outcomes)
    lines = [f"{num_met} of {len(outcomes)} targets met" if outcomes else "no targets here"]
    for outcome in outcomes:
        if outcome.state is not State.MET:
            word = "WRONG" if broken(outcome) else outcome.state.value
            lines.append(f"  {word}: {outcome.what}: {outcome.found}, wanted {outcome.wanted}")
    lines += [f"  WRONG: {text}" for result in results for text in result.wrong()]
    return "\n".join(lines)


def exit_code(results: Sequence[Result]) -> int:
    """1 where something is wrong, not where a target is short."""
    is_wrong = any(
        result.wrong() or any(broken(outcome) for outcome in result.outcomes())
        for result in results
    )
    return int(is_wrong)
