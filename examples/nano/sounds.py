# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Sounds that are not speech, and questions about them."""

from dataclasses import dataclass

import numpy as np

import words
from espeak import RATE
from rng import choose, sample_rng, stable_share
from samples import Sample
from speech import said_by_someone
from splits import PAIR_SHARE, phrasings

PITCHES = {"low": 262.0, "middle": 523.0, "high": 1047.0}  # Hz, shifted by up to a tone
PITCHES_KO = dict(zip(PITCHES, ("낮은 음", "중간 음", "높은 음"), strict=False))
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
TEMPOS = {"slow": 0.55, "fast": 0.22}  # seconds from beep to beep
TEMPOS_KO = dict(zip(TEMPOS, ("느려요", "빨라요"), strict=False))
NOISES = ("hiss", "rumble", "crackle")
NOISES_KO = dict(zip(NOISES, ("쉭쉭 소리", "우르릉 소리", "타닥타닥 소리"), strict=False))
GLIDES = ("rising", "falling")
GLIDES_KO = dict(zip(GLIDES, ("올라가요", "내려가요"), strict=False))
TIMBRES = ("beep", "buzz", "bell")
TIMBRES_KO = dict(zip(TIMBRES, ("삐 소리", "윙 소리", "종소리"), strict=False))

PHRASES = {
    "pitch": (
        ("Is the tone low, middle or high?", "How high is the tone?", "What pitch is it?", "Name the pitch."),
        ("음의 높이가 어때요?", "소리가 높아요, 낮아요?", "어떤 높이의 음이에요?", "음높이를 말해 줘."),
    ),
    "count": (
        ("How many beeps are there?", "Count the sounds.", "How many times does it sound?", "How often do you hear it?"),
        ("몇 번 울렸어요?", "소리를 세어 줘.", "몇 번 들렸어요?", "소리가 모두 몇 번 났나요?"),
    ),
    "tempo": (
        ("Is it slow or fast?", "What is the tempo?", "How fast is it?", "Do they come slowly or quickly?"),
        ("빨라요, 느려요?", "빠르기가 어때요?", "속도가 어때요?", "얼마나 빨리 울리나요?"),
    ),
    "noise": (
        ("What kind of noise is it?", "Which noise do you hear?", "Name the noise.", "What noise is this?"),
        ("어떤 잡음이에요?", "무슨 잡음이 들려요?", "잡음의 종류를 말해 줘.", "이 잡음은 뭐예요?"),
    ),
    "glide": (
        ("Does the tone rise or fall?", "Is the pitch rising or falling?", "Which way does it glide?", "Where does the pitch go?"),
        ("음이 올라가요, 내려가요?", "음이 어느 쪽으로 움직여요?", "소리가 올라가요?", "음의 방향을 말해 줘."),
    ),
    "timbre": (
        ("What makes the sound: a beep, a buzz or a bell?", "Which sound is it?", "Name the sound.", "What do you hear?"),
        ("무슨 소리예요?", "어떤 소리가 나요?", "소리의 이름을 말해 줘.", "무엇이 들려요?"),
    ),
    "first": (
        ("Which sound comes first?", "What do you hear first?", "Name the first sound.", "What is the first sound?"),
        ("먼저 나는 소리는 뭐예요?", "처음에 무슨 소리가 나요?", "첫 소리를 말해 줘.", "어떤 소리가 먼저 들려요?"),
    ),
    "last": (
        ("Which sound comes last?", "What do you hear last?", "Name the last sound.", "What is the last sound?"),
        ("나중에 나는 소리는 뭐예요?", "마지막에 무슨 소리가 나요?", "끝 소리를 말해 줘.", "어떤 소리가 나중에 들려요?"),
    ),
    "language": (
        ("Which language is spoken?", "Is this Korean or English?", "What language is it?", "Name the language."),
        ("어느 나라 말이에요?", "한국어예요, 영어예요?", "무슨 언어예요?", "어떤 말로 이야기해요?"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    samples: np.ndarray
    answers: dict  # question → (English, Korean)


def tone(frequency, seconds: float, timbre: str = "beep") -> np.ndarray:
    """`frequency` in Hz, a number or one a sample; faded at both ends."""
    count = int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(frequency, count)) / RATE
    if timbre == "buzz":
        wave = sum(np.sin(k * phase) / k for k in range(1, 9))
    elif timbre == "bell":
        decay = np.exp(-np.arange(count) / (0.12 * RATE))
        wave = (np.sin(phase) + 0.6 * np.sin(2.76 * phase) + 0.3 * np.sin(5.4 * phase)) * decay
    else:
        wave = np.sin(phase)
    fade = np.minimum(1.0, np.minimum(np.arange(count), count - np.arange(count)) / (0.01 * RATE))
    return 0.4 * wave * fade / max(np.abs(wave).max(), 1e-6)


def noise(kind: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    count = int(seconds * RATE)
    white = rng.normal(0, 1, count)
    if kind == "rumble":
        spectrum = np.fft.rfft(white)
        spectrum[np.fft.rfftfreq(count, 1 / RATE) > 250] = 0
        white = np.fft.irfft(spectrum, count)
    elif kind == "crackle":
        white = white * (rng.random(count) < 0.004) * 6
        white = np.convolve(white, np.exp(-np.arange(60) / 12.0), "same")
    else:
        white = np.diff(white, prepend=0.0)
    return 0.3 * white / max(np.abs(white).max(), 1e-6)


def combination_is_held_out(*parts: str) -> bool:
    return stable_share("sound", *parts) < PAIR_SHARE


def beeps(rng, split: str) -> Clip:
    while True:
        pitch, timbre = choose(rng, list(PITCHES)), choose(rng, TIMBRES)
        tempo, count = choose(rng, list(TEMPOS)), int(rng.integers(1, 6))
        parts = (pitch, timbre, tempo, str(count))
        if combination_is_held_out(*parts) == (split == "heldout"):
            break
    hertz = PITCHES[pitch] * 2 ** rng.uniform(-1 / 6, 1 / 6)
    gap = TEMPOS[tempo] * rng.uniform(0.9, 1.1)
    samples = np.zeros(int((gap * count + 0.4) * RATE))
    for i in range(count):
        one = tone(hertz, min(0.16, gap * 0.7), timbre)
        begin = int((0.1 + i * gap) * RATE)
        samples[begin : begin + len(one)] += one
    answers = {
        "pitch": (pitch, PITCHES_KO[pitch]),
        "timbre": (timbre, TIMBRES_KO[timbre]),
        "count": (NUMBERS[count], f"{count}번"),
    }
    if count > 1:
        answers["tempo"] = (tempo, TEMPOS_KO[tempo])
    return Clip(samples, answers)


def glide(rng, split: str) -> Clip:
    while True:
        way, timbre = choose(rng, GLIDES), choose(rng, TIMBRES[:2])
        pitch, length = choose(rng, list(PITCHES)), choose(rng, ("short", "long"))
        if combination_is_held_out("gliding", way, timbre, pitch, length) == (split == "heldout"):
            break
    seconds = rng.uniform(0.6, 0.85) if length == "short" else rng.uniform(0.95, 1.2)
    low = PITCHES[pitch] * 0.8
    path = np.geomspace(low, low * 1.7, int(seconds * RATE))
    samples = tone(path if way == "rising" else path[::-1], seconds, timbre)
    return Clip(samples, {"glide": (way, GLIDES_KO[way]), "timbre": (timbre, TIMBRES_KO[timbre])})


def hiss(rng, split: str) -> Clip:
    kind = choose(rng, NOISES)
    return Clip(noise(kind, rng.uniform(0.8, 1.5), rng), {"noise": (kind, NOISES_KO[kind])})


def voice(rng, split: str) -> Clip:
    language = choose(rng, ("en", "ko"))
    text = words.sentence(rng, language, split)
    name = ("English", "영어") if language == "en" else ("Korean", "한국어")
    return Clip(said_by_someone(text, rng, language, split)[0], {"language": name})


# What a sequence is made of, with how it is named in English and Korean.
SOURCES = {kind: (kind, TIMBRES_KO[kind]) for kind in TIMBRES}
SOURCES |= {kind: (kind, NOISES_KO[kind]) for kind in NOISES} | {"voice": ("voice", "목소리")}


def source(kind: str, rng, split: str) -> np.ndarray:
    if kind in TIMBRES:
        hertz = PITCHES[choose(rng, list(PITCHES))] * 2 ** rng.uniform(-1 / 6, 1 / 6)
        return tone(hertz, rng.uniform(0.25, 0.5), kind)
    if kind in NOISES:
        return noise(kind, rng.uniform(0.4, 0.8), rng)
    language = choose(rng, ("en", "ko"))
    text = choose(rng, words.all_words(language))
    return said_by_someone(text, rng, language, split)[0]


def sequence(rng, split: str) -> Clip:
    """Two sounds, one after the other."""
    while True:
        first, last = (str(kind) for kind in rng.permutation(list(SOURCES))[:2])
        if combination_is_held_out("sequence", first, last) == (split == "heldout"):
            break
    gap = np.zeros(int(rng.uniform(0.15, 0.4) * RATE))
    samples = np.concatenate([gap, source(first, rng, split), gap, source(last, rng, split), gap])
    return Clip(samples, {"first": SOURCES[first], "last": SOURCES[last]})


def random_clip(rng, split: str) -> Clip:
    return choose(rng, (beeps, beeps, sequence, sequence, glide, hiss, voice))(rng, split)


def make_sound(seed: int, split: str, index: int) -> Sample:
    """A clip with up to four questions behind it."""
    rng = sample_rng(seed, "sound", split, index)
    clip = random_clip(rng, split)
    samples = clip.samples * rng.uniform(0.4, 1.0)
    samples = samples + rng.normal(0, 10 ** rng.uniform(-4, -2.3), len(samples))
    sample = Sample("sound", facts={"kinds": list(clip.answers)})
    part = sample.sound(samples, RATE)
    kinds = [str(kind) for kind in rng.permutation(list(clip.answers))]
    for kind in kinds:
        korean = bool(rng.random() < 0.5)
        asked = choose(rng, phrasings(PHRASES[kind][int(korean)], split))
        answer = clip.answers[kind][int(korean)]
        sample.say("user", *([part] if kind == kinds[0] else []), asked)
        sample.say("assistant", answer)
    sample.facts["kinds"] = kinds
    return sample


def all_answers() -> list[str]:
    tables = (PITCHES_KO, TEMPOS_KO, NOISES_KO, GLIDES_KO, TIMBRES_KO)
    answers = [word for table in tables for pair in table.items() for word in pair]
    return (
        answers
        + [f"{n}번" for n in range(1, 6)]
        + ["voice", "목소리", "English", "Korean", "영어", "한국어"]
    )
