# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Short clips with a soundtrack, and questions of which some need the sound."""

import io
from fractions import Fraction

import av
import numpy as np

from espeak import RATE
from rng import choose, sample_rng, stable_share
from samples import Sample
from sounds import TIMBRES, TIMBRES_KO, tone
from splits import PAIR_SHARE, pair_is_held_out, phrasings
from world import (
    COLOURS, COLOURS_KO, SHAPES, SHAPES_KO, Scene, Thing, render,
)  # fmt: skip

FPS = 8
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
DIRECTIONS_KO = dict(zip(DIRECTIONS, ("왼쪽", "오른쪽", "위쪽", "아래쪽")))
SPEEDS_KO = {"slow": "느려요", "fast": "빨라요"}
NUMBERS = ("zero", "one", "two", "three", "four")
EVENTS = ("start", "middle", "end")
EVENTS_KO = dict(zip(EVENTS, ("처음", "중간", "끝")))

PHRASES = {
    "direction": (
        ("Which way does it move?", "In which direction does the shape go?", "Where is it moving?", "Tell me the direction of motion."),
        ("어느 쪽으로 움직여요?", "도형이 어디로 가요?", "움직이는 방향이 뭐예요?", "어느 방향으로 가나요?"),
    ),
    "shape": (
        ("Which shape is moving?", "What is moving?", "What shape do you see?", "Name the moving shape."),
        ("무엇이 움직여요?", "어떤 도형이 움직여요?", "무슨 모양이에요?", "움직이는 것은 뭐예요?"),
    ),
    "colour": (
        ("What colour is the shape?", "Which colour does it have?", "Name its colour.", "What is the colour of the moving thing?"),
        ("도형은 무슨 색이에요?", "색이 뭐예요?", "무슨 색이 보여요?", "어떤 색의 도형인가요?"),
    ),
    "change": (
        ("Which colour does it have at the end?", "What colour does it become?", "Name the last colour.", "Into which colour does it turn?"),
        ("마지막에는 무슨 색이에요?", "무슨 색으로 바뀌어요?", "끝에는 어떤 색이에요?", "나중 색은 뭐예요?"),
    ),
    "timbre": (
        ("Which sound does it make?", "What sound is heard?", "What do you hear in the clip?", "Name the sound of the clip."),
        ("어떤 소리가 나요?", "무슨 소리가 들려요?", "영상에서 무엇이 들려요?", "영상의 소리는 뭐예요?"),
    ),
    "times": (
        ("How many times does it sound?", "How many sounds are there?", "Count the sounds in the clip.", "How often does it sound?"),
        ("소리가 몇 번 나요?", "몇 번 울려요?", "영상에서 소리를 세어 줘.", "소리는 모두 몇 번인가요?"),
    ),
    "when": (
        ("When does the sound come: start, middle or end?", "At what part is the sound?", "When do you hear it?", "In which part does it sound?"),
        ("소리가 언제 나요?", "소리는 처음, 중간, 끝 중 언제예요?", "언제 들려요?", "어느 때 소리가 나나요?"),
    ),
    "at_sound": (
        ("What colour is the shape when it sounds?", "Which colour does it have at the sound?", "Name the colour at the moment of the sound.", "When you hear it, what colour is the shape?"),
        ("소리가 날 때 무슨 색이에요?", "소리가 나는 순간의 색은 뭐예요?", "들릴 때 도형의 색을 말해 줘.", "소리와 함께 보이는 색은 뭐예요?"),
    ),
}  # fmt: skip
NEEDS_SOUND = ("timbre", "times", "when", "at_sound")


def colour_words(colour: str) -> tuple[str, str]:
    korean = COLOURS_KO[colour]
    return colour, korean if korean.endswith("색") else korean + "색"


