# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Recognising speech, speaking, and answering by voice."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import omni

from .question_tasks import EXACT, some_wrong
from .recipe import Sample, script
from .scoring import Answer, Guesser, Row, accuracy, accuracy_by_kind, guessing, share
from .speaker import Speaker, Value, speech_samples, text_of, without_media
from .training_answers import training_answers

Sound = np.ndarray[Any, Any]  # float32 [S] at 16 kHz
Pairs = list[tuple[str, str]]  # of (expected, got)

SPHINX = "pocketsphinx, closed grammar, 30 dB noise floor"
QUIETER = "pocketsphinx, closed grammar, 40 dB noise floor"
LOOP = "pocketsphinx, any word after any word, 30 dB"
LISTENER = "nearest of ten espeak-ng sentences by warped cepstra"
OWN = "omni-nano's own recogniser"
# How English speech is judged: (judge, mode, noise floor in dB below the speech).
ENGLISH_JUDGES = (
    (SPHINX, "grammar", -30.0),
    (QUIETER, "grammar", -40.0),
    (LOOP, "word_loop", -30.0),
)
NUM_TRIALS = 40  # minimal pairs


def error_rates(language: str) -> tuple[str, Callable[[Pairs], float]]:
    """What is counted in a language, and how."""
    rates = script("error_rates")
    if language == "en":
        return "words wrong, English", rates.word_error_rate
    return "characters wrong, Korean", rates.character_error_rate


def evaluate_recognition(speaker: Speaker, sets: dict[str, list[Sample]]) -> list[Row]:
    """Unseen speech to text. `blind`: asked without the sound. `majority`: always the
    most frequent word; to answer nothing at all is 100 % wrong."""
    targets = {"en": "≤ 15 % held-out", "ko": "≤ 5 % held-out"}
    rows = []
    for language, target in targets.items():
        measure, rate = error_rates(language)
        row = Row("recognising speech", measure, "edit distance", target=target)
        word = _most_frequent_word(language)
        for split, samples in sets.items():
            spoken = [s for s in samples if s.facts["language"] == language]
            if not spoken:
                continue
            pairs, blind = _heard(speaker, spoken), _heard(speaker, spoken, is_blind=True)
            constant = rate([(expected, word) for expected, _ in pairs])
            beside = {"majority": constant, "blind": rate(blind)}
            row.add(split, rate(pairs), len(spoken), beside)
            exact = [Answer(language, "", expected, got) for expected, got in pairs]
            row.details[split] = {
                "sentences_right": accuracy(exact),
                "some_wrong": some_wrong(exact),
            }
        rows.append(row)
    return [row for row in rows if row.values]


def _most_frequent_word(language: str) -> str:
    words, rng = script("words"), script("rng")
    counts: Counter[str] = Counter()
    for index in range(500):
        key = rng.sample_rng(1, "frequent word", language, index)
        counts.update(words.sentence(key, language, "train").split())
    return counts.most_common(1)[0][0]


def _heard(speaker: Speaker, samples: Sequence[Sample], *, is_blind: bool = False) -> Pairs:
    pairs = []
    for sample in samples:
        speaker.begin()
        asked, answered = sample.turns()[0]
        reply = speaker.ask_parts(sample, asked, change=without_media if is_blind else None)
        pairs.append((text_of(answered), reply.text.strip() if reply else ""))
    return pairs


def true_speech(sample: Sample) -> Sound:
    """The speech of the sample's answer."""
    part = sample.turns()[-1][1][-1]
    return omni.decode_audio(sample.files[part["file"]], name=part["file"]).samples.numpy()


