# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The speech codec and the vocoder by themselves: true speech, to codes and back."""

import numpy as np
import torch

import omni

from .recipe import script
from .scoring import Row
from .speech_tasks import NUM_TRIALS, Sound, english_rows, minimal_pairs

TASK = "speech codec and vocoder"
NUM_SENTENCES = 100


def through_codec(model: omni.OmniModel, sound: Sound, *, is_learnt: bool = True) -> Sound:
    """Speech at 16 kHz to codes and back, by the vocoder or by Griffin and Lim."""
    wave = omni.Waveform(np.ascontiguousarray(sound, np.float32), sample_rate_hz=16000)
    mel = model.codec_mel(wave)[None].to(model.dtype)
    with torch.inference_mode():
        back = model.speech_codec.decode(model.speech_codec.encode(mel))
        learnt = model.vocoder(back)[0].float() if is_learnt else None
    samples: Sound
    if learnt is not None:
        samples = learnt.numpy()
    else:
        samples = script("griffin_lim").griffin_lim(back[0].float().numpy())
    return samples


def evaluate_speech_codec(
    model: omni.OmniModel, sentences: int = NUM_SENTENCES, trials: int = NUM_TRIALS
) -> list[Row]:
    """Of held-out sentences in the voice that omni-nano speaks with."""
    espeak, words, rng = script("espeak"), script("words"), script("rng")
    texts = [
        words.sentence(rng.sample_rng(1, "codec", "heldout", i), "en", "heldout")
        for i in range(sentences)
    ]
    true = [espeak.speak(text, espeak.OUTPUT_VOICE["en"]).samples for text in texts]
    groups = {"": [through_codec(model, sound) for sound in true], "true media": true}
    if model.config["speech_codec"]["num_mels"] == script("griffin_lim").NUM_MELS:
        groups["Griffin-Lim"] = [through_codec(model, s, is_learnt=False) for s in true]
    rows = english_rows(TASK, "heldout", texts, groups, "≤ 3 %")

    def say(text: str) -> Sound:
        spoken = espeak.speak(text, espeak.OUTPUT_VOICE["ko"]).samples
        return through_codec(model, spoken)

    return [*rows, minimal_pairs(TASK, say, trials)]