def encode_mp4(frames: list[np.ndarray], samples: np.ndarray, *, fps: int = FPS) -> bytes:
    """H.264 and AAC in one MP4; frames uint8 [Y, X, 3]."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "18"})
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        audio = container.add_stream("aac", rate=RATE)
        audio.layout = "mono"
        for pixels in frames:
            for packet in video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
        data = np.clip(samples, -1, 1).astype(np.float32)
        for begin in range(0, len(data), 1024):
            chunk = av.AudioFrame.from_ndarray(data[None, begin : begin + 1024], "fltp", "mono")
            chunk.rate, chunk.pts, chunk.time_base = RATE, begin, Fraction(1, RATE)
            for packet in audio.encode(chunk):
                container.mux(packet)
        for packet in audio.encode():
            container.mux(packet)
    return buffer.getvalue()


def breaks_rules(shape: str, colours: set[str], direction: str) -> bool:
    held_out = stable_share("video", shape, direction) < PAIR_SHARE
    return held_out or any(pair_is_held_out(shape, colour) for colour in colours)


def make_video(seed: int, split: str, index: int) -> Sample:
    """A shape that moves and changes colour half way, and a sound at one time or more."""
    rng = sample_rng(seed, "video", split, index)
    while True:
        shape, direction = choose(rng, SHAPES), choose(rng, list(DIRECTIONS))
        first, second = (choose(rng, list(COLOURS)) for _ in range(2))
        changes = bool(rng.random() < 0.6) and first != second
        colours = {first, second} if changes else {first}
        if breaks_rules(shape, colours, direction) == (split == "heldout"):
            break
    seconds = float(rng.choice([2.0, 3.0, 4.0]))
    timbre, event = choose(rng, TIMBRES), choose(rng, EVENTS)
    is_single = bool(rng.random() < 0.6)
    times = 1 if is_single else int(rng.integers(2, 5))
    background = choose(rng, ("white", "grey", "sky", "cream"))
    step = DIRECTIONS[direction]
    travel = rng.uniform(22, 34)
    count = int(seconds * FPS)
    frames = []
    for i in range(count):
        share = i / (count - 1) - 0.5
        colour = second if changes and i >= count / 2 else first
        thing = Thing(shape, colour, "large", 4, step[0] * share * travel, step[1] * share * travel)
        scene = Scene((thing,), background, noise=2.0)
        frames.append(np.asarray(render(scene, rng)))
    samples = rng.normal(0, 1e-3, int(seconds * RATE))
    if is_single:
        begins = [{"start": 0.12, "middle": 0.5, "end": 0.86}[event] * seconds - 0.1]
    else:
        begins = list(np.linspace(0.15, seconds - 0.4, times))
    for begin in begins:
        one = tone(rng.uniform(300, 900), 0.18, timbre) * rng.uniform(0.5, 1.0)
        at = int(max(begin, 0.05) * RATE)
        samples[at : at + len(one)] += one[: len(samples) - at]
    answers = {
        "direction": (direction, DIRECTIONS_KO[direction]),
        "shape": (shape, SHAPES_KO[shape]),
        "timbre": (timbre, TIMBRES_KO[timbre]),
        "times": (NUMBERS[times], f"{times}번"),
    }
    if changes:
        answers["change"] = colour_words(second)
    else:
        answers["colour"] = colour_words(first)
    if is_single:
        answers["when"] = (event, EVENTS_KO[event])
        if changes and event != "middle":
            answers["at_sound"] = colour_words(first if event == "start" else second)
    sample = Sample("video")
    part = sample.video(encode_mp4(frames, samples))
    kinds = [str(kind) for kind in rng.permutation(list(answers))][:6]
    for kind in kinds:
        korean = bool(rng.random() < 0.5)
        asked = choose(rng, phrasings(PHRASES[kind][int(korean)], split))
        sample.say("user", *([part] if kind == kinds[0] else []), asked)
        sample.say("assistant", answers[kind][int(korean)])
    sample.facts = {"kinds": kinds}
    return sample


def all_answers() -> list[str]:
    tables = (DIRECTIONS_KO, SPEEDS_KO, EVENTS_KO)
    return [word for table in tables for pair in table.items() for word in pair]
