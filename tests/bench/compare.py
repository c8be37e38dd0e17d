# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Omni beside its peers on this machine: same weights, same inputs, two threads, in turns.

    .venv/bin/python tests/bench/compare.py [--only decode,prefill] [--rounds 7] [--quick]

The first run sets up the peers in build/peers/venv (about 10 minutes, most of them for
building llama.cpp) and the weights in build/. Every engine is checked before it is timed; a
peer that could not be installed or does not take the model stands in the table with the
reason. Leaves build/bench/compare.json and compare.png, and says how many targets are met:
one that is not is `short`. Ends with an error when an engine computes something else than it
should, or weights of few bits lose more than they may."""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "compare"), str(HERE)]

import peers  # noqa: E402
from contest import Contest, Figures  # noqa: E402
from encoder_contests import sound_contest, vision_contest  # noqa: E402
from engine_pipe import NUM_THREADS, ROOT, pin_to_cores  # noqa: E402
from language_contests import big_contests, small_contests  # noqa: E402
from machine_limits import MachineLimits, processor  # noqa: E402
from media_contests import media_contest, tokenizer_contest  # noqa: E402
from ops_figures import ops_figures  # noqa: E402
from report import as_json, draw, table  # noqa: E402
from training_contests import nano_figures, training_contest  # noqa: E402
from verdicts import exit_code, summary  # noqa: E402

OUTPUT = ROOT / "build" / "bench"
OF_SMALL = ("decode", "prefill", "perplexity")
KEYS = (*OF_SMALL, "big", "vit", "sound", "video", "jpeg", "tokenizer", "train", "nano", "ops")


def contests(
    options: argparse.Namespace, limits: dict[str, float], missing: dict[str, str]
) -> Iterator[Contest | Figures]:
    """In turn; the engines of one are ended before those of another family start."""
    wanted, is_quick = options.only, options.quick
    if wanted & set(OF_SMALL):
        yield from small_contests(wanted, is_quick, limits, missing)
    others: dict[str, Callable[[], Iterator[Contest | Figures]]] = {
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


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KEYS), help=", ".join(KEYS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one short round: does all run?")
    parser.add_argument("--no-setup", action="store_true", help="install nothing")
    options = parser.parse_args()
    options.only = set(options.only.split(","))
    if unknown := options.only - set(KEYS):
        parser.error(f"expected --only of {', '.join(KEYS)}, got {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    options = parsed()
    if options.quick:
        options.rounds = 1
    missing = peers.set_up(installs=not options.no_setup)
    cores = pin_to_cores()
    limits = MachineLimits()
    results = []
    for contest in contests(options, limits, missing):
        print(f"measuring: {contest.title}", flush=True)
        limits.look()
        contest.run(options.rounds)
        results.append(contest)
    for result in results:
        result.judge()  # by the limits seen in all this time
    heading = (
        f"{processor()}, cores {cores}, {NUM_THREADS} threads, medians of {options.rounds} rounds; "
        f"limits: read {limits['read'] / 1e9:.1f} GB/s, bf16 {limits['bf16'] / 1e9:.0f}, "
        f"int8 {limits['int8'] / 1e9:.0f} Gop/s"
    )
    print(heading, table(results), summary(results), sep="\n")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    about = {
        "processor": processor(), "cores": cores, "threads": NUM_THREADS, "rounds": options.rounds,
        "limits": limits, "versions": peers.pins(), "missing": missing,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }  # fmt: skip
    (OUTPUT / "compare.json").write_text(as_json(results, about))
    draw(results, heading, OUTPUT / "compare.png")
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main())
