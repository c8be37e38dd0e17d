# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tasks about speech: recognising it, and saying what is asked."""

import string

import numpy as np

import words
from espeak import OUTPUT_VOICE, RATE, VARIANTS, Voice, speak
from pictures import PHRASES, question
from rng import choose, sample_rng
from samples import Sample
from splits import phrasings, voice_split
from world import random_scene

LANGUAGE_NAMES = {"en": "en-us", "ko": "ko"}
RECOGNISE = (
    ("What was said?", "Write down what you hear.", "What does the voice say?", "Transcribe this."),
    ("뭐라고 말했어요?", "들리는 말을 적어 줘.", "무슨 말이에요?", "받아 적어 줘."),
)
SAY = (
    ("Say: {text}", "Say this: {text}", "Read aloud: {text}", "Speak: {text}"),
    ("말해 줘: {text}", "이렇게 말해 줘: {text}", "소리 내어 읽어 줘: {text}", "읽어 줘: {text}"),
)
# Pitch (espeak-ng's 0 to 99) and words a minute: of training and validation, and the
# outside of it that `far` asks for.
PITCHES, RATES = (20, 80), (110, 195)
FAR_PITCHES, FAR_RATES = ((5, 19), (81, 95)), ((90, 109), (196, 220))


def variants_of(split: str) -> list[str]:
    wanted = {"phrasing": "train", "far": "heldout"}.get(split, split)
    return [variant for variant in VARIANTS if voice_split(variant) == wanted]


def between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def random_voice(rng: np.random.Generator, language: str, split: str) -> Voice:
    """Any voice of the split, at any pitch and rate of its range."""
    variant = choose(rng, variants_of(split))
    if split == "far":
        pitch = between(rng, *choose(rng, FAR_PITCHES))
        rate = between(rng, *choose(rng, FAR_RATES))
    else:
        pitch, rate = between(rng, *PITCHES), between(rng, *RATES)
    return Voice(LANGUAGE_NAMES[language], variant, pitch, rate)


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Without the silence at the ends, but for 50 ms."""
    loud = np.flatnonzero(np.abs(samples) > 1e-3)
    if len(loud) == 0:
        return samples
    margin = RATE // 20
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def said_by_someone(text: str, rng: np.random.Generator, language: str, split: str):
    """`text` in any voice of the split and at any loudness, and that voice."""
    voice = random_voice(rng, language, split)
    sound = trimmed(speak(text, voice).samples)
    peak = 10 ** rng.uniform(-1.2, -0.1)
    return sound * (peak / max(float(np.abs(sound).max()), 1e-3)), voice


def spoken_form(text: str) -> str:
    """A typed sentence as transcripts write it: lower case, no punctuation."""
    return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())


def picture_question(rng: np.random.Generator, language: str) -> str:
    """A question about a picture as one would say it. None is held out: whatever it is,
    training may ask it aloud (`answer_by_voice`)."""
    while True:
        scene = random_scene(rng, "train")
        made = question(choose(rng, list(PHRASES)), scene, rng, "train", language == "ko")
        if made is not None:
            return spoken_form(made[0])


def spoken_text(rng: np.random.Generator, language: str, split: str, random_share: float) -> str:
    """What is to be heard: mostly the grammar; `heldout` and `far` hold nothing trained."""
    split = "heldout" if split == "far" else split
    share = rng.random()
    if split == "train" and share < random_share:
        return words.random_words(rng, language)
    if share > 0.95:
        return words.digit_words(rng, language, split)
    if share > 0.80 and split != "heldout":
        return picture_question(rng, language)
    return words.sentence(rng, language, split)


def make_recognise(seed: int, split: str, index: int) -> Sample:
    """Speech in an unknown voice, and what it says."""
    rng = sample_rng(seed, "recognise", split, index)
    language = choose(rng, ("en", "ko"))
    text = spoken_text(rng, language, split, 0.2)
    sound, voice = said_by_someone(text, rng, language, split)
    asked = choose(rng, phrasings(RECOGNISE[language == "ko"], split))
    sample = Sample("recognise", facts={"language": language, "voice": voice.variant})
    sample.say("user", sample.sound(sound, RATE, transcript=text), asked)
    sample.say("assistant", text)
    return sample


def speech_part(sample: Sample, text: str, language: str) -> dict:
    """`text` in omni-nano's own voice, with the begin of each word."""
    spoken = speak(text, OUTPUT_VOICE[language])
    # Codes are 40 ms; what follows the last sound teaches nothing.
    loud = np.flatnonzero(np.abs(spoken.samples) > 1e-3)
    end = min(len(spoken.samples), int(loud[-1]) + RATE // 12) if len(loud) else len(spoken.samples)
    times = [[word, round(begin, 3)] for word, begin in spoken.words]
    return sample.sound(spoken.samples[:end], RATE, kind="speech", text=text, words=times)


def make_speak(seed: int, split: str, index: int) -> Sample:
    """Something to say, and it said in omni-nano's voice."""
    rng = sample_rng(seed, "speak", split, index)
    language = choose(rng, ("en", "ko"))
    text = spoken_text(rng, language, split, 0.4)
    asked = choose(rng, phrasings(SAY[language == "ko"], split))
    sample = Sample("speak", facts={"language": language, "text": text})
    sample.say("user", asked.format(text=text))
    sample.say("assistant", text, speech_part(sample, text, language))
    return sample
