# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What weights of few bits cost: perplexity of SmolLM2 on this project's own texts, and of
omni-nano, whose weights never were in few bits, on answers that it has not learnt."""

import math
import sys
from collections.abc import Iterator

from contest import Contestant, Figure, Figures
from verdicts import at_most

# By which the perplexity of fewer bits may be above that of bf16, in percent.
MOST_ABOVE = {"Omni int8": 0.5, "Omni int4": 5.0}


def has_loss(one: Contestant) -> bool:
    return one.program != "run_openvino.py"


def perplexities(
    everyone: list[Contestant], ids: list[int], notes: tuple[str, ...] = ()
) -> Figures:
    """By the format of the weights, and how much above Omni in bf16."""
    losses = {}
    for one in everyone:
        if not one.reason and has_loss(one) and not one.name.endswith("compiled"):
            if answer := one.ask("mean_loss", ids=ids):
                losses[one.name] = answer["loss"]
    title = f"SmolLM2-135M, perplexity of {len(ids):,} ids"
    return perplexity_figures("perplexity", title, losses, notes)


def perplexity_figures(
    key: str, title: str, losses: dict[str, float], notes: tuple[str, ...] = ()
) -> Figures:
    """The mean loss by engine; a bound that is broken is an error, on any machine."""
    found = Figures(key, title, notes=notes)
    first = losses.get("Omni bf16")
    for name, loss in losses.items():
        above = None if first is None else 100 * math.expm1(loss - first)
        text = f"{math.exp(loss):.4f}" + ("" if above is None else f" ({above:+.2f} %)")
        outcome = None
        if most := MOST_ABOVE.get(name):
            what = f"{title}, percent above bf16: {name}"
            outcome = at_most(what, above, most, ".2f", must_hold=True)
        found.lines[name] = Figure(text, outcome)
        found.records.append({"name": name, "loss": loss, "percent_above": above})
    return found


def nano_perplexities() -> Iterator[Figures]:
    model = Contestant("omni-nano", "run_nano.py", {}, "bf16", python=sys.executable)
    losses, num_ids = {}, 0
    try:
        model.start({})
        for name in ("bf16", "int8", "int4"):
            if answer := model.ask("answer_loss", format_name=name):
                losses[f"Omni {name}"], num_ids = answer["loss"], answer["count"]
        title = "omni-nano, perplexity of answers that were not trained"
        note = (
            f"{num_ids:,} ids of answers to small talk in wording and about topics that training "
            "left out; these weights never were in few bits"
        )
        found = perplexity_figures("nano_perplexity", title, losses, (note,))
        if model.reason:
            found.lines["omni-nano"] = Figure(model.reason)
        yield found
    finally:
        model.stop()
