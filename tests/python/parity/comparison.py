# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What is compared, over how long a sequence, and how far apart two tensors are."""

import math

import torch
from tiny_checkpoints import Case

LENGTH = 80  # longer than every window and every original context
TOLERANCE = 1e-4  # of the range of the reference


def ids_of(case: Case, batch: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, case.config["vocab_size"], (batch, length), generator=generator)


def difference_of(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest of any entry, as a share of the range of `theirs`. NaN anywhere is NaN,
    which is within no tolerance."""
    scale = (theirs.max() - theirs.min()).item()
    difference = (ours - theirs).abs().max().item()
    return difference / scale if scale else difference * math.inf if difference else 0.0


def row_errors(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Of each row [rows] of logits [B, L, V]: root of the mean square error, as a share of
    the standard deviation of all that is true."""
    difference = (logits.float() - truth).flatten(0, 1)
    return difference.square().mean(-1).sqrt() / truth.std()
