# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The tasks of the evaluation, with speakers whose scores are known beforehand, and with
a tiny model of random weights from end to end."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import omni
from omni.nano import codec_tasks, drawing_tasks, evaluate, question_tasks, recipe, speech_tasks
from omni.nano.speaker import Settings, Speaker, speech_samples, value_of, without_soundtrack


def samples_of(task, split, count):
    make = recipe.script("make_data").maker(task)
    made = [make(1, split, index) for index in range(count)]
    return [recipe.Sample(json.loads(json.dumps(s.messages)), s.files, s.facts) for s in made]


class Scripted:
    """Knows the samples: `answer(sample, turn, values, modalities)` is what it replies."""

    def __init__(self, samples, answer):
        self.samples, self.answer = samples, answer
        self.begun = 0

    def begin(self):
        self.begun += 1

    def ask_parts(self, sample, parts, *, change=None, modalities=(), seed=0):
        values = [value_of(sample, part) for part in parts]
        kept = [v if change is None else change(v) for v in values]
        turn = next(i for i, (asked, _) in enumerate(sample.turns()) if asked is parts)
        return self.answer(sample, turn, [v for v in kept if v is not None], modalities)

    def ask(self, *values, modalities=()):
        return self.answer(None, 0, list(values), modalities)


def reply(text="", images=(), speech=None):
    wave = None
    if speech is not None:
        wave = omni.Waveform(np.ascontiguousarray(speech, np.float32), sample_rate_hz=16000)
    return SimpleNamespace(text=text, images=list(images), speech=wave)


def right_text(sample, turn):
    return sample.turns()[turn][1][0]["text"]


def test_a_speaker_that_sees_is_right_and_blind_without_media():
    samples = samples_of("picture", "heldout", 3)

    def answer(sample, turn, values, modalities):
        saw = turn > 0 or any(isinstance(v, omni.Image) for v in values)
        assert isinstance(values[-1], str)
        if not saw:
            return reply("Please show me a picture first.")
        return reply(right_text(sample, turn) if turn % 2 == 0 else "nonsense")

    speaker = Scripted(samples, answer)
    row, refused = question_tasks.evaluate_questions(speaker, "picture", {"heldout": samples}, 0.05)
    assert row.values == {"heldout": 0.5} and row.counts == {"heldout": 24}
    assert row.baselines["blind"]["heldout"] == 3 * 3 / 24  # first turns lost
    assert 0.1 < row.baselines["majority"]["heldout"] < 0.7
    assert row.details["heldout"]["first_question"] == 1.0
    assert row.details["heldout"]["some_wrong"][0]["got"] == "nonsense"
    assert refused.values == {"heldout": 0.0}
    assert speaker.begun == 6


def test_a_speaker_that_is_deaf_fails_what_needs_the_sound():
    samples = samples_of("video", "heldout", 3)
    needing = recipe.script("videos").NEEDS_SOUND
    heard = {}

    def answer(sample, turn, values, modalities):
        for value in values:
            if isinstance(value, omni.VideoClip):
                heard[id(sample)] = float(value.audio.samples.abs().max()) > 0.01
        if turn == 0 and not any(isinstance(v, omni.VideoClip) for v in values):
            heard[id(sample)] = None
        kind = sample.facts["kinds"][turn]
        if heard[id(sample)] is None or (kind in needing and not heard[id(sample)]):
            return reply("?")
        return reply(right_text(sample, turn))

    sets = {"heldout": samples}
    rows = question_tasks.evaluate_questions(Scripted(samples, answer), "video", sets, 0.05)
    assert rows[0].values == {"heldout": 1.0} and rows[0].baselines["blind"]["heldout"] == 0.0
    assert rows[1].baselines["silent"]["heldout"] == 0.0 and rows[1].values == {"heldout": 1.0}
    assert rows[1].counts["heldout"] < rows[0].counts["heldout"]
    assert all("held-out" in row.target for row in rows[:2])


def test_silent_clips_keep_their_frames():
    sample = samples_of("video", "train", 1)[0]
    clip = value_of(sample, sample.messages[0]["content"][0])
    silent = without_soundtrack(clip)
    assert torch.equal(silent.frames, clip.frames)
    assert torch.equal(silent.times_seconds, clip.times_seconds)
    assert silent.audio.samples.shape == clip.audio.samples.shape
    assert float(silent.audio.samples.abs().max()) == 0.0
    assert without_soundtrack("text") == "text"


def test_refusals_count_only_in_the_language_of_the_question():
    samples = samples_of("chat", "heldout", 8)
    english, korean = recipe.script("chat").REFUSAL
    speaker = Scripted(samples, lambda *_: reply(english))
    (row,) = question_tasks.evaluate_chat(speaker, {"heldout": samples}, 0.1)
    asked_in_english = sum(right_text(s, 0) == english for s in samples)
    assert 0 < asked_in_english < 8
    assert row.values == {"heldout": asked_in_english / 8}
    assert row.baselines["majority"] == {"heldout": 1.0}
    assert question_tasks.is_refusal(korean) and not question_tasks.is_refusal("red")


