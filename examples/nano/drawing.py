# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Drawing what is described, and changing a picture as asked."""

from dataclasses import replace

from korean import has_final, with_particle
from pictures import listed, name, say_colour, with_article
from rng import choose, sample_rng
from samples import Sample
from splits import phrasings
from world import (
    BACKGROUNDS,
    BACKGROUNDS_KO,
    CELLS,
    CELLS_KO,
    COLOURS,
    SIZES_KO,
    Scene,
    Thing,
    breaks_training_rules,
    random_thing,
    render,
)  # fmt: skip

DRAW = (
    ("Draw {what}.", "Paint {what}.", "Please draw {what}.", "Make a picture of {what}."),
    (
        "{what} 그려 줘.",
        "{what} 그려 주세요.",
        "그림을 그려 줘: {what}.",
        "{what} 그림으로 보여 줘.",
    ),
)


def describe_thing(thing: Thing, korean: bool, with_place: bool) -> str:
    size = "" if thing.size == "medium" else (SIZES_KO if korean else SIZES_EN)[thing.size] + " "
    if korean:
        place = f"{CELLS_KO[CELLS[thing.cell]]}에 " if with_place else ""
        return place + size + name(thing, True)
    place = f" at the {CELLS[thing.cell]}" if with_place else ""
    return with_article(size + name(thing, False)) + place


SIZES_EN = {"small": "small", "medium": "", "large": "large"}


def describe_scene(scene: Scene, korean: bool) -> str:
    """Enough words to draw it: a lone thing in the centre needs no place."""
    is_lone = len(scene.things) == 1 and scene.things[0].cell == 4
    parts = [describe_thing(thing, korean, not is_lone) for thing in scene.things]
    if korean:
        joined = parts[0]
        for part in parts[1:]:
            joined = with_particle(joined, "과/와") + " " + part
        text = with_particle(joined, "을/를")
        return (
            text
            if scene.background == "white"
            else f"{BACKGROUNDS_KO[scene.background]} 바탕에 {text}"
        )
    text = listed(parts)
    return text if scene.background == "white" else f"{text} on a {scene.background} background"


def plain_scene(rng, split: str, max_things: int) -> Scene:
    """A scene without jitter: what it shows follows from its description alone."""
    count = 1 if rng.random() < 0.4 else int(rng.integers(1, max_things + 1))
    while True:
        cells = (
            [4]
            if count == 1 and rng.random() < 0.6
            else sorted(int(c) for c in rng.permutation(9)[:count])
        )
        things = tuple(random_thing(rng, cell, is_plain=True) for cell in cells)
        background = "white" if rng.random() < 0.5 else choose(rng, list(BACKGROUNDS))
        scene = Scene(things, background)
        if breaks_training_rules(scene) == (split == "heldout"):
            return scene


def scene_facts(scene: Scene) -> dict:
    return {
        "things": [[t.shape, t.colour, t.size, t.cell] for t in scene.things],
        "background": scene.background,
    }


def make_draw(seed: int, split: str, index: int) -> Sample:
    rng = sample_rng(seed, "draw", split, index)
    scene = plain_scene(rng, split, 3)
    korean = bool(rng.random() < 0.5)
    sample = Sample("draw", facts=scene_facts(scene))
    template = choose(rng, phrasings(DRAW[int(korean)], split))
    what = describe_scene(scene, korean)
    sample.say("user", template.format(what=what))
    sample.say("assistant", sample.picture(render(scene)))
    return sample


