# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Evaluates omni-nano and writes the table of its model card.

    python -m omni.nano.evaluate                      the embedded model, everything
    python -m omni.nano.evaluate --model DIR --tasks picture draw --samples 60

Needs the recipe (examples/nano of Omni's sources) and what its generator and judges
need: espeak-ng, pocketsphinx with its English model, the fonts, scipy, pillow, av.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from . import codec_tasks, drawing_tasks, question_tasks, speech_tasks, timings
from .card import describe_machine, table, timing_table, write_card
from .recipe import Sample, find_recipe, make_sets, read_samples, recipe_digest
from .scoring import Row
from .speaker import Settings, Speaker

Sets = dict[str, list[Sample]]
USUAL = ("validation", "heldout", "phrasing")
MADE = 200  # samples of a task and split that the largest share takes


@dataclass(frozen=True)
class Task:
    """One job of one process."""

    run: Callable[[Speaker, Sets], list[Row]]
    source: str  # task of the generator that its samples come from
    share: float  # of --samples
    splits: tuple[str, ...] = USUAL
    needs: tuple[str, ...] = ("transformer",)  # parts of the model


def tasks(scale: float = 1.0) -> dict[str, Task]:
    """All of them, those that take longest first. `scale`: of training questions,
    sentences and trials that are not counted by --samples."""
    questions = {
        name: partial(_questions, task=name, scale=scale)
        for name in ("picture", "reading", "sound", "video")
    }
    trials = max(2, round(speech_tasks.NUM_TRIALS * scale))
    sentences = max(2, round(codec_tasks.NUM_SENTENCES * scale))
    draws, speaks = ("transformer", "image_codec"), ("transformer", "speech_codec", "vocoder")
    return {
        "recognise": Task(
            lambda s, sets: speech_tasks.evaluate_recognition(s, sets),
            "recognise", 0.8, (*USUAL, "far"), ("transformer", "conformer"),
        ),
        "speak": Task(
            lambda s, sets: speech_tasks.evaluate_speaking(s, sets, trials),
            "speak", 0.5, USUAL[:2], (*speaks, "conformer"),
        ),
        "draw": Task(
            lambda s, sets: drawing_tasks.evaluate_drawing(s, sets), "draw", 1.0, needs=draws
        ),
        "video": Task(questions["video"], "video", 0.4, needs=("transformer", "vit", "conformer")),
        "picture": Task(questions["picture"], "picture", 0.5, needs=("transformer", "vit")),
        "edit": Task(
            lambda s, sets: drawing_tasks.evaluate_editing(s, sets),
            "edit", 0.5, needs=(*draws, "vit"),
        ),
        "speech_codec": Task(
            lambda s, _: codec_tasks.evaluate_speech_codec(s.model, sentences, trials),
            "speak", 0.0, (), ("speech_codec", "vocoder"),
        ),
        "answer_by_voice": Task(
            lambda s, sets: speech_tasks.evaluate_voice_answers(s, sets, scale),
            "answer_by_voice", 0.4, USUAL[:2], (*speaks, "vit", "conformer"),
        ),
        "sound": Task(questions["sound"], "sound", 0.7, needs=("transformer", "conformer")),
        "reading": Task(questions["reading"], "reading", 1.0, needs=("transformer", "vit")),
        "chat": Task(
            lambda s, sets: question_tasks.evaluate_chat(s, sets, scale),
            "chat", 1.0, needs=("transformer", "vit", "conformer"),
        ),
        "image_codec": Task(
            lambda s, sets: drawing_tasks.evaluate_image_codec(s.model, sets),
            "draw", 0.5, USUAL[:2], ("image_codec",),
        ),
    }  # fmt: skip


def _questions(speaker: Speaker, sets: Sets, *, task: str, scale: float) -> list[Row]:
    return question_tasks.evaluate_questions(speaker, task, sets, scale)


@dataclass(frozen=True)
class Plan:
    """What a process needs to know to run any task."""

    model: Path | None
    recipe: Path
    data: Path
    samples: int
    settings: Settings = field(default_factory=Settings)
    scale: float = 1.0


def run_task(plan: Plan, name: str, speaker: Speaker) -> tuple[str, list[Row], float]:
    """The rows of one task and the seconds they took; no rows where the model lacks a
    part."""
    begin = time.perf_counter()
    task = tasks(plan.scale)[name]
    if any(getattr(speaker.model, part) is None for part in task.needs):
        return name, [], 0.0
    count = max(2, round(plan.samples * task.share))
    sets = {split: read_samples(plan.data, task.source, split, count) for split in task.splits}
    rows = task.run(speaker, sets)
    return name, rows, time.perf_counter() - begin


_worker: dict[str, Any] = {}


def _start(plan: Plan) -> None:
    torch.set_num_threads(1)
    find_recipe(plan.recipe)
    _worker["plan"], _worker["speaker"] = plan, Speaker.load(plan.model, plan.settings)


def _run(name: str) -> tuple[str, list[Row], float]:
    return run_task(_worker["plan"], name, _worker["speaker"])


def run_tasks(
    plan: Plan, names: Sequence[str], workers: int
) -> Iterator[tuple[str, list[Row], float]]:
    """Tasks as they are done: in processes of one thread each, or with one worker here."""
    if workers == 1:
        _start(plan)
        yield from map(_run, names)
        return
    # Two teams of threads on the same cores wait for one another.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        context = get_context("spawn")
        with ProcessPoolExecutor(workers, context, _start, (plan,)) as pool:
            for done in as_completed([pool.submit(_run, name) for name in names]):
                yield done.result()
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def evaluate(
    plan: Plan, names: Sequence[str], *, workers: int = 2, say: Callable[[str], object] = print
) -> dict[str, Any]:
    """Runs the tasks, then times the model on a machine that is quiet again.

    Returns:
        {"rows": [Row.to_json()...], "timings", "seconds" by task, "machine", "samples",
        "sampling"}.
    """
    rows: dict[str, list[Row]] = {}
    seconds: dict[str, float] = {}
    for name, made, took in run_tasks(plan, names, workers):
        rows[name], seconds[name] = made, took
        say(f"{name}: {took:.0f} s" if made else f"{name}: left out, the model lacks a part")
    times = timings.measure(
        plan.model,
        plan.settings,
        read_samples(plan.data, "picture", "heldout", 1 + timings.REPEATS),
        read_samples(plan.data, "speak", "heldout", timings.REPEATS),
    )
    return {
        "rows": [row.to_json() for name in names for row in rows[name]],
        "timings": times,
        "seconds": seconds,
        "machine": describe_machine(),
        "samples": plan.samples,
        "sampling": plan.settings.sampling,
    }


def _option(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, json.loads(value)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m omni.nano.evaluate", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--model", type=Path, help="a model folder; left out: the embedded one")
    parser.add_argument("--tasks", nargs="+", choices=list(tasks()), default=list(tasks()))
    parser.add_argument("--samples", type=int, default=MADE, help="of the tasks with most")
    parser.add_argument("--data", type=Path, help="complete sets; left out: made, and kept")
    parser.add_argument("--recipe", type=Path, help="the folder examples/nano")
    parser.add_argument("--out", type=Path, help="folder of results.json and MODEL_CARD.md")
    parser.add_argument("--card", type=Path, help="the model card to write")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--sampling", nargs="+", type=_option, default=[], metavar="NAME=VALUE",
        help="of SamplingOptions, such as image_guidance_scale=2",
    )  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    begin = time.perf_counter()
    options = parse(arguments)
    recipe = find_recipe(options.recipe)
    out = options.out or recipe.parents[1] / "build" / "nano_evaluation"
    out.mkdir(parents=True, exist_ok=True)
    data = options.data
    if data is None:
        data = out / f"data-{recipe_digest(recipe)}-{options.samples}"
        make_sets(recipe, data, options.samples, options.workers)
        print(f"sets of samples: {time.perf_counter() - begin:.0f} s", flush=True)
    settings = Settings(sampling=dict(options.sampling))
    plan = Plan(options.model, recipe, data, options.samples, settings)
    say = partial(print, flush=True)
    results = evaluate(plan, options.tasks, workers=options.workers, say=say)
    results["seconds"]["all"] = time.perf_counter() - begin
    (out / "results.json").write_text(json.dumps(results, ensure_ascii=False, indent=1))
    for path in (out / "MODEL_CARD.md", options.card):
        if path:
            write_card(path, recipe / "MODEL_CARD.template.md", results)
    print(table(results["rows"]), timing_table(results["timings"]), sep="\n\n")
    print(f"\n{results['seconds']['all']:.0f} s in all; see {out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
