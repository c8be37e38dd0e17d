# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes omni-nano's data as tar shards.

python examples/nano/make_data.py --out DIR --task picture --split train --count 20000
python examples/nano/make_data.py --out DIR --all [--scale 0.1]
"""

import argparse
import sys
from importlib import import_module
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import splits  # noqa: E402
from samples import write_shard  # noqa: E402

# Samples for training, by task.
COUNTS = {
    "picture": 80000,
    "draw": 80000,
    "reading": 40000,
    "edit": 15000,
    "recognise": 40000,
    "speak": 20000,
    "answer_by_voice": 8000,
    "sound": 24000,
    "video": 8000,
    "chat": 8000,
}
EVALUATED = 300  # samples of each split that is not trained
EXTRA_SPLITS = {"recognise": ("far",)}
WITHOUT_PHRASING = ("speak", "answer_by_voice")
SHARD = 2000


def splits_of(task: str) -> list[str]:
    usual = [s for s in splits.SPLITS if s != "phrasing" or task not in WITHOUT_PHRASING]
    return usual + list(EXTRA_SPLITS.get(task, ()))


MODULES = {
    "picture": "pictures",
    "draw": "drawing",
    "reading": "reading",
    "edit": "drawing",
    "recognise": "speech",
    "speak": "speech",
    "answer_by_voice": "voice_answers",
    "sound": "sounds",
    "video": "videos",
    "chat": "chat",
}


def maker(task: str):
    """The function (seed, split, index) → Sample of a task."""
    return getattr(import_module(MODULES[task]), f"make_{task}")


def make_shard(job) -> str:
    path, task, split, seed, begin, end = job
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make = maker(task)
        write_shard(path, ((f"{i:07d}", make(seed, split, i)) for i in range(begin, end)))
    return str(path)


def jobs_of(out: Path, task: str, split: str, count: int, seed: int):
    for begin in range(0, count, SHARD):
        path = out / task / split / f"{begin // SHARD:04d}.tar"
        yield path, task, split, seed, begin, min(begin + SHARD, count)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--task", choices=sorted(COUNTS))
    parser.add_argument("--split", default="train", help="train, validation, heldout, phrasing")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="every task and split")
    parser.add_argument("--scale", type=float, default=1.0, help="of the training counts")
    parser.add_argument(
        "--evaluated", type=int, default=EVALUATED, help="samples of each split that is not trained"
    )
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    jobs = []
    for task in COUNTS if arguments.all else [arguments.task]:
        if arguments.all:
            counts = {"train": int(COUNTS[task] * arguments.scale)}
            others = [split for split in splits_of(task) if split != "train"]
            counts |= dict.fromkeys(others, arguments.evaluated)
        else:
            counts = {arguments.split: arguments.count or COUNTS[task]}
        for split, count in counts.items():
            jobs += jobs_of(arguments.out, task, split, count, arguments.seed)
    with Pool(arguments.workers) as pool:
        for done, path in enumerate(pool.imap(make_shard, jobs), 1):
            print(f"{done}/{len(jobs)} {path}", flush=True)


if __name__ == "__main__":
    main()