def as_omni(picture):
    return omni.Image(np.array(picture.convert("RGB")))


def test_drawings_by_what_they_show():
    samples = samples_of("draw", "heldout", 12)
    true = {id(s): as_omni(drawing_tasks.true_picture(s)) for s in samples}

    def half(sample, turn, values, modalities):
        assert modalities == ["image"]
        return reply(images=[true[id(sample)]] if samples.index(sample) < 6 else [])

    single, whole = drawing_tasks.evaluate_drawing(Scripted(samples, half), {"heldout": samples})
    assert whole.values == {"heldout": 0.5} and whole.counts == {"heldout": 12}
    assert whole.baselines["true media"] == {"heldout": 1.0}
    assert whole.baselines["another's"]["heldout"] < 0.2
    ones = [i for i, s in enumerate(samples) if len(s.facts["things"]) == 1]
    assert single.counts == {"heldout": len(ones)}
    assert single.values["heldout"] == sum(i < 6 for i in ones) / len(ones)
    assert 0 < single.baselines["majority"]["heldout"] < 0.7


def test_edits_by_what_changed_and_what_stayed():
    samples = samples_of("edit", "heldout", 6)

    def answer(sample, turn, values, modalities):
        if not any(isinstance(v, omni.Image) for v in values):
            return reply(images=[as_omni(Image.new("RGB", (64, 64), "white"))])
        return reply(images=[as_omni(drawing_tasks.true_picture(sample))])

    sets = {"heldout": samples}
    done, change, kept = drawing_tasks.evaluate_editing(Scripted(samples, answer), sets)
    assert done.values == change.values == kept.values == {"heldout": 1.0}
    assert done.baselines["unchanged"] == change.baselines["unchanged"] == {"heldout": 0.0}
    assert kept.baselines["unchanged"] == {"heldout": 1.0}
    assert done.baselines["blind"]["heldout"] < 0.5


def test_recognition_counts_words_and_characters():
    samples = samples_of("recognise", "heldout", 6)

    def answer(sample, turn, values, modalities):
        if not any(isinstance(v, omni.Waveform) for v in values):
            return reply("")
        words = right_text(sample, turn).split()
        return reply(" ".join(words[:-1] + ["wrong"] if words[0].isascii() else words))

    rows = speech_tasks.evaluate_recognition(Scripted(samples, answer), {"heldout": samples})
    by_measure = {row.measure: row for row in rows}
    english, korean = by_measure["words wrong, English"], by_measure["characters wrong, Korean"]
    texts = [right_text(s, 0) for s in samples if s.facts["language"] == "en"]
    assert english.values["heldout"] == pytest.approx(len(texts) / len(" ".join(texts).split()))
    assert english.baselines["blind"] == {"heldout": 1.0}
    assert 0.5 < english.baselines["majority"]["heldout"] <= 1.0
    assert english.details["heldout"]["sentences_right"] == 0.0
    assert korean.values == {"heldout": 0.0}
    assert english.counts["heldout"] + korean.counts["heldout"] == 6


def test_a_speaker_with_the_true_voice_is_understood():
    samples = samples_of("speak", "heldout", 8)
    espeak = recipe.script("espeak")

    def answer(sample, turn, values, modalities):
        if isinstance(values[0], omni.Waveform):  # asked what it hears
            return reply("nothing")
        if sample is None:  # a minimal pair: "말해 줘: ..."
            text = values[0].split(": ", 1)[1]
            return reply(text, speech=espeak.speak(text, espeak.OUTPUT_VOICE["ko"]).samples)
        return reply(right_text(sample, turn), speech=speech_tasks.true_speech(sample))

    rows = speech_tasks.evaluate_speaking(Scripted(samples, answer), {"heldout": samples}, 2)
    by_key = {(row.measure, row.judge): row for row in rows}
    assert by_key["text repeated right", "exact match"].values == {"heldout": 1.0}
    sphinx = by_key["words wrong, English", speech_tasks.SPHINX]
    assert sphinx.values == sphinx.baselines["true media"]
    assert sphinx.values["heldout"] < 0.3 and "20 %" in sphinx.target
    pairs = by_key["sentence told from nine others, Korean", speech_tasks.LISTENER]
    assert pairs.values == {"heldout": 1.0} and pairs.baselines["chance"] == {"heldout": 0.1}
    trips = [row for row in rows if row.judge == speech_tasks.OWN]
    assert trips and all(row.values["heldout"] >= 0.9 for row in trips)


