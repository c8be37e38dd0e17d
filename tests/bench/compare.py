# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Omni beside its peers on this machine: same weights, same inputs, two threads, in turns.

    .venv/bin/python tests/bench/compare.py [--only decode,prefill] [--rounds 7] [--quick]
    .venv/bin/python tests/bench/compare.py --show

The first run sets up the peers in build/peers/venv (about 10 minutes, most of them for
building llama.cpp) and the weights in build/. Every engine is checked before it is timed; a
peer that could not be installed or does not take the model stands in the table with the
reason. Leaves build/bench/compare.json and compare.png, and says how many targets are met:
one that is not is `short`. Ends with an error when an engine computes something else than it
should, or weights of few bits lose more than they may.

Contests that a run leaves out keep the rows of earlier runs on this machine, each with its
rounds, day and commit ("+": of a tree with changes); --show prints them all and measures
nothing. --quick has files of its own, compare-quick.json and .png."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "compare"), str(HERE)]

import peers  # noqa: E402
from contest import Contest, Figures  # noqa: E402
from encoder_contests import sound_contest, vision_contest  # noqa: E402
from engine_pipe import NUM_THREADS, ROOT, pin_to_cores  # noqa: E402
from kept_results import as_json, kept_results, merged, read_results  # noqa: E402
from language_contests import big_contests, small_contests  # noqa: E402
from language_folders import BIG  # noqa: E402
from machine_limits import MachineLimits, processor  # noqa: E402
from measured import Measured, commit, digest, now  # noqa: E402
from media_contests import media_contest, tokenizer_contest  # noqa: E402
from ops_figures import ops_figures  # noqa: E402
from perplexities import nano_perplexities  # noqa: E402
from published_weights import SMOLLM2, WHISPER  # noqa: E402
from report import draw, table  # noqa: E402
from shared_figures import shared_figures  # noqa: E402
from training_contests import nano_figures, training_contest  # noqa: E402
from verdicts import exit_code, summary  # noqa: E402

OUTPUT = ROOT / "build" / "bench"
OF_SMALL = ("decode", "prefill", "perplexity")
KEYS = (
    *OF_SMALL, "nano_perplexity", "shared", "big", "vit", "sound", "video", "jpeg", "tokenizer",
    "train", "nano", "ops",
)  # fmt: skip
ORDER = ("memory", "big_memory", *KEYS)  # of results; memory comes with the language models


def contests(
    options: argparse.Namespace, limits: dict[str, float], missing: dict[str, str]
) -> Iterator[Contest | Figures]:
    """In turn; the engines of one are ended before those of another family start."""
    wanted, is_quick = options.only, options.quick
    if wanted & set(OF_SMALL):
        yield from small_contests(wanted, is_quick, limits, missing)
    others: dict[str, Callable[[], Iterator[Contest | Figures]]] = {
        "nano_perplexity": nano_perplexities,
        "shared": lambda: shared_figures(options.rounds, is_quick),
        "big": lambda: big_contests(is_quick, limits, missing),
        "vit": lambda: vision_contest(limits, missing),
        "sound": lambda: sound_contest(limits, missing),
        "video": lambda: media_contest("video", missing),
        "jpeg": lambda: media_contest("jpeg", missing),
        "tokenizer": lambda: tokenizer_contest(is_quick, missing),
        "train": lambda: training_contest(is_quick, limits, missing),
        "nano": lambda: nano_figures(options.rounds),
        "ops": lambda: ops_figures(is_quick),
    }
    for key, made in others.items():
        if key in wanted:
            yield from made()


def weights() -> dict[str, str]:
    """What says that they are the same."""
    nano = (ROOT / "omni" / "nano" / "model.safetensors").read_bytes()
    return {
        "SmolLM2": SMOLLM2[0], "Whisper": WHISPER[0],
        "1.1e9 random": digest(json.dumps(BIG).encode()), "omni-nano": digest(nano),
    }  # fmt: skip


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KEYS), help=", ".join(KEYS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one short round: does all run?")
    parser.add_argument("--no-setup", action="store_true", help="install nothing")
    parser.add_argument("--show", action="store_true", help="what was measured; measures nothing")
    options = parser.parse_args()
    options.only = set(options.only.split(","))
    if unknown := options.only - set(KEYS):
        parser.error(f"expected --only of {', '.join(KEYS)}, got {', '.join(sorted(unknown))}")
    if options.quick:
        options.rounds = 1
    options.file = OUTPUT / f"compare{'-quick' if options.quick else ''}.json"
    return options


def heading(about: dict[str, Any]) -> str:
    limits = about["limits"]
    return (
        f"{about['processor']}, cores {about['cores']}, {about['threads']} threads, medians of "
        f"rounds in turns; limits in the last run: read {limits['read'] / 1e9:.1f} GB/s, "
        f"float32 {limits['float32'] / 1e9:.0f}, bf16 {limits['bf16'] / 1e9:.0f}, "
        f"int8 {limits['int8'] / 1e9:.0f} Gop/s"
    )


def show(file: Path) -> int:
    try:
        about, results = read_results(file)
    except OSError as error:
        raise SystemExit(f"[compare] expected results of an earlier run: {error}") from error
    for result in results:
        result.is_earlier = False  # all are: of no use to say
    print(heading(about), table(results), summary(results), sep="\n")
    return exit_code(results)


def main() -> int:
    options = parsed()
    if options.show:
        return show(options.file)
    missing = peers.set_up(installs=not options.no_setup)
    cores = pin_to_cores()
    limits = MachineLimits()
    about = {
        "processor": processor(), "cores": cores, "threads": NUM_THREADS, "limits": limits,
        "missing": missing, "weights": weights(),
    }  # fmt: skip
    earlier, why_none = kept_results(options.file, about)
    if why_none:
        print(f"begins anew, without the rows of earlier runs: {why_none}")
    results, fresh = merged(earlier, [], ORDER), []
    for contest in contests(options, limits, missing):
        print(f"measuring: {contest.title}", flush=True)
        limits.look()
        contest.run(options.rounds)
        fresh.append(contest)
        contest.measured = Measured(contest.rounds, now(), commit(), limits, peers.pins())
        for result in fresh:
            result.judge()  # by the limits seen in all this time
        results = merged(earlier, fresh, ORDER)
        OUTPUT.mkdir(parents=True, exist_ok=True)
        options.file.write_text(as_json(results, about))  # what follows may fail
    print(heading(about), table(results), summary(results), sep="\n")
    draw(results, heading(about), options.file.with_suffix(".png"))
    return exit_code(fresh)


if __name__ == "__main__":
    sys.exit(main())
