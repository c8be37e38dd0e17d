# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every fused op beside its ATen twin and its floor, by bench_kernels."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from contest import Figure, Figures
from engine_pipe import NUM_THREADS, ROOT, environment

PROGRAM = ROOT / "build" / "bin" / "bench_kernels"
NUM_TURNS = 9


def ops_figures(is_quick: bool) -> Iterator[Figures]:
    turns = 1 if is_quick else NUM_TURNS
    found = Figures("ops", "ops beside ATen and their floors", rounds=turns)
    command = [PROGRAM, "--json", "--threads", str(NUM_THREADS), "--turns", str(turns)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
    except OSError as error:
        found.lines["bench_kernels"] = Figure(str(error))
    else:
        for line in done.stdout.splitlines():
            add(found, json.loads(line))
        if done.returncode:
            words = done.stderr.strip().splitlines() or ["it said nothing"]
            found.lines["bench_kernels"] = Figure(f"ended with an error: {words[0][:200]}")
    yield found


def add(found: Figures, of_op: dict[str, Any]) -> None:
    microseconds, of_aten, least = (
        of_op[name] * 1e6 for name in ("seconds", "reference_seconds", "floor_seconds")
    )
    percent = of_op["percent_of_floor"]
    digits = 0 if percent >= 10 else 1
    name = f"{of_op['op']}, {of_op['variant']}, {of_op['pass']}"
    found.lines[name] = Figure(
        f"{microseconds:,.1f} us, ATen {of_aten:,.1f} ({of_aten / microseconds:.2f}x); at least "
        f"{least:,.2f} us by {of_op['bound']}: {percent:.{digits}f} % of it reached"
    )
    found.records.append(of_op)
