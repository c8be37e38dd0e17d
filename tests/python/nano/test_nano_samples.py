# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Samples are what the format says, repeatable, and their answers are true."""

import io
import json
import re
import tarfile
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import drawing
import korean
import make_data
import pictures
import reading
import samples
import sounds
import speech
import video_stories
import videos
import voice_answers
import words
import world
from rng import sample_rng

STAGES = Path(make_data.__file__).parent / "stages"
TEXT_ONLY = {"type", "text"}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """A small shard of every task, as the program writes them."""
    folder = tmp_path_factory.mktemp("nano")
    return {
        task: make_data.make_shard((folder / task / "0000.tar", task, "train", 3, 0, 6))
        for task in make_data.COUNTS
    }


def read_shard(path):
    """(record, files by name) of each sample; members have to be adjacent, JSON first."""
    read = []
    with tarfile.open(path) as tar:
        for member in tar:
            key, name = member.name.split(".", 1)
            data = tar.extractfile(member).read()
            if name == "json":
                read.append((key, json.loads(data), {}))
            else:
                assert read[-1][0] == key
                read[-1][2][name] = data
    assert len({key for key, _, _ in read}) == len(read)
    return [(record, files) for _, record, files in read]


def read_wav(data):
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


@pytest.mark.parametrize("task", list(make_data.COUNTS))
def test_samples_follow_the_format(shards, task):
    read = read_shard(shards[task])
    assert len(read) == 6
    for record, files in read:
        assert record["kind"] == task
        roles = [message["role"] for message in record["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) and roles
        used = set()
        for message in record["messages"]:
            for part in message["content"]:
                check_part(part, files, message["role"])
                used.add(part.get("file"))
        assert used - {None} == set(files)


def check_part(part, files, role):
    kind = part["type"]
    if kind == "text":
        assert set(part) == TEXT_ONLY and part["text"].strip() == part["text"] != ""
        return
    data = files[part["file"]]
    if kind == "image":
        assert Image.open(io.BytesIO(data)).size == (64, 64)
        for name, grid in part.get("labels", {}).items():
            assert np.shape(grid) == ((4, 4) if name.startswith("glyph") else (3, 3))
    elif kind == "video":
        with av.open(io.BytesIO(data)) as clip:
            assert [s.codec.name for s in clip.streams.video] == ["h264"]
            assert [s.codec.name for s in clip.streams.audio] == ["aac"]
            assert 1.9 <= clip.duration / av.time_base <= 4.2
    else:
        sound = read_wav(data)
        assert 0.15 <= len(sound) / 16000 <= 12
        assert 0.01 <= np.abs(sound).max() < 1.0
        if kind == "speech":
            assert role == "assistant"
            assert " ".join(word for word, _ in part["words"]) == part["text"]
            begins = [begin for _, begin in part["words"]]
            assert begins[0] == 0 and sorted(set(begins)) == begins
            assert begins[-1] < len(sound) / 16000
        else:
            assert kind == "audio" and role == "user"


def test_shards_are_repeatable(shards, tmp_path):
    for task in ("picture", "draw", "edit", "reading", "chat"):
        job = (tmp_path / f"{task}.tar", task, "train", 3, 0, 6)
        make_data.make_shard(job)
        assert job[0].read_bytes() == open(shards[task], "rb").read()
        other = make_data.make_shard((tmp_path / f"{task}2.tar", task, "train", 4, 0, 6))
        assert open(other, "rb").read() != job[0].read_bytes()


@pytest.mark.parametrize("task", list(make_data.COUNTS))
def test_a_sample_is_a_function_of_its_index(task):
    """Whatever was made before it: espeak-ng, for one, remembers what it said."""
    make = make_data.maker(task)
    first = [make(3, "train", index) for index in range(4)]
    again = [make(3, "train", index) for index in reversed(range(4))][::-1]
    for one, other in zip(first, again, strict=True):
        assert one.messages == other.messages
        assert one.files == other.files
    assert first[0].messages != first[1].messages or first[0].files != first[1].files


def test_labels_say_what_is_drawn():
    for index in range(20):
        scene = world.random_scene(sample_rng(1, "labels", "train", index), "train")
        grids = world.label_grids(scene)
        for thing in scene.things:
            row, column = divmod(thing.cell, 3)
            assert grids["shape"][row][column] == 1 + world.SHAPES.index(thing.shape)
            assert grids["colour"][row][column] == 1 + list(world.COLOURS).index(thing.colour)
        filled = sum(cell > 0 for row in grids["shape"] for cell in row)
        assert filled == len(scene.things)


def test_a_finished_shard_is_left_alone(tmp_path):
    path = tmp_path / "0000.tar"
    path.write_bytes(b"finished")
    make_data.make_shard((path, "picture", "train", 1, 0, 2))
    assert path.read_bytes() == b"finished"


def english_truth(scene, text):
    """The answer to a trained English question, found from the scene by other means."""
    at = {world.CELLS[thing.cell]: thing for thing in scene.things}
    name = r"(\w+) (circle|square|triangle|star|cross|heart)"
    if m := re.fullmatch(r"What colour is the shape at the (.+)\?", text):
        return at[m[1]].colour
    if m := re.fullmatch(r"What shape is at the (.+)\?", text):
        return at[m[1]].shape
    if m := re.fullmatch(r"How many (?:(\w+) )?(\w+?)(?:e?s) are there\?", text):
        shape = next(s for s in world.SHAPES if s.startswith(m[2][:4]))
        found = [t for t in scene.things if t.shape == shape and m[1] in (None, t.colour)]
        return ["zero", "one", "two", "three", "four"][len(found)]
    if m := re.fullmatch(rf"Where is the {name}\?", text):
        return next(c for c, t in at.items() if (t.colour, t.shape) == (m[1], m[2]))
    if m := re.fullmatch(rf"Is there a {name}\?", text):
        return "yes" if any((t.colour, t.shape) == (m[1], m[2]) for t in at.values()) else "no"
    if m := re.fullmatch(rf"Is the {name} (left of|right of|above|below) the {name}\?", text):
        find = lambda c, s: next(t for t in scene.things if (t.colour, t.shape) == (c, s))  # noqa: E731
        (x, y), (u, v) = find(m[1], m[2]).centre, find(m[4], m[5]).centre
        truth = {"left of": x < u, "right of": x > u, "above": y < v, "below": y > v}[m[3]]
        return "yes" if truth else "no"
    if text == "What do you see?":
        ordered = [f"{t.colour} {t.shape} at the {c}" for c in world.CELLS if (t := at.get(c))]
        named = [("an " if o[0] == "o" else "a ") + o for o in ordered]
        return (", ".join(named[:-1]) + " and " if named[1:] else "") + named[-1]
    if m := re.fullmatch(rf"Which is larger, the {name} or the {name}\?", text):
        radius = {(t.colour, t.shape): world.SIZES[t.size] for t in scene.things}
        return " ".join(max(((m[1], m[2]), (m[3], m[4])), key=radius.get))
    return None


def test_answers_about_pictures_are_true():
    checked = {}
    for index in range(1500):
        rng = sample_rng(5, "truth", "train", index)
        scene = world.random_scene(rng, "train")
        for kind in pictures.KINDS:
            made = pictures.question(kind, scene, rng, "train", False)
            truth = english_truth(scene, made[0]) if made else None
            if truth is not None:
                checked[kind] = checked.get(kind, 0) + 1
                assert made[1] == truth, (scene, made)
    assert len(checked) == 9 and min(checked.values()) > 50


def test_yes_and_no_are_balanced():
    answers = {"exists": [], "relation": [], "same": []}
    for index in range(2000):
        rng = sample_rng(5, "balance", "train", index)
        scene = world.random_scene(rng, "train")
        for kind, seen in answers.items():
            made = pictures.question(kind, scene, rng, "train", False)
            if made:
                seen.append(made[1] == "yes")
    assert 0.4 < np.mean(answers["exists"]) < 0.6
    assert 0.4 < np.mean(answers["relation"]) < 0.6
    assert np.mean(answers["same"]) > 0.15


def test_labels_are_those_of_the_scene():
    scene = world.Scene((world.Thing("star", "blue", "large", 5),))
    grids = world.label_grids(scene)
    assert grids["shape"] == [[0, 0, 0], [0, 0, 4], [0, 0, 0]]
    assert grids["colour"] == [[0, 0, 0], [0, 0, 5], [0, 0, 0]]
    assert grids["size"] == [[0, 0, 0], [0, 0, 3], [0, 0, 0]]


def test_glyph_grids_are_the_text_from_left_to_right():
    grids = reading.glyph_grids("1가+", [4.0, 12.0, 30.0, 38.0], y=33.0)
    glyph = 1 + np.array([reading.GLYPHS.index(c) for c in "1가+"])
    assert grids["glyph_left"][2] == [0, glyph[1], glyph[2], 0]
    assert grids["glyph_right"][2] == [glyph[0], 0, 0, 0]
    assert not np.any(grids["glyph_left"][:2]) and not np.any(grids["glyph_right"][3])
    for stage in ("model.json", "encoders.json"):
        config = json.loads((STAGES / stage).read_text())
        for label in config["vision"]["dense_head"]["labels"]:
            if label["name"] in grids:
                assert label["num_classes"] == 1 + len(reading.GLYPHS)
                assert (label["grid_rows"], label["grid_columns"]) == (4, 4)
    narrow = reading.glyph_grids("il", [0.0, 3.0, 6.0], y=0.0)
    assert narrow["glyph_left"][0] == [reading.NOT_LEARNED, 0, 0, 0]
    for index in range(50):
        sample = reading.make_reading(5, "train", index)
        labels = sample.messages[0]["content"][0]["labels"]
        halves = np.stack([labels["glyph_left"], labels["glyph_right"]], -1).reshape(4, 8)
        lines = [row[row != 0] for row in halves if row.any()]
        assert len(lines) == 1
        if (lines[0] > 0).all():
            assert "".join(reading.GLYPHS[c - 1] for c in lines[0]) == sample.facts["text"]


def test_printed_text_stays_inside_the_picture():
    for index in range(200):
        rng = sample_rng(5, "print", "train", index)
        kind = ("word", "digits", "sum")[index % 3]
        text, answer = reading.text_and_answer(kind, rng, "train")
        assert kind != "sum" or int(answer) == sum(map(int, text.split("+")))
        levels = np.asarray(reading.print_text(text, rng)[0], dtype=int)
        ink = np.abs(levels - levels[0, 0]).sum(-1) > 60
        assert ink.sum() > 15
        assert not ink[0].any() and not ink[-1].any()
        assert not ink[:, 0].any() and not ink[:, -1].any()


def test_korean_particles():
    assert korean.with_particle("원", "을/를") == "원을"
    assert korean.with_particle("네모", "을/를") == "네모를"
    assert korean.with_particle("3", "은/는") == "3은"
    assert korean.with_particle("2", "은/는") == "2는"
    assert korean.is_vowel_initial("원") and not korean.is_vowel_initial("네모")
    assert (
        words.fill("{x:이/가} {y:과/와}", {"x": ["별"], "y": ["하트"]}, sample_rng(0, "", "", 0))
        == "별이 하트와"
    )


def test_words_of_speech_begin_where_they_are_heard():
    """A pause is put after the first words: the next word must begin behind it."""
    from espeak import OUTPUT_VOICE, RATE, speak

    for language, text in (("en", "push the box"), ("ko", "작은 상자를 밀어 주세요")):
        whole = speak(text, OUTPUT_VOICE[language])
        assert [word for word, _ in whole.words] == text.split()
        last = whole.words[-1][0]
        alone = len(speak(last, OUTPUT_VOICE[language]).samples) / RATE
        seconds = len(whole.samples) / RATE
        assert whole.words[-1][1] == pytest.approx(seconds - alone, abs=0.2)


def test_espeak_refuses_voices_it_would_ignore():
    from espeak import Voice, speak

    with pytest.raises(ValueError, match="expected a known voice variant, got 'David'"):
        speak("one", Voice("en-us", "David"))


def test_sound_answers_are_true():
    rng = sample_rng(5, "tone", "train", 0)
    for _ in range(20):
        clip = sounds.beeps(rng, "train")
        loud = np.abs(clip.samples) > 0.1
        frames = loud[: len(loud) // 160 * 160].reshape(-1, 160).any(1)
        onsets = np.flatnonzero(np.diff(frames.astype(int), prepend=0) == 1)
        count = 1 + int((np.diff(onsets) > 8).sum())  # a bell may flicker as it fades
        assert clip.answers["count"][0] == sounds.NUMBERS[count]
    rising = sounds.tone(np.geomspace(300, 900, 16000), 1.0)
    crossings = np.flatnonzero(np.diff(np.sign(rising)) > 0)
    assert np.diff(crossings)[5] > np.diff(crossings)[-5]


def test_clips_show_what_their_answers_say():
    from scene_reader import read_scene

    checked = 0
    for index in range(40):
        rng = sample_rng(5, "clip", "train", index)
        story = video_stories.appearing(rng, "train")
        first, last = (
            {f"{t.colour} {t.shape}" for t in read_scene(world.render(story.scene_at(t))).things}
            for t in (0.0, story.seconds - 0.05)
        )
        change = story.answers["appears"][0]
        assert (len(last) > len(first)) == (change == "appears")
        assert {story.answers["what_" + change][0]} == first ^ last
        begins = {timbre: begin for begin, timbre in story.sounds}
        now = begins[story.answers["sound_at_change"][0]]
        assert len(story.scene_at(now - 0.1).things) != len(story.scene_at(now + 0.1).things)
        checked += 1
    assert checked == 40
    assert set(videos.NEEDS_SOUND) < set(videos.PHRASES)


def test_every_story_has_phrases_for_its_answers():
    seen = set()
    for index in range(400):
        rng = sample_rng(5, "kinds", "train", index)
        seen |= set(video_stories.STORIES[index % 5](rng, "train").answers)
    assert seen == set(videos.PHRASES)


def test_spoken_forms():
    assert speech.spoken_form("What colour is it?") == "what colour is it"
    assert voice_answers.spoken_answer("2개") == "두 개"
    assert voice_answers.spoken_answer("0개") == "없어요"
    assert voice_answers.spoken_answer("red") == "red"


def test_wav_bytes_keep_the_samples():
    sound = np.linspace(-1, 1, 100)
    assert np.abs(read_wav(samples.wav_bytes(sound, 16000)) - sound).max() < 1e-4


def test_drawings_need_no_more_than_their_words():
    """Same words, same picture: what is drawn follows from the description alone."""
    pictures_of = {}
    for index in range(400):
        scene = drawing.plain_scene(sample_rng(5, "words", "train", index), "train", 1)
        text = drawing.describe_scene(scene, False)
        data = world.render(scene).tobytes()
        assert pictures_of.setdefault(text, data) == data
