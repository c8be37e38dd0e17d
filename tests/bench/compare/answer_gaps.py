# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""How far an answer strays from the ids that logits find most likely."""

import numpy as np


def gaps_of(logits: np.ndarray, answer: list[int]) -> dict[str, float]:
    """Of logits float [L, V], each row behind the ids of the answer before it: the most by
    which an id's logit is below the highest, in standard deviations of the logits at its
    place, and how much less likely its ids are in the mean, in nats."""
    below = logits.max(1) - logits[np.arange(len(answer)), answer]
    return {"worst": float((below / logits.std(1)).max()), "mean": float(below.mean())}
