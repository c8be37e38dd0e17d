# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What decoding keeps of its rate when another program wants one of its two cores.

SmolLM2-135M behind a prompt of 512 ids, two threads on two cores: ids a second alone, and
beside a program that never stops on the second core, then on the first; in turns. A share
that counts only the time of cores would be 0.75."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from contest import Contestant, Figure, Figures
from language_contests import omni_of
from language_folders import LanguageFolder, small_folder
from verdicts import at_least

FORMATS = ("bf16", "int8", "int4")
LEAST_SHARE = 0.6
PROMPT, COUNT = 512, 192
SPIN = "while True: pass"


@contextmanager
def busy(core: int | None) -> Iterator[None]:
    if core is None:
        yield
        return
    spinning = subprocess.Popen([sys.executable, "-c", SPIN])
    os.sched_setaffinity(spinning.pid, {core})
    time.sleep(0.2)  # its start
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def measured_rates(
    one: Contestant, where: dict[str, int | None], rounds: int, count: int
) -> dict[str, list[float]]:
    """Ids a second of each round, by who else wants which core; cut short where the engine
    gives up."""
    rates: dict[str, list[float]] = {way: [] for way in where}
    text = one.ask("text_ids")
    work = {"ids": text["ids"][:PROMPT], "count": count} if text else {}
    one.ask("decode", **work)  # warms up
    for _ in range(rounds):
        for way, core in where.items():
            with busy(core):
                answer = one.ask("decode", **work)
            if answer is None:
                return rates
            rates[way].append(answer["count"] / answer["seconds"])
    return rates


def add_format(
    found: Figures, folder: LanguageFolder, format_name: str, rounds: int, count: int
) -> None:
    """A line for each core that is shared."""
    cores = sorted(os.sched_getaffinity(0))
    where = {"alone": None, "second core shared": cores[-1], "first core shared": cores[0]}
    one = omni_of(folder, format_name)
    try:
        one.start({})
        rates = measured_rates(one, where, rounds, count)
    finally:
        one.stop()
    found.records.append({"name": one.name, "rates": rates})
    alone = rates.pop("alone")
    for way, shared in rates.items():
        name = f"{one.name}, {way}"
        pairs = list(zip(shared, alone, strict=False))
        share = statistics.median(a / b for a, b in pairs) if pairs else None
        outcome = at_least(f"{found.title}: {name}", share, LEAST_SHARE, ".2f")
        text = one.reason or (
            f"of the rate alone: {statistics.median(shared):.1f} of "
            f"{statistics.median(alone):.1f} ids/s"
        )
        found.lines[name] = Figure(text, outcome)


def shared_figures(
    rounds: int, is_quick: bool = False, formats: Sequence[str] = FORMATS
) -> Iterator[Figures]:
    """On the cores of this process, of which there have to be two."""
    folder = small_folder()
    found = Figures("shared", "SmolLM2-135M, decode at 512, one core shared", rounds=rounds)
    for name in formats:
        add_format(found, folder, name, rounds, 32 if is_quick else COUNT)
    yield found
