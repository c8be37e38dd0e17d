# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Reading words and numbers that are printed in a picture."""

from functools import cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import words
from rng import choose, sample_rng
from samples import Sample
from splits import digits_are_held_out, phrasings, word_is_held_out
from world import BACKGROUNDS, COLOURS, SCALE, SIZE

FONTS = (
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/truetype/nanum/NanumGothicBold.ttf",
    "/usr/share/fonts/truetype/nanum/NanumMyeongjo.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
READ_PHRASES = {
    "word": (
        ("What is written?", "Read the word.", "What does it say?", "Which word is printed here?"),
        ("뭐라고 적혀 있어요?", "글자를 읽어 줘.", "뭐라고 쓰여 있어요?", "적힌 낱말은 무엇인가요?"),
    ),
    "digits": (
        ("Read the number.", "Which number is written?", "What number do you see?", "Tell me the digits."),
        ("숫자를 읽어 줘.", "무슨 숫자예요?", "적힌 숫자는 뭐예요?", "어떤 수가 보이나요?"),
    ),
    "sum": (
        ("What is the sum?", "Add the two numbers.", "What do they add up to?", "How much is it together?"),
        ("더하면 얼마예요?", "두 수를 더해 줘.", "합은 얼마예요?", "모두 합하면 몇인가요?"),
    ),
}  # fmt: skip


@cache
def font_of(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def print_text(text: str, rng: np.random.Generator) -> tuple[Image.Image, dict]:
    """Dark or coloured text on a light ground, large enough to be read at 64 pixels, and
    the label grids that say which glyph is where."""
    ground = BACKGROUNDS[choose(rng, list(BACKGROUNDS))]
    ink = COLOURS[choose(rng, ("black", "black", "blue", "red", "green", "purple", "brown"))]
    fonts = FONTS if text.isascii() else FONTS[:3]
    path = choose(rng, fonts)
    size = int(rng.integers(16, 25)) * SCALE
    while True:
        font = font_of(path, size)
        left, top, right, bottom = font.getbbox(text)
        if right - left <= (SIZE - 4) * SCALE or size <= 8 * SCALE:
            break
        size -= SCALE
    canvas = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), ground)
    room_x = SIZE * SCALE - (right - left)
    room_y = SIZE * SCALE - (bottom - top)
    x = int(np.clip(rng.normal(0.5, 0.15), 0, 1) * room_x) - left
    y = int(np.clip(rng.normal(0.5, 0.15), 0, 1) * room_y) - top
    ImageDraw.Draw(canvas).text((x, y), text, fill=ink, font=font)
    ends = [(x + font.getlength(text[:i])) / SCALE for i in range(len(text) + 1)]
    labels = glyph_grids(text, ends, y=(y + (top + bottom) / 2) / SCALE)
    return canvas.resize((SIZE, SIZE), Image.Resampling.BOX), labels


GLYPHS = "0123456789abcdefghijklmnopqrstuvwxyz+" + "".join(words.SYLLABLES_KO)
GLYPH_CELLS = 4  # a side; a cell is 16 pixels wide and has a left and a right half
NOT_LEARNED = -100


def glyph_grids(text: str, ends: list[float], y: float) -> dict[str, list[list[int]]]:
    """Labels `glyph_left` and `glyph_right`: 1 + the index in GLYPHS of what has its
    middle in that half of a cell, 0 where there is none, -100 where there are two.
    `ends[i]` and `ends[i + 1]` are where glyph i begins and ends, `y` is the height of
    the middle of the line, in pixels."""
    cell = SIZE / GLYPH_CELLS
    grids = [[[0] * GLYPH_CELLS for _ in range(GLYPH_CELLS)] for _ in range(2)]
    row = int(np.clip(y // cell, 0, GLYPH_CELLS - 1))
    for glyph, (begin, end) in zip(text, pairwise(ends), strict=True):
        half = int(np.clip((begin + end) // cell, 0, 2 * GLYPH_CELLS - 1))
        line = grids[half % 2][row]
        line[half // 2] = NOT_LEARNED if line[half // 2] else 1 + GLYPHS.index(glyph)
    return {"glyph_left": grids[0], "glyph_right": grids[1]}


CONSONANTS, VOWELS = "bcdfghklmnprstw", "aeiou"


def made_up_word(rng: np.random.Generator, korean: bool) -> str:
    """Letters as words have them, so that reading is more than knowing the words."""
    count = int(rng.integers(2, 4))
    if korean:
        return "".join(choose(rng, words.SYLLABLES_KO) for _ in range(count))
    pieces = [choose(rng, CONSONANTS) + choose(rng, VOWELS) for _ in range(count)]
    return "".join(pieces)[: 6 - int(rng.integers(0, 2))] + choose(rng, ("", *CONSONANTS))


def text_and_answer(kind: str, rng: np.random.Generator, split: str) -> tuple[str, str]:
    """What is printed and what to answer; `heldout` ones are never trained."""
    while True:
        if kind == "word":
            korean = bool(rng.random() < 0.5)
            text = choose(rng, words.PRINTED_KO if korean else words.PRINTED_EN)
            if split == "train" and rng.random() < 0.4:
                text = made_up_word(rng, korean)
            answer, is_held_out = text, word_is_held_out(text)
        elif kind == "digits":
            count = int(rng.integers(1, 5))
            text = answer = "".join(str(d) for d in rng.integers(0, 10, count))
            is_held_out = count >= 3 and digits_are_held_out(text)
        else:
            a, b = (int(v) for v in rng.integers(1, 10, 2))
            text, answer = f"{a}+{b}", str(a + b)
            is_held_out = digits_are_held_out(text)
        if is_held_out == (split == "heldout"):
            return text, answer


def make_reading(seed: int, split: str, index: int) -> Sample:
    rng = sample_rng(seed, "reading", split, index)
    kind = choose(rng, ("word", "word", "digits", "sum"))
    text, answer = text_and_answer(kind, rng, split)
    sample = Sample("reading", facts={"kind": kind, "text": text})
    korean = bool(rng.random() < 0.5)
    asked = choose(rng, phrasings(READ_PHRASES[kind][int(korean)], split))
    sample.say("user", sample.picture(*print_text(text, rng)), asked)
    sample.say("assistant", answer)
    return sample
