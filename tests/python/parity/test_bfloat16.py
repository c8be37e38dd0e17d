# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""In bfloat16 we are no further from the float32 reference than the reference is itself.

The weights are rounded to bfloat16 before anything is compared, as they are published: what
is left is the arithmetic. A fixed tolerance would either hide faults (what rounding costs
depends on the architecture) or fail at random; the error of the reference's own bfloat16,
over the same rows, is the measure. Where a router's choice falls otherwise by rounding, a
row jumps; so typical rows are compared by their median, and jumps are counted."""

import pytest
import torch
from comparison import LENGTH, TOLERANCE, difference_of, ids_of, row_errors
from reference import build_reference, read_reference, reference_logits, save_reference

import omni

BATCH = 12
WORSE = 1.1  # typical rows, by rounding elsewhere
JUMP = 0.2  # of the standard deviation: far above rounding, below what an expert matters
SIGMAS = 3.0  # that the numbers of jumps may be apart, each as random as a Poisson count


@pytest.fixture(scope="module")
def rounded(case, tmp_path_factory):
    """The case published in bfloat16."""
    model = build_reference(case).to(torch.bfloat16)
    return save_reference(model, tmp_path_factory.mktemp(f"{case}-bfloat16"))


def test_logits(case, rounded, record_property) -> None:
    ids = ids_of(case, BATCH, LENGTH)
    with torch.no_grad():
        truth = reference_logits(read_reference(case, rounded), ids)
        theirs = reference_logits(read_reference(case, rounded, torch.bfloat16), ids)
        ours = omni.load(rounded, dtype=torch.bfloat16).logits(ids)
        widened = omni.load(rounded, dtype=torch.float32).logits(ids)
    # What is stored in bfloat16 is read as float32 without loss.
    assert difference_of(widened, truth) <= TOLERANCE
    errors, of_reference = row_errors(ours, truth), row_errors(theirs, truth)
    ratio = (errors.median() / of_reference.median()).item()
    jumps, jumps_of_reference = int((errors > JUMP).sum()), int((of_reference > JUMP).sum())
    record_property("error", errors.median().item())
    record_property("ratio", ratio)
    record_property("apart", row_errors(ours, theirs.float()).median().item())
    record_property("jumps", jumps)
    record_property("jumps_of_reference", jumps_of_reference)
    # Rounding is there at all, and is small: else the rest would say nothing.
    assert 0 < of_reference.median() < JUMP / 4
    assert ratio <= WORSE
    assert jumps <= jumps_of_reference + SIGMAS * (jumps + jumps_of_reference) ** 0.5
