# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""An engine in a process of its own: one JSON object a line in, one a line out.

The benchmark holds `Engine`s and asks them in turns; the program of each ends in
`serve(methods)`. An engine that is not asked is stopped by a signal, so that threads which
spin for more work cannot take a core from the one being measured."""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "bench"))

from process_memory import Peak, forget_peak, memory_bytes  # noqa: E402

LOGS = ROOT / "build" / "bench" / "logs"
NUM_THREADS = 2
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
before_load: dict[str, int] = {}


class EngineError(Exception):
    """Why an engine gave no answer, in a sentence."""


def environment() -> dict[str, str]:
    """Of every engine: its threads, and no look at the network."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(NUM_THREADS))
    return kept | threads | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def pin_to_cores() -> list[int]:
    """This process and all that it starts, to as many cores as an engine has threads."""
    cores = sorted(os.sched_getaffinity(0))[:NUM_THREADS]
    os.sched_setaffinity(0, cores)
    return cores


class Engine:
    def __init__(self, name: str, command: list[str | Path]) -> None:
        self.name = name
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env=environment(), start_new_session=True,
            )  # fmt: skip

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def ask(self, do: str, seconds: float = 900.0, **arguments: Any) -> dict[str, Any]:
        self.signal(signal.SIGCONT)
        limit = threading.Timer(seconds, self.signal, (signal.SIGKILL,))
        limit.start()
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            was_in_time = limit.is_alive()
            limit.cancel()
        if not line:
            cause = self.last_words() if was_in_time else f"no answer in {seconds:.0f} s"
            raise EngineError(f"{do}: {cause}")
        self.signal(signal.SIGSTOP)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineError(f"{do}: {answer['error']}")
        return answer

    def last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f"the process ended; {lines[-1].strip() if lines else 'it said nothing'}"

    def close(self) -> None:
        self.signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()


def loaded(load: Callable[[], None]) -> dict[str, float]:
    """Runs load(): its seconds, and what memory it took beside what was there before."""
    before = {name: memory_bytes(name) for name in ("VmRSS", "RssAnon", "RssFile")}
    before_load.update(before)
    forget_peak()
    began = time.perf_counter()
    with Peak() as loading:
        load()
        seconds = time.perf_counter() - began
    return {
        "load_seconds": seconds,
        "load_added_bytes": memory_bytes("VmHWM") - before["VmRSS"],
        "load_own_bytes": loading.own_bytes,
        "load_mapped_bytes": memory_bytes("RssFile") - before["RssFile"],
    }


def memory() -> dict[str, int]:
    """The most of all so far; beside what was there before loading, what there is now."""
    kinds = {"own_bytes": "RssAnon", "mapped_bytes": "RssFile"}
    added = {k: memory_bytes(name) - before_load.get(name, 0) for k, name in kinds.items()}
    return {"peak_bytes": memory_bytes("VmHWM"), **added}


def serve(methods: dict[str, Callable[..., dict[str, Any] | None]]) -> None:
    """Obeys lines {"do": method, arguments} of stdin until it ends. Whatever libraries
    print goes to the log."""
    # A stopped process would outlive the benchmark that was to wake it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    methods = {"memory": memory, **methods}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = methods[request.pop("do")](**request) or {}
        except Exception as error:  # of whatever library the engine is
            import traceback

            traceback.print_exc()
            last = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {last[-1][:200]}"}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()
