# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Questions about pictures of the small world."""

from korean import with_particle
from rng import choose, sample_rng
from samples import Sample
from splits import pair_is_held_out, phrasings
from world import (
    CELLS,
    CELLS_KO,
    COLOURS,
    COLOURS_KO,
    SHAPES,
    SHAPES_KO,
    SIZES,
    Scene,
    Thing,
    label_grids,
    random_scene,
    render,
)  # fmt: skip

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
# Each question: English phrasings and Korean ones; the last quarter is never trained.
PHRASES = {
    "colour_at": (
        ("What colour is the shape at the {cell}?", "Which colour is at the {cell}?",
         "Name the colour of the thing at the {cell}.", "The {cell} shape has what colour?"),
        ("{cell}에 있는 도형은 무슨 색이에요?", "{cell}에 있는 것의 색을 말해 줘.",
         "{cell} 도형의 색은 뭐예요?", "{cell}에는 어떤 색이 있나요?"),
    ),
    "shape_at": (
        ("What shape is at the {cell}?", "Which shape do you see at the {cell}?",
         "Name the shape at the {cell}.", "The {cell} holds what shape?"),
        ("{cell}에 있는 도형은 뭐예요?", "{cell}에 무슨 모양이 있어요?",
         "{cell} 도형의 이름을 말해 줘.", "{cell}에는 어떤 모양이 보이나요?"),
    ),
    "count_shape": (
        ("How many {shapes} are there?", "Count the {shapes}.",
         "How many {shapes} do you see?", "What is the number of {shapes}?"),
        ("{shape_ga} 몇 개예요?", "{shape}의 개수를 세어 줘.",
         "{shape_ga} 몇 개 보여요?", "{shape_neun} 모두 몇 개 있나요?"),
    ),
    "count_pair": (
        ("How many {colour} {shapes} are there?", "Count the {colour} {shapes}.",
         "How many {colour} {shapes} do you see?", "What is the number of {colour} {shapes}?"),
        ("{colour} {shape_ga} 몇 개예요?", "{colour} {shape}의 개수를 세어 줘.",
         "{colour} {shape_ga} 몇 개 보여요?", "{colour} {shape_neun} 모두 몇 개 있나요?"),
    ),
    "where": (
        ("Where is the {colour} {shape}?", "In which place is the {colour} {shape}?",
         "Find the {colour} {shape}.", "Tell me the position of the {colour} {shape}."),
        ("{colour} {shape_neun} 어디에 있어요?", "{colour} {shape}의 위치를 말해 줘.",
         "{colour} {shape_reul} 찾아 줘.", "{colour} {shape_ga} 있는 곳은 어디인가요?"),
    ),
    "exists": (
        ("Is there a {colour} {shape}?", "Do you see a {colour} {shape}?",
         "Does the picture have a {colour} {shape}?", "Can a {colour} {shape} be seen?"),
        ("{colour} {shape_ga} 있어요?", "{colour} {shape_ga} 보여요?",
         "그림에 {colour} {shape_ga} 있나요?", "{colour} {shape_reul} 볼 수 있어요?"),
    ),
    "relation": (
        ("Is the {a} {relation} the {b}?", "Does the {a} lie {relation} the {b}?",
         "Tell me if the {a} is {relation} the {b}.", "Would you say the {a} is {relation} the {b}?"),
        ("{a_ga} {b}보다 {relation}에 있어요?", "{a_neun} {b}의 {relation}에 있어요?",
         "{b}보다 {a_ga} 더 {relation}에 있나요?", "{a}의 자리가 {b}보다 {relation}인가요?"),
    ),
    "larger": (
        ("Which is larger, the {a} or the {b}?", "Which one is bigger: the {a} or the {b}?",
         "Is the {a} or the {b} larger?", "Of the {a} and the {b}, which has the larger size?"),
        ("{a_wa} {b} 중에 뭐가 더 커요?", "더 큰 것은 {a_ye}, {b_ye}?",
         "{a_ga} 커요, {b_ga} 커요?", "{a_wa} {b} 가운데 큰 쪽을 말해 줘."),
    ),
    "same": (
        ("Do the {cell} and the {other} shape have the same colour?",
         "Are the shapes at the {cell} and the {other} the same colour?",
         "Same colour at the {cell} and the {other}?",
         "Is the colour at the {cell} equal to that at the {other}?"),
        ("{cell_wa} {other}의 도형은 색이 같아요?", "{cell_wa} {other}에 있는 것은 같은 색이에요?",
         "{cell_wa} {other}의 색이 똑같나요?", "{cell}의 색은 {other}의 색과 같은가요?"),
    ),
}  # fmt: skip
# The first thing that anyone asks. Apart from the others: its answer is too long to be
# spoken, and it is no question about a part of the picture.
DESCRIBE = (
    ("What do you see?", "What is this?", "What is in the picture?", "Describe the picture.",
     "Tell me what is shown."),
    ("무엇이 보이나요?", "이게 뭐예요?", "그림에 뭐가 있어요?", "그림을 설명해 줘.",
     "무엇이 그려져 있나요?"),
)  # fmt: skip
KINDS = (*PHRASES, "describe")
# How often training asks each, in parts of 60; the other splits ask all alike. To find
# things by their looks is learnt last; and a description answers all questions behind it.
TRAINED = {
    "colour_at": 4, "shape_at": 5, "count_shape": 8, "count_pair": 8, "where": 9,
    "exists": 10, "relation": 7, "larger": 3, "same": 5, "describe": 1,
}  # fmt: skip
TRAINED_KINDS = tuple(kind for kind, parts in TRAINED.items() for _ in range(parts))
RELATIONS = {"left of": "왼쪽", "right of": "오른쪽", "above": "위", "below": "아래"}


