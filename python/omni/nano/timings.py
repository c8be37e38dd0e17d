# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""How long a user waits: loading, a picture question, a drawing, speech."""

import statistics
import time
from pathlib import Path

import omni

from .recipe import Sample, script
from .speaker import Settings, Speaker, speech_samples

# What is asked of two cores (seconds; speech: seconds of work for a second of sound).
LIMITS = {
    "load": 0.5,
    "picture question": 0.5,
    "picture drawn": 1.5,
    "speech real-time factor": 0.7,
}
REPEATS = 5


def measure(
    folder: Path | None, settings: Settings, pictures: list[Sample], sentences: list[Sample]
) -> dict[str, float]:
    """Medians on this machine, one process, all its threads. Nothing is cached: each
    picture and sentence is new to the chat."""
    loads = []
    for _ in range(3):
        begin = time.perf_counter()
        model = omni.load(folder)
        loads.append(time.perf_counter() - begin)
    results = {"load": statistics.median(loads)}
    if model.transformer is None:
        return results
    speaker = Speaker(model, settings)

    def timed(sample: Sample, *modalities: str) -> tuple[float, float]:
        """Seconds taken, and seconds of speech."""
        speaker.begin()
        begin = time.perf_counter()
        reply = speaker.ask_parts(sample, sample.turns()[0][0], modalities=list(modalities))
        return time.perf_counter() - begin, len(speech_samples(reply)) / 16000

    timed(pictures[0])  # the first call of all also sets up threads
    asked = [timed(sample)[0] for sample in pictures[1 : 1 + REPEATS]]
    results["picture question"] = statistics.median(asked)
    if model.image_codec is not None:
        make = script("drawing").make_draw
        made = [make(1, "heldout", 10_000 + i) for i in range(REPEATS)]
        drawn = [timed(Sample(m.messages, m.files), "image")[0] for m in made]
        results["picture drawn"] = statistics.median(drawn)
    if model.speech_codec is not None:
        spoken = [timed(sample, "speech") for sample in sentences[:REPEATS]]
        results["speech real-time factor"] = statistics.median(
            work / sound for work, sound in spoken
        )
    return results
