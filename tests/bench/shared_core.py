# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What decoding keeps of its rate when another program wants one of its two cores.

    .venv/bin/python tests/bench/shared_core.py [--formats bf16,int8,int4] [--rounds 7]

SmolLM2-135M behind a prompt of 512 ids, two threads on two cores: ids a second alone, and
beside a program that never stops on the second core, then on the first; in turns. A share
that counts only the time of cores would be 0.75."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))

import run_omni  # noqa: E402
from engine_pipe import pin_to_cores  # noqa: E402
from published_weights import FOLDER, smollm2  # noqa: E402

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


def rate(ids: list[int], core: int | None) -> float:
    with busy(core):
        done = run_omni.decode(ids, COUNT)
    return done["count"] / done["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default="bf16,int8,int4")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cores = pin_to_cores()
    where = {"alone": None, "second core shared": cores[-1], "first core shared": cores[0]}
    folder = str(smollm2(FOLDER))
    for name in options.formats.split(","):
        run_omni.load(folder, name)
        ids = run_omni.text_ids()["ids"][:PROMPT]
        rates: dict[str, list[float]] = {way: [] for way in where}
        for _ in range(options.rounds):
            for way, core in where.items():
                rates[way].append(rate(ids, core))
        alone = statistics.median(rates["alone"])
        for way, of_way in rates.items():
            median = statistics.median(of_way)
            print(f"{name}  {way:20}{median:7.1f} ids/s  {median / alone:.2f}", flush=True)


if __name__ == "__main__":
    main()
