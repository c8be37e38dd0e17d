# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""espeak-ng's speech: sound and the time of each word."""

import atexit
import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np
from scipy.signal import resample_poly

from korean import is_vowel_initial

RATE = 16000

# espeak-ng's voice variants, which also apply to Korean; without those that whisper or
# are hardly voices (Demonic, croak, fast, whisper).
VARIANTS = tuple(
    "Alex Alicia Andrea Andy Annie AnxiousAndy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee "
    "Marco Mario Michael Mike Nguyen RicishayMax RicishayMax2 RicishayMax3 Storm Tweaky "
    "UniRobot adam anika anikaRobot announcer antonio aunty belinda benjamin boris caleb david "
    "ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 iven4 john "
    "kaukovalta klatt klatt2 klatt3 klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo "
    "max michel miguel norbert pablo paul pedro quincy rob robert robosoft robosoft2 robosoft3 "
    "robosoft4 robosoft5 robosoft6 robosoft7 robosoft8 sandro shelby steph steph2 steph3 travis "
    "victor zac".split()
)
_IPA_VOWELS = set("aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵɶʉʊʌʏ")


@dataclass(frozen=True)
class Voice:
    language: str = "en-us"  # or "ko"
    variant: str = ""
    pitch: int = 50  # 0 to 99
    words_per_minute: int = 160

    @property
    def name(self) -> str:
        return self.language + (f"+{self.variant}" if self.variant else "")


# The voices omni-nano speaks with.
OUTPUT_VOICE = {
    "en": Voice("en-us", "", 50, 150),
    "ko": Voice("ko", "", 50, 150),
}


@dataclass(frozen=True)
class Speech:
    samples: np.ndarray  # float32 at RATE
    words: list[tuple[str, float]]  # word and its begin in seconds


class Espeak:
    """A process of espeak-ng's library (espeak_server.py), asked over pipes."""

    def __init__(self) -> None:
        # -S: without site-packages it is small, and so are its children.
        command = [sys.executable, "-S", str(Path(__file__).with_name("espeak_server.py"))]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE)
        self._word_begins: list[tuple[int, float]] = []  # character, seconds
        self._phonemes: list[tuple[str, float]] = []  # name, seconds

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def speak(self, text: str, voice: Voice) -> Speech:
        """`text` in that voice; words are those between spaces."""
        if voice.variant and voice.variant not in VARIANTS:  # espeak-ng would ignore it
            raise ValueError(f"expected a known voice variant, got {voice.variant!r}")
        request = {
            "text": text,
            "voice": voice.name,
            "rate": voice.words_per_minute,
            "pitch": voice.pitch,
        }
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said of its end is on the terminal
        line = self._process.stdout.readline()
        if not line:
            raise OSError("espeak-ng did not answer; is the package espeak-ng installed?")
        said = json.loads(line)
        if "error" in said:
            raise ValueError(said["error"])
        levels = np.frombuffer(self._process.stdout.read(said["num_bytes"]), np.int16)
        if len(levels) == 0:
            levels = np.zeros(1, np.int16)
        self._word_begins, self._phonemes = said["words"], said["phonemes"]
        samples = resample_poly(levels.astype(np.float32) / 32768, RATE, said["rate"])
        times = self._word_times(text, len(samples) / RATE)
        return Speech(samples.astype(np.float32), times)

    def _word_times(self, text: str, seconds: float) -> list[tuple[str, float]]:
        """Begin of each word of `text`; events count characters from the text's begin."""
        words = text.split(" ")
        begins: list[float | None] = []
        position = 0
        for word in words:
            end = position + len(word)
            found = [t for at, t in self._word_begins if position <= at < end]
            begins.append(min(found) if found else None)
            position = end + 1
        begins[0] = 0.0
        first = 0
        while first < len(words):
            last = first + 1
            while last < len(words) and begins[last] is None:
                last += 1
            stop = begins[last] if last < len(words) else seconds
            if last - first > 1:
                begins[first:last] = self._divide(words[first:last], begins[first], stop)
            first = last
        return list(zip(words, begins, strict=False))

    def _divide(self, words: list[str], begin: float, end: float) -> list[float]:
        """Begins of words that espeak-ng ran together and reported as one."""
        phonemes = [(name, t) for name, t in self._phonemes if begin <= t < end]
        vowels = [i for i, (name, _) in enumerate(phonemes) if _IPA_VOWELS & set(name)]
        begins = [begin]
        syllables = 0
        for before, word in zip(words, words[1:], strict=False):
            found = None
            syllables += len(before)
            if word == "the":
                found = next((t for name, t in phonemes if name == "ð" and t > begins[-1]), None)
            elif not word.isascii() and syllables < len(vowels):
                at = vowels[syllables]
                if at > 0 and phonemes[at - 1][0] in ("j", "w"):
                    at -= 1
                if at > 0 and not is_vowel_initial(word) and at - 1 not in vowels:
                    at -= 1
                found = phonemes[at][1]
            if found is None or found <= begins[-1]:  # by length
                total = sum(map(len, words))
                done = sum(map(len, words[: len(begins)]))
                found = max(begin + (end - begin) * done / total, begins[-1] + 0.01)
            begins.append(found)
        return begins


@cache
def _espeak_of(_process: int) -> Espeak:
    """One for each process that speaks: a forked one must not share its parent's pipes."""
    made = Espeak()
    atexit.register(made.close)
    return made


def speak(text: str, voice: Voice) -> Speech:
    """A function of both: nothing that was said before is heard in it."""
    return _espeak_of(os.getpid()).speak(text, voice)
