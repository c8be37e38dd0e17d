# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What happens in the clips: four kinds of story, each with a soundtrack and answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from espeak import RATE
from rng import choose, stable_share
from sounds import NUMBERS, TIMBRES, TIMBRES_KO, tone
from splits import PAIR_SHARE, pair_is_held_out
from world import BACKGROUNDS, COLOURS, COLOURS_KO, SHAPES, SHAPES_KO, Scene, Thing

FPS = 8
# Sampling sees two frames a second, so that what happens has to last longer than half.
EVENT_SECONDS = 0.9
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
DIRECTIONS_KO = dict(zip(DIRECTIONS, ("왼쪽", "오른쪽", "위쪽", "아래쪽"), strict=False))
SPEEDS = {"slow": (6.0, 8.5), "fast": (15.0, 21.0)}  # pixels a second
SPEEDS_KO = dict(zip(SPEEDS, ("느려요", "빨라요"), strict=False))
EVENTS = {"start": 0.12, "middle": 0.5, "end": 0.86}  # share of the clip
EVENTS_KO = dict(zip(EVENTS, ("처음", "중간", "끝"), strict=False))
CHANGES_KO = {"appears": "나타나요", "disappears": "사라져요"}
YES, NO = ("yes", "예"), ("no", "아니요")

Answer = tuple[str, str]  # English, Korean


@dataclass(frozen=True)
class Story:
    seconds: float
    scene_at: Callable[[float], Scene]  # of seconds
    sounds: tuple[tuple[float, str], ...]  # begin in seconds, timbre
    answers: dict[str, Answer]  # question kind → answer


def colour_answer(colour: str) -> Answer:
    korean = COLOURS_KO[colour]
    return colour, korean if korean.endswith("색") else korean + "색"


def thing_answer(thing: Thing) -> Answer:
    return f"{thing.colour} {thing.shape}", f"{COLOURS_KO[thing.colour]} {SHAPES_KO[thing.shape]}"


def direction_is_held_out(shape: str, direction: str) -> bool:
    return stable_share("video", shape, direction) < PAIR_SHARE


def random_pair(rng, split: str) -> tuple[str, str]:
    """Shape and colour; for `heldout` often, otherwise never, a held-out pair."""
    while True:
        shape, colour = choose(rng, SHAPES), choose(rng, list(COLOURS))
        if not pair_is_held_out(shape, colour) or (split == "heldout" and rng.random() < 0.5):
            return shape, colour


def two_things(rng, split: str) -> tuple[Thing, Thing]:
    """Two things of other colours and shapes, in cells apart."""
    while True:
        pairs = [random_pair(rng, split) for _ in range(2)]
        differ = pairs[0][0] != pairs[1][0] and pairs[0][1] != pairs[1][1]
        breaks = any(pair_is_held_out(*pair) for pair in pairs)
        if differ and breaks == (split == "heldout"):
            break
    cells = rng.permutation([(3, 5), (1, 7), (0, 8), (2, 6)])[0]
    first, second = (int(cell) for cell in rng.permutation(cells))
    return Thing(*pairs[0], "medium", first), Thing(*pairs[1], "medium", second)


def moving(rng, split: str) -> Story:
    """A shape moves and may change its colour half way; one sound or several."""
    while True:
        shape, direction = choose(rng, SHAPES), choose(rng, list(DIRECTIONS))
        first, second = (choose(rng, list(COLOURS)) for _ in range(2))
        changes = bool(rng.random() < 0.6) and first != second
        breaks = direction_is_held_out(shape, direction) or any(
            pair_is_held_out(shape, c) for c in ((first, second) if changes else (first,))
        )
        if breaks == (split == "heldout"):
            break
    speed = choose(rng, list(SPEEDS))
    rate = rng.uniform(*SPEEDS[speed])
    seconds = 2.0 if rate > 18 else float(rng.choice([2.0, 2.5]))
    if speed == "slow":
        seconds = float(rng.choice([2.0, 3.0, 4.0]))
    step = DIRECTIONS[direction]
    across = rng.uniform(-14, 14)  # off the middle, sideways
    background = choose(rng, list(BACKGROUNDS))

    def scene_at(t: float) -> Scene:
        colour = second if changes and t >= seconds / 2 else first
        along = (t - seconds / 2) * rate
        dx, dy = step[0] * along + step[1] * across, step[1] * along + step[0] * across
        return Scene((Thing(shape, colour, "large", 4, dx, dy),), background, noise=2.0)

    timbre, event = choose(rng, TIMBRES), choose(rng, list(EVENTS))
    is_single = bool(rng.random() < 0.6)
    times = 1 if is_single else int(rng.integers(2, 5))
    begins = (
        [EVENTS[event] * seconds - 0.1] if is_single else np.linspace(0.15, seconds - 0.4, times)
    )
    answers = {
        "direction": (direction, DIRECTIONS_KO[direction]),
        "speed": (speed, SPEEDS_KO[speed]),
        "shape": (shape, SHAPES_KO[shape]),
        "timbre": (timbre, TIMBRES_KO[timbre]),
        "times": (NUMBERS[times], f"{times}번"),
    }
    answers["change" if changes else "colour"] = colour_answer(second if changes else first)
    if is_single:
        answers["when"] = (event, EVENTS_KO[event])
        if changes and event != "middle":
            answers["at_sound"] = colour_answer(first if event == "start" else second)
    return Story(seconds, scene_at, tuple((float(b), timbre) for b in begins), answers)


