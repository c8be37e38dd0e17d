# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni-nano's data: nothing held out is trained, and a sample is a function of its index."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "nano"))

import pictures  # noqa: E402
import speech  # noqa: E402
import words  # noqa: E402
from rng import sample_rng  # noqa: E402
from splits import pair_is_held_out, phrasings, sentence_is_held_out  # noqa: E402
from world import COLOURS, SHAPES, breaks_training_rules, random_scene  # noqa: E402

MANY = 2000


def scenes(split: str):
    return [random_scene(sample_rng(1, "test", split, i), split) for i in range(MANY)]


def test_some_but_not_most_pairs_are_held_out() -> None:
    held_out = [(s, c) for s in SHAPES for c in COLOURS if pair_is_held_out(s, c)]
    assert 4 <= len(held_out) <= 14


@pytest.mark.parametrize("split", ["train", "validation", "phrasing"])
def test_training_scenes_keep_the_rules(split: str) -> None:
    assert not any(breaks_training_rules(scene) for scene in scenes(split))


def test_held_out_scenes_break_them() -> None:
    assert all(breaks_training_rules(scene) for scene in scenes("heldout"))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_sentences_do_not_leak(language: str) -> None:
    made = {
        split: {words.sentence(sample_rng(1, "s", split, i), language, split) for i in range(MANY)}
        for split in ("train", "heldout")
    }
    assert not made["train"] & made["heldout"]
    assert all(sentence_is_held_out(sentence) for sentence in made["heldout"])


def test_voices_do_not_leak() -> None:
    train, validation, held_out = (
        set(speech.variants_of(split)) for split in ("train", "validation", "heldout")
    )
    assert train and validation and held_out
    assert not (train & held_out or train & validation or validation & held_out)


def test_phrasings_do_not_leak() -> None:
    for english, korean in pictures.PHRASES.values():
        for templates in (english, korean):
            assert not set(phrasings(templates, "train")) & set(phrasings(templates, "phrasing"))


def test_a_sample_is_a_function_of_its_index() -> None:
    once, again = (pictures.make_picture(3, "train", 17) for _ in range(2))
    assert once.messages == again.messages
    assert once.files == again.files
    assert pictures.make_picture(3, "train", 18).files != once.files


def test_labels_say_what_is_drawn() -> None:
    from world import label_grids

    scene = scenes("train")[0]
    grids = label_grids(scene)
    for thing in scene.things:
        row, column = divmod(thing.cell, 3)
        assert grids["shape"][row][column] == 1 + SHAPES.index(thing.shape)
        assert grids["colour"][row][column] == 1 + list(COLOURS).index(thing.colour)
    filled = sum(cell > 0 for row in grids["shape"] for cell in row)
    assert filled == len(scene.things)
