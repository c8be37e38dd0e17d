# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What this machine can do at most, by machine_limits.cpp, built here for it."""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

from engine_pipe import NUM_THREADS, ROOT

HERE = Path(__file__).resolve().parent
SOURCES = (HERE.parent / "machine_limits.cpp", HERE / "print_machine_limits.cpp")
PROGRAM = ROOT / "build" / "bench" / "machine_limits"


@functools.cache
def build() -> Path:
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if not compiler:
        raise SystemExit("[compare] expected a C++ compiler as c++ or $CXX, got none.")
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    flags = ("-std=c++20", "-O3", "-march=native", "-pthread", "-I", ROOT)
    subprocess.run([compiler, *flags, *SOURCES, "-o", PROGRAM], check=True)
    return PROGRAM


class MachineLimits(dict[str, float]):
    """ "read" and "copy" in bytes a second; "float32", "bf16", "int8" in operations a second.
    Other programs of the same machine may slow its memory for seconds: look() again beside
    what is measured; the most ever seen counts."""

    def look(self) -> None:
        command = [build(), str(NUM_THREADS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for name, rate in json.loads(done.stdout).items():
            self[name] = max(rate, self.get(name, 0.0))


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"
