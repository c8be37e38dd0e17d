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
from kept_results import as_json, kept_results, merged, read_results  # noqa: E402
from machine_limits import Limit, of_products, of_reading  # noqa: E402
from measured import Measured  # noqa: E402
from memory_figures import memory_figures  # noqa: E402
from report import table  # noqa: E402
from verdicts import State, at_least, at_most, exit_code, summary  # noqa: E402

ABOUT = {"processor": "a", "threads": 2, "weights": {"SmolLM2": "1"}, "limits": {}}


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
    made = contest(engine("ours", 1, 1, 1, 1), limit=lambda one: Limit(limits["bf16"]))
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
    from perplexities import perplexity_figures

    def states(int8: float, int4: float) -> list[State]:
        above = {"bf16": 1.0, "int8": int8, "int4": int4}
        losses = {f"Omni {name}": 2.0 + math.log(factor) for name, factor in above.items()}
        losses["llama.cpp Q4_0"] = 9.0  # peers have no bound
        return [
            outcome.state for outcome in perplexity_figures("key", "SmolLM2", losses).outcomes()
        ]

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


def earlier_and_fresh(path: Path) -> tuple[Contest, Figures]:
    """Two results as they are read from a file."""
    peer = engine("peer", 1, 2, 2, 2, rival="ours")
    one = contest(engine("ours", 1, 1, 1, 1), peer, targets=(Target("ours", ("peer",), 1.5),),
                  limit=lambda one: Limit(24.0, "a note"))  # fmt: skip
    figure = Figure("words", at_most("a", 1.0, 2.0, ".1f", must_hold=True))
    figures = Figures("figures", "numbers", {"int8": figure, "int4": Figure("more", value="1.07")})
    for result in (one, figures):
        result.measured = Measured(result.rounds, "2026-01-02T03:04:05+00:00", "abc1234+")
    path.write_text(as_json([one, figures], ABOUT))
    return one, figures


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = earlier_and_fresh(tmp_path / "compare.json")
    about, read = read_results(tmp_path / "compare.json")
    assert about["threads"] == 2
    for result in read:
        assert result.is_earlier
        result.is_earlier = False
    assert table(read) == table(list(written))
    assert summary(read) == summary(written)
    assert as_json(read, ABOUT) == as_json(written, ABOUT)


def test_a_run_keeps_what_it_does_not_measure(tmp_path: Path) -> None:
    earlier_and_fresh(tmp_path / "compare.json")
    kept, why_none = kept_results(tmp_path / "compare.json", ABOUT)
    assert why_none is None
    fresh = contest(engine("ours", 1, 1, 1, 1))
    results = merged(kept, [fresh], ("figures", "key"))
    assert [result.key for result in results] == ["figures", "key"]
    assert results[1] is fresh
    lines = table(results).splitlines()
    assert "— numbers (1 round, 2026-01-02, abc1234+, an earlier run)" in lines
    assert "— work" in lines


@pytest.mark.parametrize("name", ["processor", "threads", "weights"])
def test_what_is_of_another_machine_or_of_other_weights_is_not_kept(
    tmp_path: Path, name: str
) -> None:
    earlier_and_fresh(tmp_path / "compare.json")
    kept, why_none = kept_results(tmp_path / "compare.json", ABOUT | {name: "other"})
    assert kept == []
    assert why_none is not None and why_none.startswith(f"{name} was ")


def test_a_file_of_another_form_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "compare.json"
    assert kept_results(path, ABOUT) == ([], None)
    for text in ("{}", "{"):
        path.write_text(text)
        kept, why_none = kept_results(path, ABOUT)
        assert kept == [] and why_none


def test_a_limit_that_there_is_not_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import machine_limits

    monkeypatch.setattr(machine_limits, "last_level_cache_bytes", lambda: 1000)
    limits = {"read": 1e6, "float32": 2.0, "bf16": 4.0, "int8": 2.0}
    assert of_reading(limits, 1000).rate is None  # it is never read from memory
    assert of_reading(limits, 2000).rate == 500 and of_reading(limits, 2000).note
    assert of_reading(limits, 4000) == Limit(250.0)
    assert of_products(limits, "bf16", 2.0) == Limit(2.0)
    assert of_products(limits, "int8", 2.0).rate is None
    made = contest(engine("ours", 1, 1, 1, 1), limit=lambda one: Limit(None, "it is a play"))
    assert "n/a [1]" in table([made])
    assert table([made]).splitlines()[-1] == "[1] it is a play"


