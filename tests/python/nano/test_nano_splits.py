# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Nothing that is held out is in what training sees; checked without rendering."""

import numpy as np
import pytest

import chat
import drawing
import outside
import pictures
import reading
import speech
import splits
import video_stories
import voice_answers
import words
import world
from espeak import VARIANTS
from rng import sample_rng

NUM = 2500


def rngs(task, split, count=NUM):
    return (sample_rng(1, task, split, index) for index in range(count))


def texts_of(phrases):
    return [text for pair in phrases.values() for text in (*pair[0], *pair[1])]


def names_a_held_out_pair(text):
    """Whether a sentence names a shape in a colour that training never sees it in."""
    for shape in world.SHAPES:
        for colour in world.COLOURS:
            if splits.pair_is_held_out(shape, colour):
                korean = f"{world.COLOURS_KO[colour]} {world.SHAPES_KO[shape]}"
                if f"{colour} {shape}" in text or korean in text:
                    return True
    return False


def spoken_texts(split):
    return {
        speech.spoken_text(rng, language, split, 0.4)
        for rng in rngs("spoken", split)
        for language in ("en", "ko")
    }


def test_shares_of_what_is_held_out():
    pairs = [(s, c) for s in world.SHAPES for c in world.COLOURS]
    assert 0.1 <= sum(splits.pair_is_held_out(*p) for p in pairs) / len(pairs) <= 0.2
    counts = [(n, *p) for n in (2, 3, 4) for p in pairs]
    assert 0.1 <= sum(splits.count_is_held_out(*c) for c in counts) / len(counts) <= 0.2
    sentences = [words.fill(*words.ENGLISH[i % 24], r) for i, r in enumerate(rngs("s", "x"))]
    assert 0.15 <= sum(map(splits.sentence_is_held_out, sentences)) / NUM <= 0.25
    held_out = [v for v in VARIANTS if splits.voice_split(v) == "heldout"]
    assert 0.08 <= len(held_out) / len(VARIANTS) <= 0.25
    assert 4 <= len(outside.topics_of("heldout")) <= len(outside.TOPICS) // 2


@pytest.mark.parametrize("make", [world.random_scene, lambda r, s: drawing.plain_scene(r, s, 3)])
def test_scenes_keep_the_rules(make):
    for split, breaks in (("train", False), ("validation", False), ("heldout", True)):
        for rng in rngs("scene", split):
            assert world.breaks_training_rules(make(rng, split)) == breaks


def test_questions_and_changes_never_name_a_held_out_pair():
    asked = 0
    for rng in rngs("question", "train"):
        scene = world.random_scene(rng, "train")
        kind = rng.choice(pictures.KINDS)
        made = pictures.question(kind, scene, rng, "train", rng.random() < 0.5)
        if made:
            asked += 1
            assert not names_a_held_out_pair(" ".join(made)), made
        plain = drawing.plain_scene(rng, "train", 3)
        assert not names_a_held_out_pair(drawing.describe_scene(plain, rng.random() < 0.5))
        changed = drawing.change(plain, rng, "train", rng.random() < 0.5)
        if changed:
            assert not world.breaks_training_rules(changed[0])
            assert not names_a_held_out_pair(changed[1])
    assert asked > NUM / 2


def test_the_search_for_held_out_pairs_finds_them():
    found = 0
    for rng in rngs("question", "heldout", 300):
        scene = drawing.plain_scene(rng, "heldout", 1)
        found += names_a_held_out_pair(drawing.describe_scene(scene, rng.random() < 0.5))
    assert found > 250


def test_spoken_sentences_are_apart():
    heard = {split: spoken_texts(split) for split in ("train", "validation", "heldout")}
    assert not heard["train"] & heard["heldout"]
    assert not heard["validation"] & heard["heldout"]
    assert len(heard["train"]) > NUM
    sentences = 0
    for text in heard["train"]:
        digits = set(words.DIGITS + words.KO_DIGITS)
        if set(text.split()) <= digits and len(text.split()) > 1:
            assert not splits.spoken_length_is_held_out(len(text.split()))
        elif words.is_sentence(text, "en" if text.isascii() else "ko"):
            sentences += 1
            assert not splits.sentence_is_held_out(text)
    assert sentences > NUM / 2


def test_no_spoken_question_is_a_held_out_sentence(monkeypatch):
    """Questions that are asked aloud are sentences that training hears, too."""
    silence = np.zeros(160, np.float32)
    monkeypatch.setattr(voice_answers, "said_by_someone", lambda *_: (silence, None))
    monkeypatch.setattr(
        voice_answers, "speech_part", lambda sample, text, _: sample.sound(silence, 16000)
    )
    heard = set()
    for index in range(NUM):
        sample = voice_answers.make_answer_by_voice(1, "train", index)
        heard |= {speech.spoken_form(sample.facts[key]) for key in ("question", "answer")}
    assert len(heard) > NUM / 4
    assert not heard & (spoken_texts("heldout") | spoken_texts("far"))
    for index in range(300):
        facts = voice_answers.make_answer_by_voice(1, "heldout", index).facts
        # Scenes and topics are held out by their makers; of facts, the voice is.
        assert facts["about"] != "fact" or facts["is_spoken"]


