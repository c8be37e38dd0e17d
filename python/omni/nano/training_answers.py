# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Questions and answers as training has them, without their pictures and clips: what a
guesser can learn. Drawn like the generator's samples, so that their shares are those of
training."""

from collections.abc import Iterator
from typing import Any

from .recipe import script

Row = tuple[str, str, str]  # kind, question, answer


def _picture(rng: Any) -> Iterator[Row]:
    pictures, world = script("pictures"), script("world")
    scene = world.random_scene(rng, "train")
    for _ in range(8):
        kind = script("rng").choose(rng, pictures.TRAINED_KINDS)
        made = pictures.question(kind, scene, rng, "train", bool(rng.random() < 0.5))
        if made is not None:
            yield kind, *made


def _reading(rng: Any) -> Iterator[Row]:
    reading, choose = script("reading"), script("rng").choose
    kind = choose(rng, ("word", "word", "digits", "sum"))
    _, answer = reading.text_and_answer(kind, rng, "train")
    korean = int(rng.random() < 0.5)
    phrases = script("splits").phrasings(reading.READ_PHRASES[kind][korean], "train")
    yield kind, choose(rng, phrases), answer


def _of_clip(rng: Any, answers: dict[str, Any], phrases: Any, limit: int) -> Iterator[Row]:
    """Questions about a clip with `answers`: kind → (English, Korean)."""
    for kind in [str(kind) for kind in rng.permutation(list(answers))][:limit]:
        korean = int(rng.random() < 0.5)
        asked = script("splits").phrasings(phrases[kind][korean], "train")
        yield kind, script("rng").choose(rng, asked), answers[kind][korean]


def _sound(rng: Any) -> Iterator[Row]:
    sounds = script("sounds")
    yield from _of_clip(rng, sounds.random_clip(rng, "train").answers, sounds.PHRASES, 9)


def _video(rng: Any) -> Iterator[Row]:
    stories = script("video_stories").STORIES
    story = script("rng").choose(rng, stories)(rng, "train")
    yield from _of_clip(rng, story.answers, script("videos").PHRASES, 5)


def _chat(rng: Any) -> Iterator[Row]:
    seed = int(rng.integers(2**31))
    sample = script("chat").make_chat(seed, "train", 0)
    contents = [message["content"] for message in sample.messages]
    for kind, asked, answer in zip(
        sample.facts["kinds"], contents[0::2], contents[1::2], strict=True
    ):
        yield kind, asked[-1]["text"], answer[0]["text"]


def _answer_by_voice(rng: Any) -> Iterator[Row]:
    seed = int(rng.integers(2**31))
    facts = script("voice_answers").make_answer_by_voice(seed, "train", 0).facts
    yield facts["about"], facts["question"], facts["answer"]


# By task: the function of one sample and how many samples are drawn.
MAKERS = {
    "picture": (_picture, 6000),
    "reading": (_reading, 4000),
    "sound": (_sound, 1000),
    "video": (_video, 4000),
    "chat": (_chat, 800),
    "answer_by_voice": (_answer_by_voice, 300),
}


def training_answers(task: str, scale: float = 1.0) -> list[Row]:
    """(kind, question, answer) of questions as training asks them."""
    make, count = MAKERS[task]
    sample_rng = script("rng").sample_rng
    rows: list[Row] = []
    for index in range(max(1, round(count * scale))):
        rows += make(sample_rng(1, f"guess {task}", "train", index))
    return rows
