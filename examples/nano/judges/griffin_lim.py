# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Log-mel to sound without a learnt part (Griffin and Lim 1984), so that the speech
codec can be heard apart from the vocoder. The mel is that of omni-nano's configuration:
natural logarithm of magnitudes, Slaney's scale and area, 640 samples each 160 at 16 kHz.
"""

from functools import cache

import numpy as np
from scipy.signal import istft, stft

RATE, WINDOW, HOP, NUM_MELS, MAX_HZ = 16000, 640, 160, 80, 8000.0
NUM_UPDATES, NUM_ROUNDS, MOMENTUM = 24, 32, 0.99


def _to_hertz(mel: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear to 1 kHz (15 mel), then 27 mel for a factor of 6.4."""
    above = 1000 * 6.4 ** ((mel - 15) / 27)
    return np.where(mel < 15, mel * 200 / 3, above)


@cache
def mel_filters() -> np.ndarray:
    """Triangles of equal area [NUM_MELS, bins]."""
    highest = 15 + 27 * np.log(MAX_HZ / 1000) / np.log(6.4)
    hertz = _to_hertz(np.linspace(0, highest, NUM_MELS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rise = (bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    fall = (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]
    triangles = np.clip(np.minimum(rise, fall), 0, None)
    return triangles * (2 / (hertz[2:] - hertz[:-2]))[:, None]


def _spectrum(samples: np.ndarray) -> np.ndarray:
    """[bins, frames], frame t centred at t * HOP."""
    options = {"nperseg": WINDOW, "noverlap": WINDOW - HOP, "boundary": "zeros"}
    return stft(samples, RATE, "hann", padded=True, **options)[2] * WINDOW / 2


def log_mel(samples: np.ndarray, floor: float = 1e-4) -> np.ndarray:
    """float [S] → [frames, NUM_MELS]."""
    return np.log(np.maximum(mel_filters() @ np.abs(_spectrum(samples)), floor)).T


def griffin_lim(mel: np.ndarray) -> np.ndarray:
    """Log-mel [T, NUM_MELS] → samples float [T * HOP]."""
    filters, wanted = mel_filters(), np.exp(np.asarray(mel, dtype=np.float64)).T
    magnitudes = np.maximum(np.linalg.pinv(filters) @ wanted, 1e-10)
    for _ in range(NUM_UPDATES):  # non-negative least squares (Lee and Seung 2001)
        magnitudes *= (filters.T @ wanted) / np.maximum(filters.T @ (filters @ magnitudes), 1e-10)
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random(magnitudes.shape))
    before = np.zeros_like(phases)
    num_samples = mel.shape[0] * HOP
    for _ in range(NUM_ROUNDS):
        now = _spectrum(_samples(magnitudes * phases, num_samples))[:, : phases.shape[1]]
        phases = now - MOMENTUM / (1 + MOMENTUM) * before
        phases /= np.maximum(np.abs(phases), 1e-12)
        before = now
    return _samples(magnitudes * phases, num_samples)


def _samples(spectrum: np.ndarray, count: int) -> np.ndarray:
    """The inverse of `_spectrum`, cut or filled to `count`."""
    options = {"nperseg": WINDOW, "noverlap": WINDOW - HOP, "boundary": True}
    samples = istft(spectrum * 2 / WINDOW, RATE, "hann", **options)[1][:count]
    return np.pad(samples, (0, count - len(samples)))
