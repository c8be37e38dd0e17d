# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What this machine can do at most, by machine_limits.cpp, built here for it."""

import functools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine_pipe import NUM_THREADS, ROOT

HERE = Path(__file__).resolve().parent
SOURCES = (HERE.parent / "machine_limits.cpp", HERE / "print_machine_limits.cpp")
PROGRAM = ROOT / "build" / "bench" / "machine_limits"
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# Of so many times the last-level cache next to nothing stays there until it is read again.
CACHES_TO_FILL = 4
MEBI = 2**20


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


@dataclass(frozen=True)
class Limit:
    """The rate that the machine allows at most, in a contest's unit; None where there is no
    such limit. `note` tells why, or what to think of it."""

    rate: float | None
    note: str | None = None


def of_reading(limits: dict[str, float], num_bytes: float) -> Limit:
    """Of work that reads so many bytes each time, the same ones."""
    cache = last_level_cache_bytes()
    size = f"the last-level cache of {cache / MEBI:.0f} MiB"
    if num_bytes <= cache:
        return Limit(None, f"what is read each time fits into {size}")
    note = None
    if num_bytes < CACHES_TO_FILL * cache:
        note = f"of less than {CACHES_TO_FILL} times {size} a part is still there the next time"
    return Limit(limits["read"] / num_bytes, note)


def of_products(limits: dict[str, float], kind: str, operations: float) -> Limit:
    """Of work of so many operations in products of a kind."""
    if kind == "int8" and limits["int8"] == limits["float32"]:
        return Limit(None, "this processor has no faster products of bytes")
    return Limit(limits[kind] / operations)


def last_level_cache_bytes() -> int:
    """0 where the system does not say."""
    sizes = {
        int((index / "level").read_text()): (index / "size").read_text().strip()
        for index in CACHES.glob("index*")
    }
    if not sizes:
        return 0
    return int(sizes[max(sizes)].removesuffix("K")) * 1024


def processor() -> str:
    """Its name, and what tells apart those that a cloud gives the same."""
    found = {"model name": "unknown processor", "cpu family": "unknown", "model": "unknown"}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in found:
            found[name.strip()] = value.strip()
    return f"{found['model name']} (family {found['cpu family']}, model {found['model']})"
