# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Counter-based randomness: every sample is a function of (seed, task, split, index)."""

import hashlib

import numpy as np


def sample_rng(seed: int, task: str, split: str, index: int) -> np.random.Generator:
    """The generator of one sample; nothing else ever touches its stream."""
    digest = hashlib.blake2b(f"{seed}/{task}/{split}/{index}".encode(), digest_size=16)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest(), "big")))


def stable_share(*parts: object) -> float:
    """A number in [0, 1) that depends on `parts` alone: decides what is held out."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def choose(rng: np.random.Generator, items):
    """One item, evenly."""
    return items[int(rng.integers(len(items)))]
