# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What was measured, as one table and as a picture."""

import statistics
from pathlib import Path

from contest import Contest, Figure, Figures, Score
from verdicts import broken

# Peak: the most of the process until its first answer. Load, answer: beside what was there
# before loading, at the most while that went on, and held once it has answered.
COLUMNS = (
    "engine", "median", "unit", "from", "to", "ours / it", "wanted", "of limit", "peak MiB",
    "load MiB", "answer MiB", "load s", "check",
)  # fmt: skip


class Footnotes:
    """Marks for texts, each text once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, text: str | None) -> str:
        if text is None:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return f" [{self.texts.index(text) + 1}]"

    def lines(self) -> list[str]:
        return [f"[{i}] {text}" for i, text in enumerate(self.texts, 1)]


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


def share_of_limit(score: Score, notes: Footnotes) -> str:
    share = score.percent_of_limit
    return ("n/a" if share is None else f"{share:.0f} %") + notes.mark(score.limit_note)


def unit_of(score: Score, contest: Contest) -> str:
    if not contest.shows_seconds:
        return contest.unit
    return f"{contest.unit}, {statistics.median(score.seconds):.3f} s"


def held_after_answer(score: Score) -> int | None:
    kinds = [score.contestant.of_answer.get(name) for name in ("own_bytes", "mapped_bytes")]
    return None if None in kinds else sum(kinds)


def row(score: Score, contest: Contest, notes: Footnotes) -> list[str]:
    one = score.contestant
    if not score.rates:
        return [one.name, "—", *[""] * (len(COLUMNS) - 3), one.reason or "measured nothing"]
    return [
        one.name, rate(score.median), unit_of(score, contest), rate(min(score.rates)),
        rate(max(score.rates)), number(score.ratio, ".2f"), verdict(score),
        share_of_limit(score, notes), mebibytes(one.of_answer.get("peak_bytes")),
        mebibytes(one.of_load.get("load_added_bytes")), mebibytes(held_after_answer(score)),
        number(one.seconds_of_load, ".2f"), one.reason or one.check,
    ]  # fmt: skip


def figure_row(name: str, figure: Figure) -> list[str]:
    cells = dict.fromkeys(COLUMNS, "")
    cells |= {"engine": name, "median": figure.value, "check": figure.text}
    if one := figure.outcome:
        word = "WRONG" if broken(one) else one.state.value
        cells |= {"median": one.found, "wanted": f"{one.wanted} {word}"}
    return list(cells.values())


def aligned(rows: list[list[str]]) -> str:
    """Words to the left, numbers to the right; the last column may be of any width, and so
    may a cell that is alone in its row."""
    columns = zip(*(cells for cells in rows if len(cells) > 1), strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for cells in rows:
        if len(cells) == 1:
            lines += cells
            continue
        first, *numbers, last = cells
        middle = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *middle, last]).rstrip())
    return "\n".join(lines)


def is_plain(result: Contest | Figures) -> bool:
    return isinstance(result, Figures) and not result.outcomes()


def heading_of(result: Contest | Figures, notes: Footnotes) -> str:
    """The title, and when it was measured."""
    marks = "".join(map(notes.mark, result.notes))
    return f"— {result.title}{marks}{provenance(result)}"


def provenance(result: Contest | Figures) -> str:
    if result.measured is None:
        return ""
    return f" ({result.measured}{', an earlier run' if result.is_earlier else ''})"


def table(results: list[Contest | Figures]) -> str:
    """Of what is judged; behind it, figures that stand for themselves, and footnotes."""
    notes = Footnotes()
    judged = [list(COLUMNS)]
    apart: list[str] = []
    for result in results:
        heading = heading_of(result, notes)
        if is_plain(result):
            lines = [[name, figure.text] for name, figure in result.lines.items()]
            apart += [heading, aligned(lines)]
            continue
        judged.append([heading])
        if isinstance(result, Figures):
            judged += [figure_row(name, figure) for name, figure in result.lines.items()]
        else:
            judged += [row(score, result, notes) for score in result.scores]
    whole = [aligned(judged)] if len(judged) > 1 else []
    return "\n".join([*whole, *apart, *notes.lines()])


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
        if contest.measured:
            axis.set_title(provenance(contest).strip(), fontsize=7, loc="right")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(heading.replace("; ", "\n"), fontsize=9)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
