# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""espeak-ng in this process, through its C library: sound and the time of each word."""

import ctypes
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from korean import is_vowel_initial

RATE = 16000
_SYNCHRONOUS = 2
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_REPORT_PHONEMES_IN_IPA = 1 | 2
_CHARS_UTF8 = 1
_RATE, _PITCH = 1, 3

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


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),  # of a phoneme event: its name
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


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
    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _REPORT_PHONEMES_IN_IPA)
        if self._rate <= 0:
            raise OSError("espeak-ng did not start; is the package espeak-ng installed?")
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._callback = _CALLBACK(self._on_sound)  # kept alive here
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks: list[np.ndarray] = []
        self._word_begins: list[tuple[int, float]] = []  # character, seconds
        self._phonemes: list[tuple[str, float]] = []  # name, seconds

    def _on_sound(self, wave, count, events) -> int:
        if count > 0 and wave:
            self._chunks.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        i = 0
        while events[i].type != _EVENT_END:
            event = events[i]
            seconds = event.audio_position / 1000
            if event.type == _EVENT_WORD:
                self._word_begins.append((event.text_position - 1, seconds))
            elif event.type == _EVENT_PHONEME and event.id:
                self._phonemes.append((event.id.decode("utf-8", "replace"), seconds))
            i += 1
        return 0

    def speak(self, text: str, voice: Voice) -> Speech:
        """`text` in that voice; words are those between spaces."""
        library = self._library
        if voice.variant and voice.variant not in VARIANTS:  # espeak-ng would ignore it
            raise ValueError(f"expected a known voice variant, got {voice.variant!r}")
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice.name!r}")
        library.espeak_SetParameter(_RATE, voice.words_per_minute, 0)
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        self._chunks, self._word_begins, self._phonemes = [], [], []
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
        levels = np.concatenate(self._chunks or [np.zeros(1, np.int16)])
        samples = resample_poly(levels.astype(np.float32) / 32768, RATE, self._rate)
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


_INSTANCE: Espeak | None = None


def speak(text: str, voice: Voice) -> Speech:
    global _INSTANCE
    if _INSTANCE is None:
        _INSTANCE = Espeak()
    return _INSTANCE.speak(text, voice)
