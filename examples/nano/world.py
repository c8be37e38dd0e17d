# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The small world: coloured shapes in the nine cells of a picture, and how it is drawn."""

from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from rng import choose
from splits import count_is_held_out, pair_is_held_out

SIZE = 64  # pixels a side
SCALE = 4  # supersampling before the picture is made smaller
CELL = SIZE / 3

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
SHAPES_KO = dict(zip(SHAPES, ("원", "네모", "세모", "별", "십자", "하트"), strict=False))
COLOURS = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (245, 215, 50),
    "green": (40, 160, 70),
    "blue": (40, 90, 215),
    "purple": (135, 60, 180),
    "pink": (245, 130, 180),
    "brown": (130, 80, 40),
    "black": (30, 30, 30),
}
COLOURS_KO = dict(
    zip(
        COLOURS,
        ("빨간", "주황", "노란", "초록", "파란", "보라", "분홍", "갈색", "검은"),
        strict=False,
    )
)
SIZES = {"small": 5.2, "medium": 7.2, "large": 9.4}  # half the extent, pixels
SIZES_KO = dict(zip(SIZES, ("작은", "보통", "큰"), strict=False))
BACKGROUNDS = {
    "white": (250, 250, 250),
    "grey": (205, 205, 205),
    "sky": (200, 228, 248),
    "cream": (248, 236, 205),
}
BACKGROUNDS_KO = dict(zip(BACKGROUNDS, ("흰색", "회색", "하늘색", "크림색"), strict=False))
CELLS = (
    "top left", "top", "top right", "left", "center", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
CELLS_KO = dict(
    zip(
        CELLS,
        ("왼쪽 위", "위", "오른쪽 위", "왼쪽", "가운데", "오른쪽",
         "왼쪽 아래", "아래", "오른쪽 아래"), strict=False,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Thing:
    shape: str
    colour: str
    size: str
    cell: int  # index into CELLS
    dx: float = 0.0  # pixels from the cell's centre
    dy: float = 0.0
    angle: float = 0.0  # degrees
    tint: tuple[int, int, int] = (0, 0, 0)  # added to the colour

    @property
    def centre(self) -> tuple[float, float]:
        row, column = divmod(self.cell, 3)
        return (column + 0.5) * CELL + self.dx, (row + 0.5) * CELL + self.dy


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]
    background: str = "white"
    noise: float = 0.0  # standard deviation of pixel noise, levels
    blur: float = 0.0  # pixels
    extra: tuple = field(default=())

    def at(self, cell: int) -> Thing | None:
        return next((thing for thing in self.things if thing.cell == cell), None)

    def count(self, shape: str, colour: str | None = None) -> int:
        return sum(thing.shape == shape and colour in (None, thing.colour) for thing in self.things)


def breaks_training_rules(scene: Scene) -> bool:
    """Whether training must not see this scene."""
    pairs = {(thing.shape, thing.colour) for thing in scene.things}
    return any(
        pair_is_held_out(*pair) or count_is_held_out(scene.count(*pair), *pair) for pair in pairs
    )


def random_thing(rng: np.random.Generator, cell: int, *, is_plain: bool = False) -> Thing:
    thing = Thing(choose(rng, SHAPES), choose(rng, list(COLOURS)), choose(rng, list(SIZES)), cell)
    if is_plain:
        return thing
    return replace(
        thing,
        dx=float(rng.uniform(-2, 2)),
        dy=float(rng.uniform(-2, 2)),
        angle=float(rng.uniform(-15, 15)),
        tint=tuple(int(v) for v in rng.integers(-14, 15, 3)),
    )


def random_scene(rng: np.random.Generator, split: str, max_things: int = 4) -> Scene:
    """A scene of the split: `heldout` scenes break a rule, all others keep them all."""
    while True:
        count = int(rng.integers(1, max_things + 1))
        cells = rng.permutation(9)[:count]
        things = [random_thing(rng, int(cell)) for cell in cells]
        if count > 1 and rng.random() < 0.35:  # equal things, or counting stays at one
            for i in range(1, count):
                if rng.random() < 0.6:
                    same = things[0]
                    things[i] = replace(things[i], shape=same.shape)
                    if rng.random() < 0.6:
                        things[i] = replace(things[i], colour=same.colour)
        scene = Scene(
            tuple(things),
            background=choose(rng, list(BACKGROUNDS)),
            noise=float(rng.choice([0.0, 3.0, 6.0])),
            blur=float(rng.choice([0.0, 0.0, 0.4, 0.7])),
        )
        if breaks_training_rules(scene) == (split == "heldout"):
            return scene


def outline(shape: str, radius: float) -> list[tuple[float, float]]:
    """Corners around the origin, y downwards; a circle is a polygon too."""
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    if shape == "circle":
        return [(radius * np.cos(t), radius * np.sin(t)) for t in turns]
    if shape == "square":
        side = 0.88 * radius
        return [(-side, -side), (side, -side), (side, side), (-side, side)]
    if shape == "triangle":
        return [(0, -radius), (0.95 * radius, 0.8 * radius), (-0.95 * radius, 0.8 * radius)]
    if shape == "star":
        points = []
        for i in range(10):
            length = radius * (1.08 if i % 2 == 0 else 0.45)
            angle = np.pi * i / 5 - np.pi / 2
            points.append((length * np.cos(angle), length * np.sin(angle)))
        return points
    if shape == "cross":
        a, b = radius, 0.34 * radius
        return [(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b), (b, a), (-b, a),
                (-b, b), (-a, b), (-a, -b), (-b, -b)]  # fmt: skip
    x = 16 * np.sin(turns) ** 3  # heart
    y = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns))
    return [(radius * a / 16, radius * (b - 2.5) / 16) for a, b in zip(x, y, strict=False)]


def thing_corners(thing: Thing) -> list[tuple[float, float]]:
    """Corners in pixels of the finished picture."""
    cx, cy = thing.centre
    angle = np.deg2rad(thing.angle)
    cos, sin = np.cos(angle), np.sin(angle)
    return [
        (cx + x * cos - y * sin, cy + x * sin + y * cos)
        for x, y in outline(thing.shape, SIZES[thing.size])
    ]


def render(scene: Scene, rng: np.random.Generator | None = None) -> Image.Image:
    """The scene as a SIZE x SIZE picture; `rng` only for pixel noise."""
    canvas = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), BACKGROUNDS[scene.background])
    draw = ImageDraw.Draw(canvas)
    for thing in scene.things:
        corners = [(x * SCALE, y * SCALE) for x, y in thing_corners(thing)]
        colour = tuple(
            int(np.clip(level + tint, 0, 255))
            for level, tint in zip(COLOURS[thing.colour], thing.tint, strict=False)
        )
        draw.polygon(corners, fill=colour)
    picture = canvas.resize((SIZE, SIZE), Image.Resampling.BOX)
    if scene.blur > 0:
        picture = picture.filter(ImageFilter.GaussianBlur(scene.blur))
    if scene.noise > 0 and rng is not None:
        levels = np.asarray(picture, dtype=np.float32)
        levels = levels + rng.normal(0, scene.noise, levels.shape)
        picture = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return picture


def label_grids(scene: Scene) -> dict[str, list[list[int]]]:
    """Class of each cell, 0 where it is empty."""
    classes = {"shape": SHAPES, "colour": tuple(COLOURS), "size": tuple(SIZES)}
    grids = {label: [[0] * 3 for _ in range(3)] for label in classes}
    for thing in scene.things:
        row, column = divmod(thing.cell, 3)
        for label, names in classes.items():
            grids[label][row][column] = 1 + names.index(getattr(thing, label))
    return grids
