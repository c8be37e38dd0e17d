# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes resize.bin: what Pillow makes of noise pictures, uint8, one result after
another in the order of CASES and, for each, of FILTERS. Needs Pillow and NumPy."""

import pathlib

import numpy as np
from PIL import Image

# (height, width) of the input, then of the output. The same list is in
# tests/encoders/resize_test.cpp.
CASES = [
    ((33, 47), (64, 64)),
    ((64, 64), (33, 21)),
    ((127, 3), (31, 17)),
    ((64, 2), (31, 17)),
    ((1, 7), (5, 90)),
    ((7, 1), (90, 5)),
    ((1, 1), (3, 4)),
    ((5, 9), (1, 1)),
    ((240, 320), (16, 24)),
    ((20, 30), (20, 13)),
    ((20, 30), (45, 30)),
    ((10, 10), (15, 15)),
    ((1000, 1), (7, 1)),
]
FILTERS = [Image.NEAREST, Image.BILINEAR, Image.BICUBIC]


def noise(height, width):
    """Pixels of a linear congruential generator, a white line every fifth row."""
    state = 12345
    values = np.empty(height * width * 3, dtype=np.uint8)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = state >> 24
    pixels = values.reshape(height, width, 3)
    pixels[::5] = 255
    return pixels


def main():
    parts = []
    for (height, width), (out_height, out_width) in CASES:
        image = Image.fromarray(noise(height, width))
        for how in FILTERS:
            parts.append(np.asarray(image.resize((out_width, out_height), how)).ravel())
    path = pathlib.Path(__file__).with_name("resize.bin")
    np.concatenate(parts).tofile(path)


if __name__ == "__main__":
    main()
