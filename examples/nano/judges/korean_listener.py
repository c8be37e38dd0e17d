# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Judges speech without a recogniser: which of several sentences is it nearest to?

Made for Korean, for which there is no recogniser; it serves any language of espeak-ng.
The candidates are spoken by espeak-ng; the distance is dynamic time warping between
cepstra. Minimal pairs differ in one word; ten candidates make chance 10 %.
"""

from functools import lru_cache

import numpy as np
from scipy.fft import dct
from scipy.signal import stft

from espeak import OUTPUT_VOICE, speak
from rng import sample_rng
from words import minimal_pairs

RATE = 16000
NUM_MELS, NUM_CEPSTRA, HOP, WINDOW = 40, 13, 160, 400
NUM_CANDIDATES = 10


def _mel_filters() -> np.ndarray:
    """Triangles [NUM_MELS, bins], evenly spaced in mel from 60 to 7600 Hz."""
    mel = np.linspace(*(2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)), NUM_MELS + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rise = (bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    fall = (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]
    return np.clip(np.minimum(rise, fall), 0, None)


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Cepstra and their slopes [frames, 2 NUM_CEPSTRA], each of mean 0 and deviation 1."""
    samples = np.asarray(samples) / max(float(np.abs(samples).max()), 1e-6)
    samples = samples + np.random.default_rng(0).normal(0, 1e-3, len(samples))
    _, _, spectrum = stft(samples, RATE, nperseg=WINDOW, noverlap=WINDOW - HOP, padded=False)
    mel = np.log(_mel_filters() @ np.square(np.abs(spectrum)) + 1e-10)
    values = dct(mel, axis=0, norm="ortho")[:NUM_CEPSTRA].T
    values = np.concatenate([values, np.gradient(values, axis=0)], axis=1)
    return (values - values.mean(0)) / (values.std(0) + 1e-6)


def warped_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance along the best alignment of two sequences of vectors."""
    distance = np.sqrt(
        np.maximum(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T, 0)
    )
    rows, columns = distance.shape
    # Along anti-diagonals, so that each step is one vector operation.
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0, 0] = 0
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(np.minimum(best[i - 1, j], best[i, j - 1]), best[i - 1, j - 1])
        best[i, j] = distance[i - 1, j - 1] + before
    return float(best[rows, columns]) / (rows + columns)


def minimal_pair_trial(index: int) -> list[str]:
    """Sentences of which the first is to be said and the others differ in one word."""
    return minimal_pairs(sample_rng(1, "minimal_pair", "heldout", index), "ko", NUM_CANDIDATES)


@lru_cache(maxsize=2000)
def reference(sentence: str, language: str) -> np.ndarray:
    """Cepstra of the sentence as espeak-ng says it."""
    return cepstra(speak(sentence, OUTPUT_VOICE[language]).samples)


def nearest(samples: np.ndarray, sentences: list[str], *, language: str = "ko") -> int:
    """Index of the sentence that the sound (float [S] at 16 kHz) is nearest to."""
    heard = cepstra(samples)
    distances = [warped_distance(heard, reference(s, language)) for s in sentences]
    return int(np.argmin(distances))
