# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The model card: figures of an evaluation as Markdown tables in a template."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .recipe import SPLITS
from .timings import LIMITS

# Baselines with a column of their own; others are listed by name.
BASELINES = ("majority", "question alone", "blind", "true media")


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if unit == "%" else f"{value:.1f} {unit}"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """One line a measure. Splits in columns; baselines are those of the held-out split,
    else of the first there is."""
    head = ["task", "measure (%)", *SPLITS.values(), *BASELINES, "others", "asked", "of", "judge"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        values = row["values"]
        split = "heldout" if "heldout" in values else next(iter(values))
        unit, beside = row["unit"], {n: v.get(split) for n, v in row["baselines"].items()}
        others = [
            f"{name} {figure(value, unit)}"
            for name, value in beside.items()
            if name not in BASELINES
        ]
        lines.append(
            _line(
                [
                    row["task"],
                    row["measure"],
                    *(figure(values.get(name), unit) for name in SPLITS),
                    *(figure(beside.get(name), unit) for name in BASELINES),
                    ", ".join(others) or "–",
                    row["target"] or "–",
                    str(row["counts"][split]),
                    row["judge"],
                ]
            )
        )
    return "\n".join(lines)


def timing_table(timings: dict[str, float]) -> str:
    lines = [_line(["what", "measured", "asked"]), _line(["---"] * 3)]
    for name, limit in LIMITS.items():
        if name in timings:
            unit = "" if "factor" in name else " s"
            lines.append(_line([name, f"{timings[name]:.2f}{unit}", f"< {limit}{unit}"]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def describe_machine() -> str:
    """Processor and number of cores, for whoever compares timings."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = [line for line in file if line.startswith("model name")]
        name = found[0].split(":", 1)[1].strip()
    except (OSError, IndexError):
        pass
    return f"{name}, {os.cpu_count()} cores"


def write_card(path: Path, template: Path, results: dict[str, Any]) -> None:
    """Fills the template's {{results}}, {{timings}}, {{machine}}, {{samples}},
    {{minutes}} and {{sampling}}. ValueError for a place that nothing fills."""
    sampling = ", ".join(f"{k} {v}" for k, v in results["sampling"].items())
    text = template.read_text(encoding="utf-8")
    for name, value in {
        "results": table(results["rows"]),
        "timings": timing_table(results["timings"]),
        "machine": results["machine"],
        "samples": str(results["samples"]),
        "minutes": f"{results['seconds'].get('all', 0.0) / 60:.0f}",
        "sampling": sampling or "as the model recommends (generation_config.json)",
    }.items():
        text = text.replace("{{" + name + "}}", value)
    if "{{" in text:
        place = text[text.index("{{") :].split("}}")[0] + "}}"
        raise ValueError(f"[card] expected places that the evaluation fills, got {place}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
