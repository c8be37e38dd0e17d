# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The judges pass what is true and fail what is not."""

from dataclasses import replace

import english_recognizer
import korean_listener
import numpy as np
import pytest
from error_rates import character_error_rate, edit_distance, word_error_rate
from PIL import Image, ImageFilter
from scene_reader import (
    SceneReading,
    judge_drawing,
    judge_edit,
    read_scene,
    reading_of,
    scene_reading,
)  # fmt: skip

import drawing
import words
import world
from espeak import OUTPUT_VOICE, Voice, speak
from rng import choose, sample_rng


def plain_scenes(count):
    for index in range(count):
        rng = sample_rng(9, "judge", "any", index)
        yield rng, drawing.plain_scene(rng, "heldout" if index % 2 else "train", 3)


def with_one_lie(rng, scene):
    """The scene but for one attribute of one thing."""
    at = int(rng.integers(len(scene.things)))
    thing = scene.things[at]
    free = [cell for cell in range(9) if scene.at(cell) is None]
    lie = choose(rng, (
        replace(thing, shape=choose(rng, [s for s in world.SHAPES if s != thing.shape])),
        replace(thing, colour=choose(rng, [c for c in world.COLOURS if c != thing.colour])),
    ))  # fmt: skip
    if len(scene.things) > 1 and rng.random() < 0.3:
        lie = replace(thing, cell=choose(rng, free))
    return replace(scene, things=(*scene.things[:at], lie, *scene.things[at + 1 :]))


def test_reader_sees_true_drawings_and_rejects_wrong_captions():
    num, passed, soft, fooled = 400, 0, 0, 0
    for rng, scene in plain_scenes(num):
        picture = world.render(scene)
        verdict = judge_drawing(picture, scene_reading(scene))
        passed += verdict.all_right and verdict.sizes and verdict.background
        blurred = picture.filter(ImageFilter.GaussianBlur(0.7))
        soft += judge_drawing(blurred, scene_reading(scene)).all_right
        fooled += judge_drawing(picture, scene_reading(with_one_lie(rng, scene))).all_right
    assert passed / num >= 0.995
    assert soft / num >= 0.99
    assert fooled / num <= 0.01


def test_reader_sees_jittered_noisy_scenes():
    right = 0
    for index in range(60):
        rng = sample_rng(9, "jitter", "any", index)
        scene = world.random_scene(rng, "train")
        reading = read_scene(world.render(scene, rng), angles=(-12.0, -6.0, 0.0, 6.0, 12.0))
        seen = {(t.shape, t.colour, t.cell) for t in reading.things}
        right += seen == {(t.shape, t.colour, t.cell) for t in scene.things}
    assert right >= 59


def test_reader_rejects_a_broken_generator():
    rng = np.random.default_rng(0)
    wanted = [scene_reading(scene) for _, scene in plain_scenes(30)]
    noise = [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in wanted]
    blobs = [
        Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((64, 64))
        for _ in wanted
    ]
    blank = [Image.new("RGB", (64, 64), "white")] * len(wanted)
    for pictures in (noise, blobs, blank):
        assert not any(judge_drawing(p, w).all_right for p, w in zip(pictures, wanted, strict=True))
    assert read_scene(blank[0]) == SceneReading("white", (), ())


def test_reader_says_what_size_it_wants():
    with pytest.raises(ValueError, match=r"expected 64 x 64 pixels, got \(32, 32\)"):
        read_scene(Image.new("RGB", (32, 32)))


def test_edits_are_judged_by_what_changed_and_what_stayed():
    judged = 0
    for rng, scene in plain_scenes(60):
        made = drawing.change(scene, rng, "heldout", False)
        if made is None:
            continue
        judged += 1
        before, after = scene_reading(scene), scene_reading(made[0])
        done = judge_edit(world.render(made[0]), before, after)
        assert done.is_done and done.kept == 1.0
        assert not judge_edit(world.render(scene), before, after).is_done  # nothing done
        ruined = judge_edit(Image.new("RGB", (64, 64), "white"), before, after)
        assert ruined.kept < 1.0 or len(scene.things) == 1 or made[2] == "remove"
    assert judged > 30


def test_facts_become_readings():
    scene = next(plain_scenes(1))[1]
    assert reading_of(drawing.scene_facts(scene)) == scene_reading(scene)


def test_error_rates_against_known_values():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
    pairs = [("the red box", "the box"), ("a b", "a c d")]
    assert word_error_rate(pairs) == pytest.approx(3 / 5)
    assert character_error_rate([("한 개", "한개"), ("두 개", "세개")]) == pytest.approx(1 / 4)
    assert word_error_rate([("one", "one two three")]) == 2.0
    with pytest.raises(ValueError, match="expected at least one word"):
        word_error_rate([])


def test_english_recognizer_understands_true_speech_only():
    texts = [words.sentence(sample_rng(9, "asr", "heldout", i), "en", "heldout") for i in range(8)]
    sounds = [speak(text, OUTPUT_VOICE["en"]).samples for text in texts]
    heard = english_recognizer.recognize(sounds)
    assert word_error_rate(zip(texts, heard, strict=True)) <= 0.15
    assert word_error_rate(zip(texts[1:] + texts[:1], heard, strict=True)) >= 0.6
    loop = english_recognizer.recognize(sounds[:3], mode="word_loop")
    assert word_error_rate(zip(texts[:3], loop, strict=True)) <= 0.7
    nothing = [np.zeros(16000), np.random.default_rng(0).normal(0, 0.05, 16000)]
    assert (
        word_error_rate(zip(texts[:2], english_recognizer.recognize(nothing), strict=True)) >= 0.6
    )
    with pytest.raises(ValueError, match="expected grammar or word_loop"):
        english_recognizer.recognize([], mode="open")


def test_korean_listener_tells_sentences_apart():
    right = fooled = 0
    for index in range(5):
        candidates = korean_listener.minimal_pair_trial(index)
        other_voice = speak(candidates[0], Voice("ko", "f2", 60, 165)).samples
        right += korean_listener.nearest(other_voice, candidates) == 0
        wrong = speak(candidates[4], OUTPUT_VOICE["ko"]).samples
        fooled += korean_listener.nearest(wrong, candidates) == 0
    assert right >= 4
    assert fooled == 0


def test_english_sentences_are_told_apart_too():
    candidates = ["push the small box", "push the small ball", "pull the small box"]
    for at, text in enumerate(candidates):
        sound = speak(text, Voice("en-us", "f2", 60, 165)).samples
        assert korean_listener.nearest(sound, candidates, language="en") == at


def test_noise_floor_is_as_loud_as_asked():
    sound = np.sin(np.arange(16000) * 0.3)
    for decibels in (-20.0, -40.0):
        noisy = english_recognizer.with_noise_floor(sound, 0, decibels)
        noise = noisy[1600:-1600] - sound
        level = 20 * np.log10(noise.std() / np.sqrt(np.square(sound).mean()))
        assert level == pytest.approx(decibels, abs=0.3)
        assert np.abs(noisy[:1600]).max() > 0  # never exact silence


def test_warped_distance_against_the_plain_recursion():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))
    best = np.full((8, 6), np.inf)
    best[0, 0] = 0
    for i in range(1, 8):
        for j in range(1, 6):
            cost = np.linalg.norm(a[i - 1] - b[j - 1])
            best[i, j] = cost + min(best[i - 1, j], best[i, j - 1], best[i - 1, j - 1])
    assert korean_listener.warped_distance(a, b) == pytest.approx(best[7, 5] / 12)
    assert korean_listener.warped_distance(a, a) == pytest.approx(0.0, abs=1e-6)
