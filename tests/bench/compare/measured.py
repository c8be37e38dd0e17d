# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""When something was measured, how often and of what: what rows of several runs need to
stand in one table."""

import hashlib
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone

from engine_pipe import ROOT


@dataclass(frozen=True)
class Measured:
    rounds: int
    when: str  # ISO 8601, UTC
    commit: str  # short; "+" behind it where the tree held changes
    limits: dict[str, float] = field(default_factory=dict)  # of the machine, in that run
    versions: dict[str, str] = field(default_factory=dict)  # of the peers

    def __str__(self) -> str:
        rounds = f"{self.rounds} round{'' if self.rounds == 1 else 's'}"
        return f"{rounds}, {self.when[:10]}, {self.commit}"


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def git(*arguments: str) -> str:
    command = ["git", "-C", ROOT, *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def commit() -> str:
    name = git("rev-parse", "--short", "HEAD") or "no commit"
    return f"{name}+" if git("status", "--porcelain", "--untracked-files=no") else name


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=6).hexdigest()
