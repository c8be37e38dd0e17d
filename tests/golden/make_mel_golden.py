# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes mel.bin: log-mel frames float32 of one test sound under the settings of CASES,
one after another, computed in float64 from the definitions: Slaney's mel scale and
filters (Auditory Toolbox, as in librosa), and the log scaling of `transformers`'
WhisperFeatureExtractor. Needs NumPy."""

import pathlib

import numpy as np

RATE = 16000
NUM_SAMPLES = 8000
# fft, mels, max_hz, scale, power, floor, log. The same list is in
# tests/encoders/audio_processor_test.cpp.
CASES = [
    (400, 80, 8000.0, "slaney", 2.0, 1e-10, "whisper"),
    (640, 80, 8000.0, "slaney", 1.0, 1e-4, "natural"),
    (512, 24, 7600.0, "htk", 2.0, 1e-6, "natural"),
]
HOP = 160


def sound():
    """Two tones, one of them rising, noise, and a stretch of digital silence."""
    n = np.arange(NUM_SAMPLES, dtype=np.float64)
    samples = 0.4 * np.sin(2 * np.pi * 440.0 * n / RATE)
    samples += 0.3 * np.sin(2 * np.pi * (200.0 + 0.3 * n) * n / RATE)
    samples += 0.1 * ((n * 7919) % 1000 / 1000 - 0.5)
    samples[3000:4500] = 0.0
    return samples.astype(np.float32).astype(np.float64)


def hz_to_mel(hz, scale):
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    mel = 3.0 * hz / 200.0
    logarithmic = 15.0 + np.log(np.maximum(hz, 1.0) / 1000.0) * (27.0 / np.log(6.4))
    return np.where(hz >= 1000.0, logarithmic, mel)


def mel_to_hz(mel, scale):
    if scale == "htk":
        return 700.0 * (np.power(10.0, mel / 2595.0) - 1.0)
    hz = 200.0 * mel / 3.0
    return np.where(mel >= 15.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mel - 15.0)), hz)


def filter_bank(fft, mels, max_hz, scale):
    """[mels, fft / 2 + 1], as librosa.filters.mel(norm="slaney")."""
    edges = np.linspace(hz_to_mel(0.0, scale), hz_to_mel(max_hz, scale), mels + 2)
    edges = mel_to_hz(edges, scale)
    bins = np.linspace(0.0, RATE / 2, fft // 2 + 1)
    ramps = edges[:, None] - bins[None, :]
    width = np.diff(edges)[:, None]
    lower = -ramps[:-2] / width[:-1]
    upper = ramps[2:] / width[1:]
    weights = np.maximum(0.0, np.minimum(lower, upper))
    return weights * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def log_mel(samples, fft, mels, max_hz, scale, power, floor, log):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft) / fft)
    padded = np.pad(samples, fft // 2, mode="reflect")
    frames = [
        padded[start : start + fft] * window for start in range(0, len(samples) // HOP * HOP, HOP)
    ]
    magnitudes = np.abs(np.fft.rfft(np.stack(frames), axis=1)) ** power
    mel = np.maximum(magnitudes @ filter_bank(fft, mels, max_hz, scale).T, floor)
    if log == "natural":
        return np.log(mel)
    bels = np.log10(mel)
    return (np.maximum(bels, bels.max() - 8.0) + 4.0) / 4.0


def main():
    results = [log_mel(sound(), *case).astype(np.float32).ravel() for case in CASES]
    path = pathlib.Path(__file__).with_name("mel.bin")
    np.concatenate(results).tofile(path)


if __name__ == "__main__":
    main()