def english_rows(
    task: str, split: str, texts: Sequence[str], groups: dict[str, list[Sound]], target: str = ""
) -> list[Row]:
    """Word errors of sounds that should say `texts`, by each English judge. `groups`:
    the sounds of the row under "" and others to stand beside it."""
    recognizer, rates = script("english_recognizer"), script("error_rates")
    rows = []
    for judge, mode, decibels in ENGLISH_JUDGES:
        heard = {
            name: recognizer.recognize(sounds, mode=mode, decibels=decibels)
            for name, sounds in groups.items()
        }
        wrong = {
            name: rates.word_error_rate(zip(texts, got, strict=True)) for name, got in heard.items()
        }
        shifted = zip([*texts[1:], *texts[:1]], heard[""], strict=True)
        wrong["another's"] = rates.word_error_rate(shifted)
        row = Row(task, "words wrong, English", judge, target=target if judge == SPHINX else "")
        rows.append(row.add(split, wrong.pop(""), len(texts), wrong))
    return rows


def merged(rows: Sequence[Row]) -> list[Row]:
    """Rows of the same measure and judge as one, with the splits of all."""
    found: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = (row.task, row.measure, row.judge)
        if key not in found:
            found[key] = row
            continue
        kept = found[key]
        kept.values |= row.values
        kept.counts |= row.counts
        kept.details |= row.details
        for name, values in row.baselines.items():
            kept.baselines.setdefault(name, {}).update(values)
    return list(found.values())


def minimal_pairs(task: str, say: Callable[[str], Sound], trials: int, target: str = "") -> Row:
    """Korean sentences told from nine that differ in one word. `say` says one. `true
    media`: espeak-ng itself in another voice than the references have."""
    listener, espeak = script("korean_listener"), script("espeak")
    another = espeak.Voice("ko", "f2", 60, 165)
    own, true = [], []
    for index in range(trials):
        candidates = listener.minimal_pair_trial(index)
        own.append(listener.nearest(say(candidates[0]), candidates) == 0)
        spoken = espeak.speak(candidates[0], another).samples
        true.append(listener.nearest(spoken, candidates) == 0)
    beside = {"chance": 1 / listener.NUM_CANDIDATES, "true media": share(true)}
    row = Row(task, "sentence told from nine others, Korean", LISTENER, target=target)
    return row.add("heldout", share(own), trials, beside)


def evaluate_speaking(
    speaker: Speaker, sets: dict[str, list[Sample]], trials: int = NUM_TRIALS
) -> list[Row]:
    """Saying what is asked, in its own voice."""
    task = "speaking"
    copied = Row(task, "text repeated right", EXACT)
    rows: list[Row] = [copied]
    for split, samples in sets.items():
        said, sounds = [], []
        for index, sample in enumerate(samples):
            speaker.begin()
            asked = sample.turns()[0][0]
            reply = speaker.ask_parts(sample, asked, modalities=["speech"], seed=index)
            said.append(reply.text.strip() if reply else "")
            sounds.append(speech_samples(reply))
        texts = [str(sample.facts["text"]) for sample in samples]
        right = [a == b for a, b in zip(texts, said, strict=True)]
        copied.add(split, share(right), len(right))
        is_sentence = script("words").is_sentence
        judged = [i for i, text in enumerate(texts) if is_sentence(text, "en")]
        if judged:
            groups = {
                "": [sounds[i] for i in judged],
                "true media": [true_speech(samples[i]) for i in judged],
            }
            rows += english_rows(task, split, [texts[i] for i in judged], groups, "≤ 20 % held-out")
        rows += _round_trips(speaker, split, samples, texts, sounds)

    def say(text: str) -> Sound:
        speaker.begin()
        question = script("speech").SAY[1][0].format(text=text)
        return speech_samples(speaker.ask(question, modalities=["speech"]))

    return [*merged(rows), minimal_pairs(task, say, trials, "≥ 80 %")]