def test_a_share_has_a_least() -> None:
    assert at_least("share", 0.6, 0.6, ".2f").state is State.MET
    assert at_least("share", 0.59, 0.6, ".2f").state is State.SHORT
    assert at_least("share", math.nan, 0.6, ".2f").state is State.SHORT
    assert at_least("share", None, 0.6, ".2f").state is State.OPEN


def test_the_bytes_of_an_id_are_those_that_are_stored(tmp_path: Path) -> None:
    import torch
    from language_folders import LanguageFolder
    from safetensors.torch import save_file

    weights = {"model.embed_tokens.weight": torch.zeros(8, 4), "lm_head.weight": torch.zeros(8, 4),
               "panels": torch.zeros(6, dtype=torch.uint8)}  # fmt: skip
    config = {"hidden_size": 4, "num_attention_heads": 2, "num_key_value_heads": 1,
              "num_hidden_layers": 3, "tie_word_embeddings": False}  # fmt: skip

    def num_bytes(format_name: str, cache_bits: int) -> float:
        (tmp_path / "config.json").write_text(json.dumps(config))
        save_file(weights, tmp_path / "model.safetensors")
        return LanguageFolder("tiny", tmp_path).decode_bytes(format_name, 10, cache_bits)

    entries = 2 * 1 * 2 * 3 * 10  # of the cache
    assert num_bytes("bf16", 16) == 8 * 4 * 2 + 6 + 2 * entries
    assert num_bytes("float32", 8) == 8 * 4 * 4 + 6 + entries
    config["tie_word_embeddings"] = True  # the embedding is the head
    del weights["lm_head.weight"]
    assert num_bytes("bf16", 16) == 8 * 4 * 2 + 6 + 2 * entries


def test_the_conformer_twin_computes_what_ours_does() -> None:
    import torch
    from conformer_twin import ConformerTwin

    import omni

    torch.manual_seed(0)
    encoder = {"num_mels": 8, "width": 16, "num_layers": 2, "num_heads": 2, "kernel_size": 5,
               "feed_forward_width": 24, "num_ctc_labels": 0}  # fmt: skip
    audio = {"processor": {"num_mels": 8}, "encoder": encoder,
             "projector": {"input_width": 16, "output_width": 8}}  # fmt: skip
    model = omni.OmniModel({"name": "conformer", "audio": audio})
    mel = torch.randn(1, 22, 8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        rows, _ = model.conformer(mel, torch.tensor([22]))
        wanted = ConformerTwin(dict(model.conformer.named_parameters()), 2, 2)(mel[0])
    torch.testing.assert_close(rows[0], wanted, atol=1e-5, rtol=1e-5)


def test_four_bits_are_held_to_what_they_can_be() -> None:
    from language_contests import ALLOWED, ALLOWED_OF_RANDOM, is_allowed

    close, far = {"worst": 0.1, "mean": 0.03}, {"worst": 1.6, "mean": 0.6}
    assert is_allowed(ALLOWED["int4"], 0.01, close, close)
    assert not is_allowed(ALLOWED["int4"], 0.06, close, close)
    assert not is_allowed(ALLOWED["int4"], 0.01, far, close)
    assert is_allowed(ALLOWED_OF_RANDOM["int4"], 0.1, far, close)
    assert not is_allowed(ALLOWED_OF_RANDOM["int4"], 0.1, far, far)  # nor to itself


def test_gaps_are_of_the_ids_that_were_taken() -> None:
    import numpy as np
    from answer_gaps import gaps_of

    logits = np.array([[0.0, 2.0], [4.0, 0.0]])
    assert gaps_of(logits, [1, 0]) == {"worst": 0.0, "mean": 0.0}
    assert gaps_of(logits, [1, 1]) == {"worst": 2.0, "mean": 2.0}  # a deviation of 2
