# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The recipe of omni-nano (examples/nano): its generator, its judges, evaluation sets.

The generator is plain scripts, not a package: `find_recipe` puts them on the path,
`script` imports one of them.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

# What `heldout` and the others are named in tables, in the order of their columns.
SPLITS = {
    "validation": "in-distribution",
    "heldout": "held-out",
    "phrasing": "other wording",
    "far": "far voices",
}


@dataclass(frozen=True)
class Sample:
    """A conversation as the generator wrote it."""

    messages: list[dict[str, Any]]
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def turns(self) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Parts of each user message and of its answer."""
        contents = [message["content"] for message in self.messages]
        return list(zip(contents[0::2], contents[1::2], strict=True))


def find_recipe(folder: Path | None = None) -> Path:
    """The folder of the generator's scripts, from now on importable. OSError without."""
    found = folder or Path(__file__).resolve().parents[3] / "examples" / "nano"
    if not (found / "make_data.py").is_file():
        raise OSError(
            f"[evaluate] expected the recipe of omni-nano in {found}, got no make_data.py "
            "there. Give the folder examples/nano of Omni's sources: --recipe DIR."
        )
    for path in (found / "judges", found):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    return found


def script(name: str) -> Any:
    """A module of the generator or of the judges, by its file's name."""
    return import_module(name)


def recipe_digest(recipe: Path) -> str:
    """Changes with any script of the recipe."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(recipe.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make_sets(recipe: Path, folder: Path, count: int, workers: int) -> None:
    """Writes `count` samples of every task and split that is not trained, once."""
    command = [
        sys.executable, recipe / "make_data.py", "--out", folder, "--all", "--scale", "0",
        "--evaluated", count, "--workers", workers,
    ]  # fmt: skip
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(
            f"[evaluate] expected {recipe / 'make_data.py'} to write {folder}, got: "
            f"{done.stderr[-800:]}"
        )


def read_samples(folder: Path, task: str, split: str, limit: int) -> list[Sample]:
    """The first `limit` samples of `folder`/TASK/SPLIT/0000.tar. OSError without it."""
    path = folder / task / split / "0000.tar"
    if not path.is_file():
        raise OSError(
            f"[evaluate] expected {path}, got no such file. Leave out --data to have the sets made."
        )
    samples: list[Sample] = []
    record: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    last = ""

    def finish() -> None:
        if record:
            facts = record.get("facts", {})
            samples.append(Sample(record["messages"], dict(files), facts))

    with tarfile.open(path) as tar:
        for entry in tar:
            key, _, name = entry.name.partition(".")
            if key != last:
                finish()
                record, last = {}, key
                files.clear()
                if len(samples) == limit:
                    return samples
            content = tar.extractfile(entry)
            data = content.read() if content else b""
            if name == "json":
                record = json.loads(data)
            else:
                files[name] = data
    finish()
    return samples
