# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Reads a picture of the small world back by rule: no learnt part.

Every cell that differs from the ground is compared with each shape, size, place and
colour drawn over that ground; the least squared difference wins, unless even that
leaves too much unexplained.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from world import BACKGROUNDS, CELL, CELLS, COLOURS, SHAPES, SIZE, SIZES, Scene, outline

WINDOW = 22  # pixels a side that are looked at around a cell's centre
FINE = 8  # template grid: steps a pixel
OCCUPIED = 1.5e5  # squared levels above an empty cell's; a small thing has three times it
MIN_FIT = 0.6  # share of a cell's energy that its thing has to explain
_SHIFTS = np.arange(-6, 7) / 2  # pixels off the cell's centre
_PALETTE = np.array(list(COLOURS.values()), dtype=np.float32)


@dataclass(frozen=True)
class ReadThing:
    shape: str
    colour: str
    size: str
    cell: int
    fit: float  # share of the cell's energy explained; 1 is perfect


@dataclass(frozen=True)
class SceneReading:
    background: str
    things: tuple[ReadThing, ...]
    unknown_cells: tuple[int, ...]  # something is there that is no shape


@cache
def _templates(angles: tuple[float, ...]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Coverage [K, WINDOW²] of every shape, size, angle and shift, and what each shows."""
    room = WINDOW + 8
    rows, names = [], []
    for shape in SHAPES:
        for size, radius in SIZES.items():
            for angle in np.deg2rad(angles):
                canvas = Image.new("L", (room * FINE, room * FINE), 0)
                cos, sin = np.cos(angle), np.sin(angle)
                corners = [
                    ((x * cos - y * sin + room / 2) * FINE, (x * sin + y * cos + room / 2) * FINE)
                    for x, y in outline(shape, radius)
                ]
                ImageDraw.Draw(canvas).polygon(corners, fill=255)
                mask = np.asarray(canvas, dtype=np.float32) / 255
                for dy in _SHIFTS:
                    for dx in _SHIFTS:
                        top, left = (int((4 - d) * FINE) for d in (dy, dx))
                        cut = mask[top : top + WINDOW * FINE, left : left + WINDOW * FINE]
                        rows.append(cut.reshape(WINDOW, FINE, WINDOW, FINE).mean((1, 3)).ravel())
                        names.append((shape, size))
    return np.stack(rows), names


def _window(levels: np.ndarray, cell: int) -> np.ndarray:
    """[WINDOW, WINDOW, 3] around the centre of a cell; `levels` is padded by WINDOW."""
    row, column = divmod(cell, 3)
    top, left = (int(round((i + 0.5) * CELL)) - WINDOW // 2 + WINDOW for i in (row, column))
    return levels[top : top + WINDOW, left : left + WINDOW]


def read_scene(picture: Image.Image, *, angles: tuple[float, ...] = (0.0,)) -> SceneReading:
    """What a SIZE x SIZE picture shows; `angles` in degrees that things may be turned by."""
    if picture.size != (SIZE, SIZE):
        raise ValueError(f"[scene_reader] expected {SIZE} x {SIZE} pixels, got {picture.size}.")
    levels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    ground = np.median(levels.reshape(-1, 3), axis=0)
    background = min(
        BACKGROUNDS, key=lambda name: float(np.square(ground - BACKGROUNDS[name]).sum())
    )
    padded = np.pad(levels - ground, ((WINDOW, WINDOW), (WINDOW, WINDOW), (0, 0)))
    coverage, names = _templates(tuple(angles))
    squares = np.square(coverage).sum(1)
    directions = _PALETTE - ground  # [9, 3]
    strengths = np.square(directions).sum(1)
    windows = [_window(padded, cell).reshape(-1, 3) for cell in range(len(CELLS))]
    energies = [float(np.square(pixels).sum()) for pixels in windows]
    empty = sorted(energies)[2]  # scenes leave at least three cells empty: noise alone
    things, unknown = [], []
    for cell, (pixels, energy) in enumerate(zip(windows, energies, strict=False)):
        if energy < OCCUPIED + empty:
            continue
        # |p - t d|² = |p|² - 2 t (p·d) + t² |d|², summed over the window.
        errors = energy - 2 * coverage @ (pixels @ directions.T) + np.outer(squares, strengths)
        at, colour = divmod(int(errors.argmin()), len(COLOURS))
        fit = 1 - float(errors[at, colour]) / energy
        if fit < MIN_FIT:
            unknown.append(cell)
        else:
            shape, size = names[at]
            things.append(ReadThing(shape, list(COLOURS)[colour], size, cell, fit))
    return SceneReading(background, tuple(things), tuple(unknown))


def reading_of(facts: dict) -> SceneReading:
    """What a sample's facts ({"things": [[shape, colour, size, cell]], "background"}) say."""
    things = tuple(ReadThing(*thing, 1.0) for thing in facts["things"])
    return SceneReading(facts["background"], things, ())


@dataclass(frozen=True)
class DrawingVerdict:
    """Which attributes of a drawing are those asked for, of all things at once."""

    count: bool
    cells: bool
    shapes: bool
    colours: bool
    sizes: bool
    background: bool

    @property
    def all_right(self) -> bool:
        """Shape, colour and place of everything, and nothing else; sizes are not asked."""
        return self.count and self.cells and self.shapes and self.colours


def judge_drawing(picture: Image.Image, wanted: SceneReading) -> DrawingVerdict:
    got = read_scene(picture)
    ours = {thing.cell: thing for thing in got.things}
    theirs = {thing.cell: thing for thing in wanted.things}

    def agree(attribute: str) -> bool:
        if len(theirs) == 1 and len(ours) == 1:  # wherever it stands
            pairs = [(next(iter(ours.values())), next(iter(theirs.values())))]
        else:
            pairs = [(ours.get(cell), thing) for cell, thing in theirs.items()]
        return all(
            a is not None and getattr(a, attribute) == getattr(b, attribute) for a, b in pairs
        )

    return DrawingVerdict(
        count=len(ours) == len(theirs) and not got.unknown_cells,
        cells=set(ours) == set(theirs),
        shapes=agree("shape"),
        colours=agree("colour"),
        sizes=agree("size"),
        background=got.background == wanted.background,
    )


@dataclass(frozen=True)
class EditVerdict:
    is_done: bool  # the asked change is there
    kept: float  # share of the cells that should stay as they were and did


def judge_edit(picture: Image.Image, before: SceneReading, after: SceneReading) -> EditVerdict:
    def look(reading: SceneReading, cell: int):
        if cell in reading.unknown_cells:
            return "unknown"
        return next(((t.shape, t.colour) for t in reading.things if t.cell == cell), None)

    got = read_scene(picture)
    changed = [cell for cell in range(len(CELLS)) if look(before, cell) != look(after, cell)]
    same = [cell for cell in range(len(CELLS)) if cell not in changed]
    is_done = all(look(got, cell) == look(after, cell) for cell in changed)
    if before.background != after.background:
        is_done = is_done and got.background == after.background
    kept = sum(look(got, cell) == look(after, cell) for cell in same) / max(len(same), 1)
    return EditVerdict(is_done, kept)


def scene_reading(scene: Scene) -> SceneReading:
    """What a reader should see in a rendered scene."""
    things = tuple(ReadThing(t.shape, t.colour, t.size, t.cell, 1.0) for t in scene.things)
    return SceneReading(scene.background, things, ())
