# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What memory loading a model takes beside its weights, and what is held once it answers.

Judged is the process's own memory at its most while loading. Weights that are mapped and
not copied are the file's pages, which the kernel takes back when it needs them; they are
told beside it. What is held after the first answer has a row of its own."""

from contest import Contestant, Figure, Figures
from verdicts import at_most

MOST_OF_WEIGHTS = 1.10
MEBI = 2**20


def memory_figures(key: str, title: str, ours: list[Contestant]) -> Figures:
    """Of engines that are loaded and have answered."""
    found = Figures(key, title)
    for one in ours:
        weights = one.of_load.get("weights_bytes")
        if not weights:
            found.lines[one.name] = Figure(one.reason or "the engine does not say")
            continue
        of_load, of_answer = one.of_load, one.of_answer
        own = of_load["load_own_bytes"]
        outcome = at_most(f"{title}: {one.name}", own / weights, MOST_OF_WEIGHTS, ".2f")
        text = (
            f"own at most, of {weights / MEBI:,.0f} MiB of weights; with files that are mapped "
            f"{share(of_load['load_added_bytes'], weights)}"
        )
        found.lines[one.name] = Figure(text, outcome)
        if of_answer:
            held = share(of_answer["own_bytes"] + of_answer["mapped_bytes"], weights)
            text = (
                f"own {share(of_answer['own_bytes'], weights)} and "
                f"mapped {share(of_answer['mapped_bytes'], weights)}"
            )
            found.lines[f"{one.name} after the first answer"] = Figure(text, value=held)
        found.records.append({"name": one.name, **of_load, "after_answer": of_answer})
    return found


def share(num_bytes: int, weights: int) -> str:
    return f"{num_bytes / weights:.2f}"
