# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tokenizer speed beside `tokenizers`: the same file, the same text, one thread each.

    .venv/bin/python tests/bench/tokenizer_twin.py [--kinds qwen2,super_bpe] [--vocab 20000]

Half Korean and half English text of made-up words with the frequencies of real ones; ids
have to agree before anything is timed. Both sides take turns; of each the fastest turn
counts, in processor time (which a busy machine hardly changes)."""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from tokenizers import Tokenizer, pre_tokenizers, trainers  # noqa: E402

import omni  # noqa: E402
from tokenizer_samples import KINDS, untrained  # noqa: E402

TURNS = 5
TRAINING_BYTES = 2_000_000


def made_up_words(rng: random.Random) -> list[str]:
    """By frequency, the most frequent first."""
    syllables = [chr(rng.randint(0xAC00, 0xD7A3)) for _ in range(700)]
    letters = "eeeeetttaaaooiinnsshhrrddlluucmfwygpbvkxqjz"
    endings = ["", "은", "는", "이", "가", "을", "를", "에서", "입니다", "하고"]
    words = []
    for i in range(40000):
        if i % 2:
            stem = "".join(rng.choices(syllables, k=rng.randint(1, 3)))
            words.append(stem + rng.choice(endings))
        else:
            word = "".join(rng.choices(letters, k=rng.randint(1, 3 + i // 5000)))
            words.append(word.capitalize() if rng.random() < 0.1 else word)
    return words


def made_up_text(num_bytes: int, seed: int) -> str:
    rng = random.Random(0)
    words = made_up_words(rng)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    rng = random.Random(seed)
    lines, size = [], 0
    while size < num_bytes:
        line = " ".join(rng.choices(words, weights, k=rng.randint(3, 25)))
        line += rng.choice([".\n", ".\n", "?\n", ", 2026.\n\n", "!\n", f" ({rng.random():.3f})\n"])
        lines.append(line)
        size += len(line.encode())
    return "".join(lines)


def trained(kind: str, vocab_size: int) -> Tokenizer:
    tokenizer, first = untrained(kind)
    is_bytes = not first
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=first, show_progress=False, max_token_length=24,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if is_bytes else [],
    )  # fmt: skip
    tokenizer.train_from_iterator(made_up_text(TRAINING_BYTES, 1).splitlines(True), trainer)
    return tokenizer


def fastest(*works: Callable[[], object]) -> list[float]:
    """Of each work the fastest turn, in seconds of processor time."""
    seconds = [float("inf")] * len(works)
    for _ in range(TURNS):
        for i, work in enumerate(works):
            start = time.process_time()
            work()
            seconds[i] = min(seconds[i], time.process_time() - start)
    return seconds


def report(name: str, size: str, ours: float, theirs: float) -> None:
    print(
        f"{name:<28} {size:>9}  omni {ours * 1e3:9.1f} ms  tokenizers {theirs * 1e3:9.1f} ms"
        f"  {theirs / ours:6.2f}x", flush=True,
    )  # fmt: skip


def compare(kind: str, vocab_size: int, folder: Path) -> None:
    path = folder / f"{kind}.json"
    trained(kind, vocab_size).save(str(path))
    theirs, ours = Tokenizer.from_file(str(path)), omni.TextTokenizer.load(path)
    text = made_up_text(10_000_000, 2)
    lines = text.splitlines(True)
    size = f"{len(text.encode()) / 1e6:.1f} MB"
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, kind

    def each_line_ours() -> None:
        for line in lines:
            ours.encode(line)

    def each_line_theirs() -> None:
        for line in lines:
            theirs.encode(line, add_special_tokens=False)

    print(f"-- {kind}: {theirs.get_vocab_size()} ids, file {path.stat().st_size / 1e6:.1f} MB")
    report("load", "", *fastest(lambda: omni.TextTokenizer.load(path),
                                lambda: Tokenizer.from_file(str(path))))  # fmt: skip
    # Theirs without offsets, as ours, and then both with them.
    report("one text", size, *fastest(lambda: ours.encode(text),
                                      lambda: theirs.encode_batch_fast([text])))  # fmt: skip
    report("one text, with ranges", size, *fastest(lambda: ours.encode_with_ranges(text),
                                                   lambda: theirs.encode(text)))  # fmt: skip
    report("line by line", size, *fastest(each_line_ours, each_line_theirs))
    ids = ours.encode(text)
    report("decode", size, *fastest(lambda: ours.decode(ids), lambda: theirs.decode(ids)))
    run = "a" * 1_000_000
    report("one character, repeated", "1.0 MB",
           *fastest(lambda: ours.encode(run), lambda: theirs.encode_batch_fast([run])))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="qwen2,super_bpe,llama2", help=", ".join(KINDS))
    parser.add_argument("--vocab", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds.split(","):
            compare(kind, options.vocab, Path(folder))


if __name__ == "__main__":
    main()