def _round_trips(
    speaker: Speaker,
    split: str,
    samples: Sequence[Sample],
    texts: Sequence[str],
    sounds: Sequence[Sound],
) -> list[Row]:
    """What the model itself hears in its speech, and in the true one."""
    rows = []
    for language in ("en", "ko"):
        kept = [i for i, s in enumerate(samples) if s.facts["language"] == language]
        if not kept:
            continue
        measure, rate = error_rates(language)
        question = script("speech").RECOGNISE[language == "ko"][0]

        def listen(sound: Sound, question: str = question) -> str:
            speaker.begin()
            wave = omni.Waveform(np.ascontiguousarray(sound, np.float32), sample_rate_hz=16000)
            reply = speaker.ask(wave, question)
            return reply.text.strip() if reply else ""

        own = rate([(texts[i], listen(sounds[i])) for i in kept])
        true = rate([(texts[i], listen(true_speech(samples[i]))) for i in kept])
        row = Row("speaking", f"{measure}, round trip", OWN)
        rows.append(row.add(split, own, len(kept), {"true media": true}))
    return rows


def without_picture(value: Value) -> Value | None:
    return None if isinstance(value, omni.Image) else value


def evaluate_voice_answers(
    speaker: Speaker, sets: dict[str, list[Sample]], guess_scale: float = 1.0
) -> list[Row]:
    """Questions that are spoken, or typed with the wish to hear the answer. `blind`: the
    same questions without their picture."""
    task = "answering by voice"
    training = training_answers("answer_by_voice", guess_scale)
    guesser = Guesser(training)
    spoken = [_as_said(answer) for kind, _, answer in training if kind != "outside"]
    written = Row(task, "answers right, as written", EXACT)
    seen = Row(task, "of those about a picture", EXACT)
    heard = Row(task, "answers right, as heard", LISTENER.replace("sentences", "answers"))
    for split, samples in sets.items():
        answers, sounds, blind = [], [], []
        for index, sample in enumerate(samples):
            facts = sample.facts
            speaker.begin()
            asked = sample.turns()[0][0]
            reply = speaker.ask_parts(sample, asked, modalities=["speech"], seed=index)
            got = reply.text if reply else ""
            answers.append(Answer(facts["about"], facts["question"], facts["answer"], got))
            sounds.append(speech_samples(reply))
            if facts["about"] == "picture":
                speaker.begin()
                without = speaker.ask_parts(sample, asked, change=without_picture)
                blind.append((without.text.strip() if without else "") == facts["answer"])
        written.add(split, accuracy(answers), len(answers), guessing(guesser, answers))
        written.details[split] = {
            "by_kind": accuracy_by_kind(answers),
            "some_wrong": some_wrong(answers),
        }
        about = [answer for answer in answers if answer.kind == "picture"]
        if about:
            beside = guessing(guesser, about) | {"blind": share(blind)}
            seen.add(split, accuracy(about), len(about), beside)
        _hear_answers(heard, split, samples, sounds, spoken)
    return [row for row in (written, seen, heard) if row.values]


def _as_said(answer: str) -> str:
    said: str = script("speech").spoken_form(script("voice_answers").spoken_answer(answer))
    return said


def _hear_answers(
    row: Row,
    split: str,
    samples: Sequence[Sample],
    sounds: Sequence[Sound],
    training: Sequence[str],
) -> None:
    """Whether each short answer is nearest to the right one of ten."""
    listener, espeak = script("korean_listener"), script("espeak")
    own, true, chance = [], [], []
    for i, sample in enumerate(samples):
        if sample.facts["about"] == "outside":
            continue
        text = _as_said(sample.facts["answer"])
        language = "en" if text.isascii() else "ko"
        known = sorted({t for t in training if t.isascii() == text.isascii()} - {text})
        begin = i * 9 % max(1, len(known) - 9)
        candidates = [text, *known[begin : begin + 9]]
        own.append(listener.nearest(sounds[i], candidates, language=language) == 0)
        another = espeak.Voice("en-us" if language == "en" else "ko", "f2", 60, 165)
        voice = espeak.speak(text, another).samples
        true.append(listener.nearest(voice, candidates, language=language) == 0)
        chance.append(1 / len(candidates))
    if own:
        beside = {"chance": float(np.mean(chance)), "true media": share(true)}
        row.add(split, share(own), len(own), beside)
