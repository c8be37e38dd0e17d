# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What this machine can do at most, by machine_limits.cpp, built here for it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from engine_pipe import NUM_THREADS, ROOT

SOURCE = Path(__file__).with_suffix(".cpp")
PROGRAM = ROOT / "build" / "bench" / "machine_limits"


def measured_limits() -> dict[str, float]:
    """ "read" in bytes a second; "float32", "bf16", "int8" in operations a second."""
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if not compiler:
        raise SystemExit("[compare] expected a C++ compiler as c++ or $CXX, got none.")
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    flags = ("-std=c++20", "-O3", "-march=native", "-pthread")
    subprocess.run([compiler, *flags, SOURCE, "-o", PROGRAM], check=True)
    done = subprocess.run([PROGRAM, str(NUM_THREADS)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"
