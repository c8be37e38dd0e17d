# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tasks that are answered in text: pictures, printed text, sounds, videos, small talk."""

from collections.abc import Sequence
from typing import Any

from .recipe import Sample, script
from .scoring import (
    Answer,
    Guesser,
    Row,
    accuracy,
    accuracy_by_kind,
    guessing,
    half_width,
    share,
    two_thirds_target,
)
from .speaker import Change, Speaker, text_of, without_media, without_soundtrack
from .training_answers import training_answers

EXACT = "exact match"
TITLES = {
    "picture": "questions about pictures",
    "reading": "reading printed words, digits and sums",
    "sound": "questions about sounds",
    "video": "questions about videos",
}
TARGETS = {"picture": "≥ 92 % in-distribution, ≥ 80 % held-out"}


def answers_of(
    speaker: Speaker, samples: Sequence[Sample], *, change: Change | None = None
) -> list[Answer]:
    """Every question of the samples, asked in its conversation: behind the model's own
    answers, not the right ones."""
    answers = []
    for index, sample in enumerate(samples):
        speaker.begin()
        kinds = sample.facts.get("kinds") or [sample.facts["kind"]]
        for turn, (asked, answered) in enumerate(sample.turns()):
            reply = speaker.ask_parts(sample, asked, change=change, seed=index)
            got = "" if reply is None else reply.text
            question, expected = text_of(asked), text_of(answered)
            answers.append(Answer(kinds[turn], question, expected, got, turn))
    return answers


def evaluate_questions(
    speaker: Speaker, task: str, sets: dict[str, list[Sample]], guess_scale: float = 1.0
) -> list[Row]:
    """Rows of picture, reading, sound or video. `sets`: samples by split."""
    guesser = Guesser(training_answers(task, guess_scale))
    row = Row(TITLES[task], "answers right", EXACT, target=TARGETS.get(task, ""))
    needing = Row(TITLES[task], "of those that need the sound", EXACT)
    refused = Row(TITLES[task], "wrongly refused", "the refusals, word for word")
    for split, samples in sets.items():
        answers = answers_of(speaker, samples)
        blind = answers_of(speaker, samples, change=without_media)
        _add(row, split, answers, guesser, {"blind": accuracy(blind)})
        first = [answer for answer in answers if answer.turn == 0]
        row.details[split]["first_question"] = accuracy(first)
        if task == "video":
            deaf = answers_of(speaker, samples, change=without_soundtrack)
            wanted = script("videos").NEEDS_SOUND
            kept = [[a for a in group if a.kind in wanted] for group in (answers, blind, deaf)]
            if kept[0]:
                without = {"blind": accuracy(kept[1]), "silent": accuracy(kept[2])}
                _add(needing, split, kept[0], guesser, without)
        refused.add(split, share(is_refusal(a.got) for a in answers), len(answers))
    rows = [row, needing] if task == "video" else [row]
    if task in ("sound", "video") and "heldout" in sets:
        for each in rows:
            each.target = two_thirds_target(each)
    return [*rows, refused]


def _add(
    row: Row,
    split: str,
    answers: Sequence[Answer],
    guesser: Guesser,
    baselines: dict[str, float] | None = None,
) -> None:
    others = guessing(guesser, answers) | (baselines or {})
    row.add(split, accuracy(answers), len(answers), others)
    row.details[split] = {
        "by_kind": accuracy_by_kind(answers),
        "half_width_95": half_width(accuracy(answers), len(answers)),
        "some_wrong": some_wrong(answers),
    }


def is_refusal(text: str) -> bool:
    chat = script("chat")
    missing = [line for pair in chat.MISSING.values() for line in pair]
    return text.strip() in (*chat.REFUSAL, *missing)


def evaluate_chat(
    speaker: Speaker, sets: dict[str, list[Sample]], guess_scale: float = 1.0
) -> list[Row]:
    """Saying no to what lies outside the small world, in the question's language; and
    the rest of the chat task (small talk, arithmetic, words, missing media)."""
    guesser = Guesser(training_answers("chat", guess_scale))
    refusing = Row(
        "saying no to questions outside its world", "refusals in the question's language",
        "exact match; beside it: what is wrongly refused",
        target="≥ 80 % held-out",
    )  # fmt: skip
    talking = Row("small talk, arithmetic, words, missing media", "answers right", EXACT)
    for split, samples in sets.items():
        answers = answers_of(speaker, samples)
        for row, group in (
            (refusing, [a for a in answers if a.kind == "outside"]),
            (talking, [a for a in answers if a.kind != "outside"]),
        ):
            if group:
                _add(row, split, group, guesser)
    rows: list[Row] = [refusing, talking]
    return [row for row in rows if row.values]


def some_wrong(answers: Sequence[Answer], count: int = 12) -> list[dict[str, Any]]:
    """The first wrong answers, to be looked at."""
    wrong = [a for a in answers if not a.is_right][:count]
    return [{"question": a.question, "expected": a.expected, "got": a.got} for a in wrong]
