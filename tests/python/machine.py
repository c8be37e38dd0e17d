# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A machine for set-up scripts: a checkout in a folder, and chosen programs on PATH."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "CMakeLists.txt", "encoders", "examples", "kernels", "omni", "python", "tests", "tokenizers",
)  # fmt: skip
# Answers like dpkg-query for every package asked for but the named ones.
DPKG_QUERY = """shift 2
log
for package in "$@"; do
  case " {missing} " in
    *" $package "*) echo "dpkg-query: no packages found matching $package" >&2; code=1 ;;
    *) echo "$package:amd64 installed" ;;
  esac
done
exit ${{code:-0}}"""
CMAKE = """case "$*" in
  --version) echo 'cmake version {version}' ;;
  *) log "$@"; mkdir -p build; touch build/build.ninja ;;
esac"""


class Machine:
    """Set up and built, but for the packages `missing`; every program that installs or
    builds is a play one. What scripts make lands in its folder: the checkout's sources
    are links."""

    def __init__(self, folder: Path, missing: str = "") -> None:
        self.folder, self.checkout = folder, folder / "checkout"
        self._log = folder / "log"
        self.checkout.mkdir()
        for name in SOURCES:
            (self.checkout / name).symlink_to(ROOT / name)
        self.put("dpkg-query", DPKG_QUERY.format(missing=missing))
        self.put("apt-get", 'log "$@"; exit 3')
        self.put("pkg-config", "echo 59.27.100")
        self.put("cmake", CMAKE.format(version="3.25.1"))
        self.put("ninja", 'log "$@"')
        self.put(".venv/bin/python", 'log "$@"')
        archive = self.checkout / ".venv" / "sentencepiece" / "lib" / "libsentencepiece.a"
        archive.parent.mkdir(parents=True)
        archive.touch()

    def put(self, program: str, lines: str) -> None:
        """A program: found before all others on PATH, or of the checkout if it has a
        folder. `log WORDS` in it adds its name and the words to calls()."""
        path = self.checkout / program if "/" in program else self.folder / "bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nlog() {{ echo {program} "$@" >>{self._log}; }}\n{lines}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """What was logged since the last call."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", self.checkout / script, *arguments], cwd=self.folder, text=True,
            capture_output=True, env={**os.environ, "PATH": path, **environment},
        )  # fmt: skip
