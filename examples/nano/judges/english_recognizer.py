# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""An English recogniser that knows nothing of omni-nano: pocketsphinx (Debian package).

`grammar`: only sentences of the closed grammar; the lenient measure. `word_loop`: any
word after any word, all equally likely; the strict one. Exact digital silence breaks
the recogniser, so that a noise floor is added first.
"""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

import words
from samples import wav_bytes

RATE = 16000
MODEL = Path("/usr/share/pocketsphinx/model/en-us")
NOISE_FLOOR_DECIBELS = -30.0  # lower floors cost true audio a few percent of its words


def with_noise_floor(samples: np.ndarray, seed: int = 0, decibels: float = NOISE_FLOOR_DECIBELS):
    """White noise `decibels` relative to the sound's own level, and a little of it around."""
    level = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (decibels / 20)
    padded = np.pad(samples, RATE // 10)
    return padded + np.random.default_rng(seed).normal(0, max(level, 1e-4), len(padded))


def jsgf() -> str:
    """The English sentences as a grammar."""
    lines, sentences = ["#JSGF V1.0;", "grammar nano;"], []
    for i, (template, slots) in enumerate(words.ENGLISH):
        parts = []
        for k, piece in enumerate(template.split()):
            forms = words.slot_forms(piece, slots)
            if len(forms) == 1:
                parts.append(forms[0])
            else:
                lines.append(f"<slot{i}_{k}> = {' | '.join(forms)};")
                parts.append(f"<slot{i}_{k}>")
        sentences.append("( " + " ".join(parts) + " )")
    return "\n".join([*lines, f"public <sentence> = {' | '.join(sentences)};", ""])


def grammar_words() -> list[str]:
    return sorted(
        {
            form
            for template, slots in words.ENGLISH
            for piece in template.split()
            for form in words.slot_forms(piece, slots)
        }
    )


def unigram_model() -> str:
    """A flat language model in the ARPA format."""
    vocabulary = ["<s>", "</s>", *grammar_words()]
    share = np.log10(1 / (len(vocabulary) - 1))
    rows = [f"{-99 if word == '<s>' else share:.4f} {word}" for word in vocabulary]
    return "\n".join(
        ["", "\\data\\", f"ngram 1={len(rows)}", "", "\\1-grams:", *rows, "", "\\end\\", ""]
    )


@cache
def _pronunciations() -> str:
    wanted = set(grammar_words())
    kept = []
    for line in (MODEL / "cmudict-en-us.dict").read_text().splitlines():
        if line.split(" ", 1)[0].split("(")[0] in wanted:
            kept.append(line)
    return "\n".join([*kept, ""])


def recognize(
    sounds: list[np.ndarray],
    *,
    mode: str = "grammar",
    decibels: float = NOISE_FLOOR_DECIBELS,
) -> list[str]:
    """What each sound (float32 [S] at 16 kHz) says; "" where nothing was understood.
    `decibels`: of the noise floor, relative to each sound."""
    if mode not in ("grammar", "word_loop"):
        raise ValueError(f"[english_recognizer] expected grammar or word_loop, got {mode!r}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "words.dict").write_text(_pronunciations())
        (folder / "model").write_text(jsgf() if mode == "grammar" else unigram_model())
        for i, samples in enumerate(sounds):
            noisy = with_noise_floor(samples, i, decibels)
            (folder / f"{i:05d}.wav").write_bytes(wav_bytes(noisy, RATE))
        (folder / "list").write_text("".join(f"{i:05d}\n" for i in range(len(sounds))))
        language = ["-jsgf" if mode == "grammar" else "-lm", folder / "model"]
        command = [
            "pocketsphinx_batch", "-hmm", MODEL / "en-us", "-dict", folder / "words.dict",
            *language, "-adcin", "yes", "-cepext", ".wav", "-cepdir", folder, "-adchdr", "44",
            "-ctl", folder / "list", "-hyp", folder / "heard", "-logfn", folder / "log",
        ]  # fmt: skip
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"[english_recognizer] pocketsphinx_batch failed: {done.stderr[-500:]}")
        heard = (folder / "heard").read_text().splitlines()
    texts = [line[: line.rindex("(")].strip() for line in heard]
    if len(texts) != len(sounds):
        raise OSError(f"[english_recognizer] expected {len(sounds)} answers, got {len(texts)}.")
    return texts