def name(thing: Thing, korean: bool) -> str:
    if korean:
        return f"{COLOURS_KO[thing.colour]} {SHAPES_KO[thing.shape]}"
    return f"{thing.colour} {thing.shape}"


def say_colour(colour: str, korean: bool) -> str:
    """The colour as an answer by itself."""
    if not korean:
        return colour
    word = COLOURS_KO[colour]
    return word if word.endswith("색") else word + "색"


def yes(value: bool, korean: bool) -> str:
    return ("예" if value else "아니요") if korean else ("yes" if value else "no")


def fill(kind: str, rng, split: str, korean: bool, **slots: str) -> str:
    """A phrasing of the question with its slots filled, Korean particles included."""
    template = choose(rng, phrasings(PHRASES[kind][int(korean)], split))
    if "shape" in slots:
        slots["shapes"] = slots["shape"] + ("es" if slots["shape"] == "cross" else "s")
    if korean:
        for key, word in list(slots.items()):
            for suffix, pair in (("ga", "이/가"), ("neun", "은/는"), ("reul", "을/를"),
                                 ("wa", "과/와"), ("ye", "이에요/예요")):  # fmt: skip
                slots[f"{key}_{suffix}"] = with_particle(word, pair)
    return template.format(**slots)


def with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(parts: list[str]) -> str:
    """ "x", "x and y", "x, y and z"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def description(scene: Scene, korean: bool) -> str:
    """All things with their places, cell by cell."""
    things = sorted(scene.things, key=lambda thing: thing.cell)
    if korean:
        return ", ".join(f"{CELLS_KO[CELLS[t.cell]]}에 {name(t, True)}" for t in things)
    return listed([f"{with_article(name(t, False))} at the {CELLS[t.cell]}" for t in things])


def question(kind: str, scene: Scene, rng, split: str, korean: bool) -> tuple[str, str] | None:
    """One question of that kind with its answer; None where the scene allows none."""
    things = scene.things
    thing = choose(rng, things)
    cell = CELLS_KO[CELLS[thing.cell]] if korean else CELLS[thing.cell]
    ask = lambda **slots: fill(kind, rng, split, korean, **slots)  # noqa: E731
    is_unique = scene.count(thing.shape, thing.colour) == 1
    if kind == "describe":
        asked = choose(rng, phrasings(DESCRIBE[int(korean)], split))
        return asked, description(scene, korean)
    if kind == "colour_at":
        return ask(cell=cell), say_colour(thing.colour, korean)
    if kind == "shape_at":
        return ask(cell=cell), SHAPES_KO[thing.shape] if korean else thing.shape
    if kind in ("count_shape", "count_pair"):
        shape, colour = thing.shape, thing.colour
        if rng.random() < 0.3:
            shape = choose(rng, SHAPES)
        if kind == "count_pair" and split != "heldout" and pair_is_held_out(shape, colour):
            return None
        number = scene.count(shape, colour if kind == "count_pair" else None)
        shown = SHAPES_KO[shape] if korean else shape
        hue = COLOURS_KO[colour] if korean else colour
        answer = f"{number}개" if korean else NUMBERS[number]
        return ask(shape=shown, colour=hue), answer
    if kind == "where" and is_unique:
        shown = SHAPES_KO[thing.shape] if korean else thing.shape
        hue = COLOURS_KO[thing.colour] if korean else thing.colour
        return ask(shape=shown, colour=hue), cell
    if kind == "exists":
        shape, colour = thing.shape, thing.colour
        if rng.random() < 0.6:  # near misses: one of the two is really there
            if rng.random() < 0.5:
                shape = choose(rng, SHAPES)
            else:
                colour = choose(rng, list(COLOURS))
        if split != "heldout" and pair_is_held_out(shape, colour):
            return None
        shown = SHAPES_KO[shape] if korean else shape
        hue = COLOURS_KO[colour] if korean else colour
        return ask(shape=shown, colour=hue), yes(scene.count(shape, colour) > 0, korean)
    if kind in ("relation", "larger", "same") and len(things) > 1:
        other = choose(rng, [t for t in things if t is not thing])
        if kind == "same":
            alike = [t for t in things if t is not thing and t.colour == thing.colour]
            if alike and rng.random() < 0.6:  # or nearly every answer is no
                other = choose(rng, alike)
            there = CELLS_KO[CELLS[other.cell]] if korean else CELLS[other.cell]
            return ask(cell=cell, other=there), yes(thing.colour == other.colour, korean)
        if not is_unique or scene.count(other.shape, other.colour) != 1:
            return None
        a, b = name(thing, korean), name(other, korean)
        if kind == "larger":
            if thing.size == other.size:
                return None
            sizes = list(SIZES)
            wins = sizes.index(thing.size) > sizes.index(other.size)
            return ask(a=a, b=b), a if wins else b
        return relation_question(thing, other, rng, korean, ask)
    return None


def relation_question(thing, other, rng, korean, ask) -> tuple[str, str] | None:
    row, column = divmod(thing.cell, 3)
    other_row, other_column = divmod(other.cell, 3)
    truths = {
        "left of": column < other_column,
        "right of": column > other_column,
        "above": row < other_row,
        "below": row > other_row,
    }
    relation = choose(rng, list(RELATIONS))
    if relation in ("left of", "right of") and column == other_column:
        return None
    if relation in ("above", "below") and row == other_row:
        return None
    shown = RELATIONS[relation] if korean else relation
    a, b = name(thing, korean), name(other, korean)
    return ask(a=a, b=b, relation=shown), yes(truths[relation], korean)


def make_picture(seed: int, split: str, index: int) -> Sample:
    """A scene with eight questions behind it."""
    rng = sample_rng(seed, "picture", split, index)
    scene = random_scene(rng, split)
    sample = Sample("picture")
    part = sample.picture(render(scene, rng), label_grids(scene))
    kinds = []
    while len(sample.messages) < 16:
        kind = choose(rng, TRAINED_KINDS if split == "train" else KINDS)
        made = question(kind, scene, rng, split, bool(rng.random() < 0.5))
        if made is None:
            continue
        kinds.append(kind)
        if sample.messages:
            sample.ask(*made)
        else:
            sample.say("user", part, made[0])
            sample.say("assistant", made[1])
    sample.facts = {"kinds": kinds}
    return sample