def bouncing(rng, split: str) -> Story:
    """A shape goes to and fro between two walls, with a sound at each bounce or without."""
    while True:
        shape, colour = random_pair(rng, split)
        if pair_is_held_out(shape, colour) == (split == "heldout"):
            break
    bounces = int(rng.integers(1, 4))
    leg = 1.0  # seconds from wall to wall
    seconds = leg * (bounces + 1)
    is_upright = bool(rng.random() < 0.5)
    sign, sounds_at_bounce = (1 if rng.random() < 0.5 else -1), bool(rng.random() < 0.5)
    across, background = rng.uniform(-14, 14), choose(rng, list(BACKGROUNDS))

    def scene_at(t: float) -> Scene:
        share = t / leg % 2
        along = sign * 22 * (2 * (share if share <= 1 else 2 - share) - 1)
        dx, dy = (across, along) if is_upright else (along, across)
        return Scene((Thing(shape, colour, "medium", 4, dx, dy),), background, noise=2.0)

    timbre = choose(rng, TIMBRES)
    at_bounces = [leg * (i + 1) - 0.05 for i in range(bounces)]
    between = [leg * (i + 0.5) for i in range(bounces)]
    begins = at_bounces if sounds_at_bounce else between
    answers = {
        "bounces": (NUMBERS[bounces], f"{bounces}번"),
        "at_bounce": YES if sounds_at_bounce else NO,
        "timbre": (timbre, TIMBRES_KO[timbre]),
        "shape": (shape, SHAPES_KO[shape]),
        "colour": colour_answer(colour),
    }
    return Story(seconds, scene_at, tuple((b, timbre) for b in begins), answers)


def appearing(rng, split: str) -> Story:
    """Of two things one appears or disappears; one sound then, another at another time."""
    stays, other = two_things(rng, split)
    appears = bool(rng.random() < 0.5)
    seconds = float(rng.choice([3.0, 4.0]))
    at = seconds * rng.uniform(0.4, 0.6)
    background = choose(rng, list(BACKGROUNDS))

    def scene_at(t: float) -> Scene:
        is_there = (t >= at) == appears
        return Scene((stays, other) if is_there else (stays,), background, noise=2.0)

    then, at_another_time = (str(kind) for kind in rng.permutation(TIMBRES)[:2])
    away = 0.1 * seconds if rng.random() < 0.5 else 0.85 * seconds
    change = "appears" if appears else "disappears"
    answers = {
        "appears": (change, CHANGES_KO[change]),
        "what_" + change: thing_answer(other),
        "sound_at_change": (then, TIMBRES_KO[then]),
    }
    if appears:
        answers["order"] = thing_answer(stays)
    return Story(seconds, scene_at, ((at, then), (away, at_another_time)), answers)


def growing(rng, split: str) -> Story:
    """Two things grow, one after the other; only one of them with a sound."""
    pair = two_things(rng, split)
    seconds = 4.0
    begins = (0.5, 2.4)
    background = choose(rng, list(BACKGROUNDS))

    def scene_at(t: float) -> Scene:
        sizes = ["large" if b <= t < b + EVENT_SECONDS else "small" for b in begins]
        things = tuple(replace(thing, size=size) for thing, size in zip(pair, sizes, strict=False))
        return Scene(things, background, noise=2.0)

    which, timbre = int(rng.integers(0, 2)), choose(rng, TIMBRES)
    answers = {
        "maker": thing_answer(pair[which]),
        "grows_first": thing_answer(pair[0]),
        "timbre": (timbre, TIMBRES_KO[timbre]),
    }
    return Story(seconds, scene_at, ((begins[which] + 0.1, timbre),), answers)


STORIES = (moving, moving, bouncing, appearing, growing)


def soundtrack(story: Story, rng) -> np.ndarray:
    samples = rng.normal(0, 1e-3, int(story.seconds * RATE))
    for begin, timbre in story.sounds:
        one = tone(rng.uniform(300, 900), 0.25, timbre) * rng.uniform(0.5, 1.0)
        at = int(max(begin, 0.05) * RATE)
        samples[at : at + len(one)] += one[: len(samples) - at]
    return samples