# How a change is asked for, by kind: English and Korean; the last of each is not trained.
EDIT = {
    "recolour": (
        ("Make the {what} {colour}.", "Paint the {what} {colour}.",
         "Change the {what} to {colour}.", "Turn the {what} {colour}."),
        ("{what_reul} {colour}으로 바꿔 줘.", "{what_reul} {colour}으로 칠해 줘.",
         "{what}의 색을 {colour}으로 바꿔 줘.", "{what_reul} {colour}으로 해 줘."),
    ),
    "move": (
        ("Move the {what} to the {place}.", "Put the {what} at the {place}.",
         "Bring the {what} to the {place}.", "Shift the {what} to the {place}."),
        ("{what_reul} {place}{ro} 옮겨 줘.", "{what_reul} {place}에 놓아 줘.",
         "{what_reul} {place}{ro} 보내 줘.", "{what_reul} {place}{ro} 이동해 줘."),
    ),
    "add": (
        ("Add {what}.", "Also draw {what}.", "Insert {what}.", "Include {what}."),
        ("{what_reul} 더해 줘.", "{what_reul} 더 그려 줘.", "{what_reul} 넣어 줘.",
         "{what_reul} 추가해 줘."),
    ),
    "remove": (
        ("Remove the {what}.", "Delete the {what}.", "Take the {what} away.",
         "Erase the {what}."),
        ("{what_reul} 지워 줘.", "{what_reul} 없애 줘.", "{what_reul} 빼 줘.",
         "{what_reul} 삭제해 줘."),
    ),
    "background": (
        ("Make the background {ground}.", "Change the background to {ground}.",
         "Use a {ground} background.", "Paint the background {ground}."),
        ("바탕을 {ground}으로 바꿔 줘.", "배경을 {ground}으로 해 줘.",
         "바탕을 {ground}으로 칠해 줘.", "배경색을 {ground}으로 바꿔 줘."),
    ),
}  # fmt: skip


def change(scene: Scene, rng, split: str, korean: bool) -> tuple[Scene, str, str] | None:
    """A changed scene, the words that ask for it and the kind; None if it cannot be."""
    thing = choose(rng, scene.things)
    if scene.count(thing.shape, thing.colour) != 1:
        return None
    others = tuple(t for t in scene.things if t is not thing)
    free = [cell for cell in range(9) if scene.at(cell) is None]
    kind = choose(rng, list(EDIT))
    slots = {"what": name(thing, korean)}
    if kind == "recolour":
        new = replace(thing, colour=choose(rng, [c for c in COLOURS if c != thing.colour]))
        slots["colour"] = say_colour(new.colour, korean)
        after = replace(scene, things=(*others, new))
    elif kind == "move":
        new = replace(thing, cell=choose(rng, free))
        slots["place"] = CELLS_KO[CELLS[new.cell]] if korean else CELLS[new.cell]
        slots["ro"] = "으로" if has_final(slots["place"]) else "로"
        after = replace(scene, things=(*others, new))
    elif kind == "add":
        new = random_thing(rng, choose(rng, free), is_plain=True)
        slots["what"] = describe_thing(new, korean, True)
        after = replace(scene, things=(*scene.things, new))
    elif kind == "remove":
        if not others:
            return None
        after = replace(scene, things=others)
    else:
        ground = choose(rng, [b for b in BACKGROUNDS if b != scene.background])
        slots["ground"] = BACKGROUNDS_KO[ground] if korean else ground
        after = replace(scene, background=ground)
    if split != "heldout" and breaks_training_rules(after):
        return None
    if korean:
        slots["what_reul"] = with_particle(slots["what"], "을/를")
    asked = choose(rng, phrasings(EDIT[kind][int(korean)], split))
    return after, asked.format(**slots), kind


def make_edit(seed: int, split: str, index: int) -> Sample:
    rng = sample_rng(seed, "edit", split, index)
    while True:
        scene = plain_scene(rng, split, 3)
        made = change(scene, rng, split, bool(rng.random() < 0.5))
        if made is not None:
            break
    after, text, kind = made
    facts = {"kind": kind, "before": scene_facts(scene), "after": scene_facts(after)}
    sample = Sample("edit", facts=facts)
    sample.say("user", sample.picture(render(scene)), text)
    sample.say("assistant", sample.picture(render(after)))
    return sample