def test_answers_by_voice_are_read_and_heard():
    samples = samples_of("answer_by_voice", "heldout", 6)

    def answer(sample, turn, values, modalities):
        if sample.facts["about"] == "picture" and not isinstance(values[0], omni.Image):
            return reply("")
        assert list(modalities) == ["speech"]
        return reply(right_text(sample, turn), speech=speech_tasks.true_speech(sample))

    rows = speech_tasks.evaluate_voice_answers(Scripted(samples, answer), {"heldout": samples}, 0.1)
    written, seen, heard = rows
    assert written.values == seen.values == heard.values == {"heldout": 1.0}
    assert seen.baselines["blind"] == {"heldout": 0.0}
    assert seen.counts["heldout"] <= written.counts["heldout"] == 6
    mute = Scripted(samples, lambda *_: reply("?"))
    _, _, heard = speech_tasks.evaluate_voice_answers(mute, {"heldout": samples}, 0.1)
    assert heard.values["heldout"] <= 0.5


def test_silence_stands_for_speech_that_was_not_given():
    assert np.abs(speech_samples(None)).max() == 0.0
    assert len(speech_samples(reply("a"))) == 1600
    eight = omni.Waveform(np.ones(8000, np.float32), sample_rate_hz=8000)
    assert len(speech_samples(SimpleNamespace(speech=eight))) == 16000


def test_a_picture_through_the_codec_has_a_known_psnr():
    grey = Image.new("RGB", (64, 64), (128, 128, 128))

    class Codec:
        dtype = torch.float32
        codec_pixels = staticmethod(lambda image: torch.zeros(3, 64, 64))
        image_codec = SimpleNamespace(
            encode=lambda pixels: pixels,
            decode=lambda codes: torch.full((1, 3, 64, 64), 10 / 127.5),
        )

    back, psnr = drawing_tasks.through_codec(Codec(), grey)
    assert np.array(back)[0, 0].tolist() == [138] * 3  # 127.5 + 10, rounded to even
    assert psnr == pytest.approx(20 * np.log10(255 / 10))


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Two samples of every task and split."""
    folder = tmp_path_factory.mktemp("sets")
    make_data = recipe.script("make_data")
    for task in make_data.MODULES:
        for split in make_data.splits_of(task)[1:]:
            path = folder / task / split / "0000.tar"
            path.parent.mkdir(parents=True)
            samples = samples_of(task, split, 6)
            pairs = ((f"{i:07d}", s) for i, s in enumerate(samples))
            kinds = ({"kind": task, **vars(s)} for _, s in pairs)
            made = ((f"{i:07d}", SimpleNamespace(**k)) for i, k in enumerate(kinds))
            recipe.script("samples").write_shard(path, made)
    return folder


def test_a_tiny_model_from_end_to_end(sets, long_model, tmp_path):
    folder = tmp_path / "tiny"
    long_model.save(folder)
    settings = Settings(max_text_tokens=3, max_speech_codes=5)
    plan = evaluate.Plan(folder, recipe.find_recipe(), sets, 2, settings, scale=0.02)
    said = []
    names = list(evaluate.tasks())
    results = evaluate.evaluate(plan, names, workers=1, say=said.append)
    assert len(said) == len(names) and not any("left out" in line for line in said)
    measured = {row["task"] for row in results["rows"]}
    assert len(measured) == 13
    for row in results["rows"]:
        assert row["values"], row["measure"]
        assert set(row["values"]) == set(row["counts"])
        assert all(np.isfinite(value) for value in row["values"].values())
    assert set(results["timings"]) == {
        "load", "picture question", "picture drawn", "speech real-time factor",
    }  # fmt: skip
    assert json.loads(json.dumps(results))["rows"] == results["rows"]


def test_codecs_alone_are_evaluated_and_the_rest_left_out(sets, config, tmp_path):
    for part in ("transformer", "vision", "audio", "token_space"):
        config.pop(part)
    omni.OmniModel(config).save(tmp_path / "codecs")
    plan = evaluate.Plan(tmp_path / "codecs", recipe.find_recipe(), sets, 2, scale=0.02)
    said = []
    names = ["picture", "image_codec", "speech_codec", "draw"]
    results = evaluate.evaluate(plan, names, workers=1, say=said.append)
    assert {row["task"] for row in results["rows"]} == {"image codec", codec_tasks.TASK}
    assert "picture: left out, the model lacks a part" in said
    assert list(results["timings"]) == ["load"]
    with pytest.raises(ValueError, match="expected a model with a transformer, got codecs alone"):
        Speaker.load(tmp_path / "codecs").ask("hello")


def test_an_endless_conversation_counts_as_wrong(model):
    speaker = Speaker(model, Settings(max_text_tokens=400))
    assert speaker.ask("hello") is not None
    assert speaker.ask("hello " * 60) is None
    speaker.begin()
    assert speaker.ask("hello") is not None


def test_samples_hold_what_the_tasks_read():
    edit = samples_of("edit", "validation", 1)[0]
    assert Image.open(io.BytesIO(edit.files["0.png"])).size == (64, 64)
    assert {"before", "after", "kind"} <= set(edit.facts)
    spoken = samples_of("speak", "validation", 1)[0]
    assert {"language", "text"} <= set(spoken.facts)
    assert len(speech_tasks.true_speech(spoken)) > 8000
