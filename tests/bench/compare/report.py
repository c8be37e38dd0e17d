# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What was measured, as one table, as JSON and as a picture."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from contest import Contest, Contestant, Figure, Figures, Score
from verdicts import broken

COLUMNS = (
    "engine", "median", "unit", "from", "to", "ours / it", "wanted", "of limit", "peak MiB",
    "load MiB", "load s", "check",
)  # fmt: skip


def number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def rate(value: float | None) -> str:
    """With three digits that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def mebibytes(value: int | None) -> str:
    return "" if value is None else f"{value / 2**20:,.0f}"


def verdict(score: Score) -> str:
    if score.wanted is None:
        return ""
    if score.ratio is None:
        return f"{score.wanted:.2f} open"
    return f"{score.wanted:.2f} {'met' if score.ratio >= score.wanted else 'short'}"


def row(score: Score, unit: str) -> list[str]:
    one = score.contestant
    if not score.rates:
        return [one.name, "—", *[""] * 9, one.reason or "measured nothing"]
    share = number(score.percent_of_limit, ".0f")
    return [
        one.name, rate(score.median), unit, rate(min(score.rates)), rate(max(score.rates)),
        number(score.ratio, ".2f"), verdict(score), f"{share} %" if share else "",
        mebibytes(one.of_answer.get("peak_bytes")), mebibytes(one.of_load.get("load_added_bytes")),
        number(one.seconds_of_load, ".2f"), one.reason or one.check,
    ]  # fmt: skip


def figure_row(name: str, figure: Figure) -> list[str]:
    cells = dict.fromkeys(COLUMNS, "") | {"engine": name, "check": figure.text}
    if one := figure.outcome:
        word = "WRONG" if broken(one) else one.state.value
        cells |= {"median": one.found, "wanted": f"{one.wanted} {word}"}
    return list(cells.values())


def aligned(rows: list[list[str]]) -> str:
    """Words to the left, numbers to the right; the last column may be of any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for cells in rows:
        first, *numbers, last = cells
        middle = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *middle, last]).rstrip())
    return "\n".join(lines)


def is_plain(result: Contest | Figures) -> bool:
    return isinstance(result, Figures) and not result.outcomes()


def table(results: list[Contest | Figures]) -> str:
    """Of what is judged; behind it, figures that stand for themselves."""
    judged = [list(COLUMNS)]
    apart: list[str] = []
    for result in results:
        title = f"— {result.title}"
        if is_plain(result):
            lines = [[name, figure.text] for name, figure in result.lines.items()]
            apart += [title, aligned(lines)]
            continue
        judged.append([title, *[""] * (len(COLUMNS) - 1)])
        if isinstance(result, Figures):
            judged += [figure_row(name, figure) for name, figure in result.lines.items()]
        else:
            judged += [row(score, result.unit) for score in result.scores]
    return "\n".join([*([aligned(judged)] if len(judged) > 1 else []), *apart])


def plain(contestant: Contestant) -> dict[str, Any]:
    left_out = {"engine", "python", "program"}
    names = [f.name for f in dataclasses.fields(contestant) if f.name not in left_out]
    return {name: getattr(contestant, name) for name in names}


def as_json(results: list[Contest | Figures], about: dict[str, Any]) -> str:
    """`about` and every round of every engine."""
    made: list[dict[str, Any]] = []
    for result in results:
        of_one: dict[str, Any] = {"key": result.key, "title": result.title}
        if isinstance(result, Figures):
            lines = result.lines.items()
            of_one["figures"] = {name: dataclasses.asdict(figure) for name, figure in lines}
            of_one["records"] = result.records
        else:
            of_one |= {"unit": result.unit, "engines": []}
            for score in result.scores:
                found = {
                    "median": score.median, "rates": score.rates, "ratio": score.ratio,
                    "wanted": score.wanted, "percent_of_limit": score.percent_of_limit,
                }  # fmt: skip
                of_one["engines"].append(plain(score.contestant) | found)
        made.append(of_one)
    outcomes = [dataclasses.asdict(one) for result in results for one in result.outcomes()]
    everything = about | {"outcomes": outcomes, "results": made}
    return json.dumps(everything, indent=1, ensure_ascii=False)


def draw(results: list[Contest | Figures], heading: str, path: Path) -> None:
    """Bars of what every engine reached, ours in another colour; a picture a contest."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    contests = [r for r in results if isinstance(r, Contest) and any(s.rates for s in r.scores)]
    if not contests:
        return
    counts = [sum(bool(s.rates) for s in contest.scores) for contest in contests]
    figure, axes = pyplot.subplots(
        len(contests), 1, figsize=(9, 0.32 * sum(counts) + 1.0 * len(contests) + 0.5),
        height_ratios=[count + 1 for count in counts], squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, contest in zip(axes[:, 0], contests, strict=True):
        scores = [s for s in contest.scores if s.rates][::-1]
        colours = ["#9aa5b1" if s.contestant.rival else "#1f6feb" for s in scores]
        bars = axis.barh([s.contestant.name for s in scores], [s.median for s in scores],
                         color=colours)  # fmt: skip
        texts = [
            f" {rate(s.median)}" + (f"  (ours {s.ratio:.2f}×)" if s.ratio else "") for s in scores
        ]
        axis.bar_label(bars, texts, fontsize=8)
        axis.margins(x=0.22)
        axis.set_title(f"{contest.title}, {contest.unit}", fontsize=10, loc="left")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(heading, fontsize=9)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