def test_minimal_pairs_differ_in_one_word_and_are_held_out():
    for index, rng in enumerate(rngs("pairs", "heldout", 50)):
        first, *others = words.minimal_pairs(rng, "ko" if index % 2 else "en", 10)
        assert splits.sentence_is_held_out(first)
        assert len({first, *others}) == 10
        for other in others:
            assert splits.sentence_is_held_out(other)
            assert len(other.split()) == len(first.split())
            assert sum(a != b for a, b in zip(first.split(), other.split(), strict=True)) == 1


def test_sentences_are_told_from_other_words():
    for index, rng in enumerate(rngs("is", "heldout", 200)):
        language = ("en", "ko")[index % 2]
        assert words.is_sentence(words.sentence(rng, language, "heldout"), language)
        assert not words.is_sentence(words.digit_words(rng, language, "train"), language)


def test_voices_are_apart():
    by_split = {s: set(speech.variants_of(s)) for s in ("train", "validation", "heldout")}
    assert sum(map(len, by_split.values())) == len(VARIANTS) == len(set(VARIANTS))
    families = {
        split: {v.rstrip("0123456789").lower() if len(v) > 2 else v for v in variants}
        for split, variants in by_split.items()
    }
    assert not families["train"] & families["heldout"]
    assert not families["train"] & families["validation"]
    assert speech.variants_of("far") == speech.variants_of("heldout")
    for rng in rngs("far", "far", 300):
        voice = speech.random_voice(rng, "en", "far")
        assert not speech.PITCHES[0] <= voice.pitch <= speech.PITCHES[1]
        assert not speech.RATES[0] <= voice.words_per_minute <= speech.RATES[1]


def test_phrasings_are_apart():
    import sounds
    import videos

    tables = (pictures.PHRASES, reading.READ_PHRASES, drawing.EDIT, sounds.PHRASES, videos.PHRASES)
    groups = [group for table in tables for pair in table.values() for group in pair]
    groups += [
        *pictures.DESCRIBE,
        *drawing.DRAW,
        *speech.RECOGNISE,
        *speech.SAY,
        *outside.ASK,
        *voice_answers.ALOUD,
    ]
    for group in groups:
        trained, unseen = splits.phrasings(group, "train"), splits.phrasings(group, "phrasing")
        assert len(group) >= 4
        assert trained and unseen
        assert not set(trained) & set(unseen)
        assert splits.phrasings(group, "heldout") == trained


def test_printed_words_and_digits_are_apart():
    for kind in ("word", "digits", "sum"):
        seen = {
            split: {reading.text_and_answer(kind, rng, split)[0] for rng in rngs(kind, split, 1500)}
            for split in ("train", "validation", "heldout")
        }
        assert seen["heldout"]
        assert not seen["train"] & seen["heldout"]
        assert not seen["validation"] & seen["heldout"]


def test_topics_are_apart():
    seen = {
        split: {chat.outside(rng, split, bool(i % 2))[0] for i, rng in enumerate(rngs("o", split))}
        for split in ("train", "heldout")
    }
    assert not seen["train"] & seen["heldout"]
    for korean in (False, True):  # variety to learn from, in each language
        count = sum(text.isascii() != korean for text in seen["train"])
        assert count >= 400


def test_stories_keep_the_rules():
    for split in ("train", "validation", "heldout"):
        for rng in rngs("story", split, 600):
            maker = rng.choice(video_stories.STORIES)
            story = maker(rng, split)
            scenes = [
                story.scene_at(t) for t in (0.0, story.seconds / 2 + 0.01, story.seconds - 0.01)
            ]
            pairs = {(t.shape, t.colour) for scene in scenes for t in scene.things}
            breaks = any(splits.pair_is_held_out(*pair) for pair in pairs)
            if maker is video_stories.moving:
                direction = story.answers["direction"][0]
                breaks |= video_stories.direction_is_held_out(scenes[0].things[0].shape, direction)
            assert breaks == (split == "heldout")


def test_samples_are_functions_of_seed_task_split_and_index():
    draw = lambda *key: sample_rng(*key).integers(0, 2**63)  # noqa: E731
    keys = [
        (s, t, p, i) for s in (1, 2) for t in ("a", "b") for p in ("train", "x") for i in (0, 1)
    ]
    assert len({draw(*key) for key in keys}) == len(keys)
    assert [draw(*key) for key in keys] == [draw(*key) for key in reversed(keys)][::-1]
