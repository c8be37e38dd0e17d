# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The judgement of tests/bench/compare.py: ratios, targets, bounds, the exit code."""

import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
sys.path[:0] = [str(BENCH / "compare"), str(BENCH)]

from contest import Contest, Contestant, Figure, Figures, Target  # noqa: E402
from engine_pipe import EngineError  # noqa: E402
from memory_figures import memory_figures  # noqa: E402
from report import as_json, table  # noqa: E402
from verdicts import State, at_most, exit_code, summary  # noqa: E402


class PlayEngine:
    """Takes the seconds it was given, in turn; a word is why it gives no answer."""

    def __init__(self, *seconds: float | str) -> None:
        self.seconds = list(seconds)

    def ask(self, do: str, **arguments: object) -> dict:
        next_one = self.seconds.pop(0)
        if isinstance(next_one, str):
            raise EngineError(f"{do}: {next_one}")
        return {"seconds": next_one, "count": 12}

    def close(self) -> None:
        pass


def engine(name: str, *seconds: float | str, rival: str | None = None) -> Contestant:
    """The first of the seconds are of warming up."""
    return Contestant(name, "none.py", {}, "bf16", rival=rival, engine=PlayEngine(*seconds))


def contest(*contestants: Contestant, targets: tuple[Target, ...] = (), limit=None) -> Contest:
    made = Contest("key", "work", "ids/s", "do", {}, list(contestants), targets, limit)
    made.run(3)
    return made


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    ours, theirs = engine("ours", 9, 1, 2, 4), engine("theirs", 9, 2, 2, 12, rival="ours")
    of_ours, of_theirs = contest(ours, theirs).scores
    assert of_ours.rates == [12, 6, 3] and of_theirs.rates == [6, 6, 1]
    assert of_theirs.ratio == 2.0  # of 2, 1 and 3; medians by each other would be 1
    assert of_ours.ratio is None


@pytest.mark.parametrize(("factor", "state"), [(2.0, State.MET), (2.01, State.SHORT)])
def test_a_target_is_of_the_best_peer(factor: float, state: State) -> None:
    slow, fast = (engine(n, 1, s, s, s, rival="ours") for n, s in (("slow", 6), ("fast", 2)))
    made = contest(engine("ours", 1, 1, 1, 1), slow, fast,
                   targets=(Target("ours", ("slow", "fast"), factor),))  # fmt: skip
    (outcome,) = made.outcomes()
    assert (outcome.state, outcome.found) == (state, "2.00")
    assert "fast" in outcome.what
    assert [score.wanted for score in made.scores] == [None, None, factor]
    assert exit_code([made]) == 0  # a machine may be slow
    assert f"{factor:.2f} {state.value}" in table([made])
    assert summary([made]).startswith(f"{int(state is State.MET)} of 1 targets met")


def test_a_target_without_a_peer_is_open_and_says_why() -> None:
    peer = engine("peer", "it is not installed", rival="ours")
    made = contest(engine("ours", 1, 1, 1, 1), peer, targets=(Target("ours", ("peer",), 1.5),))
    assert [outcome.state for outcome in made.outcomes()] == [State.OPEN]
    assert "open: work: ours by peer: not measured, wanted 1.50" in summary([made])
    assert "it is not installed" in table([made])
    assert exit_code([made]) == 0


def test_a_target_without_ours_is_open() -> None:
    peer = engine("peer", 1, 1, 1, 1, rival="ours")
    made = contest(engine("ours", "gone"), peer, targets=(Target("ours", ("peer",), 1.5),))
    assert [outcome.state for outcome in made.outcomes()] == [State.OPEN]


def test_a_wrong_engine_is_an_error() -> None:
    peer = engine("peer", 1, 1, 1, 1, rival="ours")
    peer.is_right, peer.check = False, "0.3 apart: WRONG"
    made = contest(engine("ours", 1, 1, 1, 1), peer)
    assert exit_code([made]) == 1
    assert "WRONG: work: peer: 0.3 apart" in summary([made])


def test_a_limit_may_rise_after_the_contest() -> None:
    limits = {"bf16": 24.0}
    made = contest(engine("ours", 1, 1, 1, 1), limit=lambda name: limits[name])
    assert made.scores[0].percent_of_limit == 50
    limits["bf16"] = 48.0
    made.judge()
    assert made.scores[0].percent_of_limit == 25


@pytest.mark.parametrize(
    ("found", "state"),
    [(0.5, State.MET), (-3.0, State.MET), (0.51, State.SHORT), (math.nan, State.SHORT),
     (None, State.OPEN)],
)  # fmt: skip
def test_what_must_hold_is_an_error_when_it_does_not(found: float | None, state: State) -> None:
    outcome = at_most("perplexity", found, 0.5, ".2f", must_hold=True)
    assert outcome.state is state
    figures = Figures("key", "numbers", {"int8": Figure("of 2,000 ids", outcome)})
    assert exit_code([figures]) == int(state is State.SHORT)
    assert ("WRONG" in table([figures])) == (state is State.SHORT)
    relaxed = Figures("key", "numbers", {"int8": Figure("", at_most("", found, 0.5, ".2f"))})
    assert exit_code([relaxed]) == 0


def test_perplexity_has_bounds_by_format() -> None:
    from language_contests import perplexity_figures

    def states(int8: float, int4: float) -> list[State]:
        above = {"bf16": 1.0, "int8": int8, "int4": int4}
        losses = {f"Omni {name}": 2.0 + math.log(factor) for name, factor in above.items()}
        losses["llama.cpp Q4_0"] = 9.0  # peers have no bound
        return [outcome.state for outcome in perplexity_figures("SmolLM2", losses).outcomes()]

    assert states(1.0049, 1.049) == [State.MET, State.MET]
    assert states(1.0051, 1.051) == [State.SHORT, State.SHORT]


def test_memory_is_judged_by_what_is_own() -> None:
    def outcome(own: int) -> State:
        of_load = {"weights_bytes": 100, "load_own_bytes": own, "load_mapped_bytes": 900,
                   "load_added_bytes": 1000}  # fmt: skip
        one = Contestant("Omni", "none.py", {}, "bf16", of_load=of_load)
        return memory_figures("memory", "memory", [one]).outcomes()[0].state

    assert outcome(110) is State.MET
    assert outcome(111) is State.SHORT


def test_json_holds_every_round_and_outcome() -> None:
    peer = engine("peer", 1, 2, 2, 2, rival="ours")
    made = contest(engine("ours", 1, 1, 1, 1), peer, targets=(Target("ours", ("peer",), 1.5),))
    figures = Figures("key", "numbers", {"int8": Figure("words", at_most("a", 1.0, 2.0, ".1f"))})
    read = json.loads(as_json([made, figures], {"threads": 2}))
    assert read["threads"] == 2
    assert [one["state"] for one in read["outcomes"]] == ["met", "met"]
    assert read["results"][0]["engines"][1]["rates"] == [6, 6, 6]
    assert read["results"][1]["figures"]["int8"]["text"] == "words"
